"""A server that runs, and clients of it."""

import os
import pathlib
import re
import signal
import subprocess
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BINARY = os.environ.get("HEADWATER", str(ROOT / "target" / "debug" / "headwater"))

CONFIG = """
[egress]
listen = "127.0.0.1:0"
public_url = "https://origin.example.com"
workers = 1
[ingest]
http = "127.0.0.1:0"
rtmp = "127.0.0.1:0"
[admin]
listen = "127.0.0.1:0"
access_keys = [
  { id = "test-ak", secret = "test-sk", scopes = ["ice", "live", "huawei", "native"], project_id = "prj1" },
  { id = "ice-ak", secret = "ice-sk", scopes = ["ice"] },
]
[[channel]]
group = "file"
name = "one"
  [[channel.endpoint]]
  protocol = "HLS"
  segment_duration = "1s"
  open = true
"""


class Server:
    """Started on entering, ended in order on leaving; `kill` ends it at once, `start` starts it again
    with what is on its disk and another port."""

    def __init__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="headwater-sdk-")
        self.path = pathlib.Path(self.folder.name)
        (self.path / "headwater.toml").write_text(CONFIG)
        self.log = open(self.path / "log", "ab")
        self.process = None
        self.start()

    def start(self):
        command = [BINARY, "serve", "--config", str(self.path / "headwater.toml")]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=self.log, text=True)
        for line in self.process.stdout:
            found = re.match(r"(admin|ingest|egress) https?://(.*)", line)
            if found:
                setattr(self, found[1], found[2])
            found = re.match(r"publish rtmp://(.*)", line)
            if found:
                self.rtmp = found[1].strip()
            if line.strip() == "ready":
                return
        raise AssertionError((self.path / "log").read_text())

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(20)
        self.log.close()
        self.folder.cleanup()

    def logged(self):
        return (self.path / "log").read_text()

    def ice(self, ak="test-ak", sk="test-sk", **more):
        from alibabacloud_ice20201109.client import Client

        return Client(alibaba(self.admin, ak, sk, **more))

    def live(self, ak="test-ak", sk="test-sk", **more):
        from alibabacloud_live20161101.client import Client

        return Client(alibaba(self.admin, ak, sk, **more))

    def huawei(self, ak="test-ak", sk="test-sk", project="prj1"):
        from huaweicloudsdkcore.auth.credentials import BasicCredentials
        from huaweicloudsdklive.v1 import LiveClient

        builder = LiveClient.new_builder().with_credentials(BasicCredentials(ak, sk, project))
        return builder.with_endpoint(f"http://{self.admin}").build()


def alibaba(endpoint, ak, sk, **more):
    from alibabacloud_tea_openapi.models import Config

    return Config(access_key_id=ak, access_key_secret=sk, endpoint=endpoint, protocol="http",
                  region_id="cn-shanghai", **more)


def refused(call, code, status=None):
    """Calls, and sees to it that it is refused with a code of these and a status."""
    codes = [code] if isinstance(code, str) else code
    try:
        answer = call()
    except Exception as error:  # the SDKs' classes have no common base
        found = getattr(error, "code", None) or getattr(error, "error_code", None)
        at = getattr(error, "status_code", None)
        assert found in codes, f"{found} where {codes} was due: {error!r}"
        assert status is None or at == status, f"{at} where {status} was due: {error!r}"
        return error
    raise AssertionError(f"not refused: {answer}")
