"""What the SDKs create is put into force: it takes a push, and plays in a browser."""

import subprocess
import time
import urllib.error
import urllib.request

from alibabacloud_ice20201109 import models as ice
from alibabacloud_live20161101 import models as live
import huaweicloudsdklive.v1 as huawei

from server import ROOT, Server

PROGRAMME = ROOT / "fixtures" / "demo" / "demo.mp4"
# Chromium finds names below it on this machine.
DOMAIN = "play.localhost"


class Encoder:
    """ffmpeg, which pushes as long as it is entered."""

    def __init__(self, *to):
        self.command = ["ffmpeg", "-nostdin", "-loglevel", "error", "-re", "-stream_loop", "-1", "-i", str(PROGRAMME),
                        "-c", "copy", *to]

    def __enter__(self):
        self.process = subprocess.Popen(self.command, stderr=subprocess.PIPE, text=True)
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.communicate()

    def ended(self):
        return self.process.communicate(timeout=30)[1]


def get(url, **headers):
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=10) as answer:
            return answer.status, answer.read().decode("utf-8", "replace")
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode("utf-8", "replace")


def until(url, status, seconds=30, **headers):
    end = time.monotonic() + seconds
    while (seen := get(url, **headers))[0] != status:
        assert time.monotonic() < end, f"{url}: {seen}"
        time.sleep(0.2)
    return seen[1]


def plays(url, player="hls", **headers):
    command = ["node", str(ROOT / "tests" / "e2e" / "play.mjs"), "--player", player, "--url", url, "--seconds", "5"]
    for name, value in headers.items():
        command += ["--header", f"{name.replace('_', '-')}: {value}"]
    played = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert played.returncode == 0, played.stdout + played.stderr


def case_an_ice_channel_takes_a_push_and_plays():
    with Server() as server:
        client = server.ice()
        client.create_live_package_channel_group(ice.CreateLivePackageChannelGroupRequest(group_name="g"))
        channel = client.create_live_package_channel(ice.CreateLivePackageChannelRequest(
            group_name="g", channel_name="c", protocol="HLS", segment_count=5, segment_duration=2)).body
        first = channel.live_package_channel.ingest_endpoints[0]
        endpoint = client.create_live_package_origin_endpoint(ice.CreateLivePackageOriginEndpointRequest(
            group_name="g", channel_name="c", endpoint_name="e", protocol="HLS_CMAF",
            authorization_code="secret-code")).body.live_package_origin_endpoint
        path = endpoint.endpoint_url.split("origin.example.com", 1)[1]
        url = f"http://{server.egress}{path}"
        code = {"X-Package-Authorization": "secret-code"}
        until(url, 503, seconds=2, **code)
        credentials = f"{first.username}:{first.password}@"
        push = first.url.replace("http://", f"http://{credentials}").removesuffix("/manifest") + "/live.ts"
        wrong = push.replace(credentials, "somebody:else@")
        with Encoder("-f", "mpegts", "-method", "PUT", wrong) as encoder:
            assert encoder.ended(), "somebody else is refused"
        with Encoder("-f", "mpegts", "-method", "PUT", push):
            until(url, 200, **code)
            assert get(url)[0] == 403
            plays(url + ".m3u8", X_Package_Authorization="secret-code")
            # Access within a second; the list goes on.
            client.update_live_package_origin_endpoint(ice.UpdateLivePackageOriginEndpointRequest(
                group_name="g", channel_name="c", endpoint_name="e", protocol="HLS_CMAF",
                authorization_code="another-code"))
            until(url, 403, seconds=1, **code)
            until(url, 200, seconds=1, **{"X-Package-Authorization": "another-code"})
            name = {"group_name": "g", "channel_name": "c"}
            client.delete_live_package_origin_endpoint(
                ice.DeleteLivePackageOriginEndpointRequest(endpoint_name="e", **name))
            until(url, 404, seconds=2)
        client.delete_live_package_channel(ice.DeleteLivePackageChannelRequest(**name))
        client.delete_live_package_channel_group(ice.DeleteLivePackageChannelGroupRequest(group_name="g"))


def rtmp(server, domain, app, stream):
    return ("-f", "flv", "-rtmp_tcurl", f"rtmp://{domain}/{app}", "-rtmp_app", app,
            f"rtmp://{server.rtmp}/{app}/{stream}")


def case_a_live_stream_is_packaged_from_its_publish_on():
    with Server() as server:
        client = server.live()
        key = {"domain_name": DOMAIN, "app_name": "show", "stream_name": "*"}
        url = f"http://{DOMAIN}:{server.egress.split(':')[1]}/show/one"
        local = f"http://{server.egress}/show/one.m3u8"
        with Encoder(*rtmp(server, DOMAIN, "show", "one")) as encoder:
            assert encoder.ended(), "nothing is known of this host"
        client.add_live_package_config(live.AddLivePackageConfigRequest(
            protocol="HLSDASH_CMAF", segment_duration=2, segment_num=5, **key))
        with Encoder(*rtmp(server, DOMAIN, "show", "one")):
            until(local, 200, Host=DOMAIN)
            assert get(local, Host="other.localhost")[0] == 404
            plays(url + ".m3u8")
            plays(url + ".mpd", player="shaka")
        with Encoder(*rtmp(server, DOMAIN, "other", "one")):
            deadline = time.monotonic() + 15
            while "accepted, and not packaged" not in server.logged():
                assert time.monotonic() < deadline, server.logged()
                time.sleep(0.2)
            assert get(f"http://{server.egress}/other/one.m3u8", Host=DOMAIN)[0] == 404


def case_a_ladder_is_one_stream_or_streams_of_their_own():
    with Server() as server:
        client = server.live()
        for app, ignored in [("ladder", False), ("alone", True)]:
            client.add_live_package_config(live.AddLivePackageConfigRequest(
                domain_name=DOMAIN, app_name=app, stream_name="*", protocol="HLS_CMAF", segment_duration=2,
                segment_num=5, ignore_transcode=ignored))
        for app, variants, apart in [("ladder", 2, 404), ("alone", 1, 200)]:
            local = f"http://{server.egress}/{app}/one"
            # One process, so that both rungs have one clock; it opens them in this order.
            with Encoder(*rtmp(server, DOMAIN, app, "one"), "-c", "copy", *rtmp(server, DOMAIN, app, "one_hd")):
                text = until(f"{local}.m3u8", 200, Host=DOMAIN)
                end = time.monotonic() + 30
                while text.count("#EXT-X-STREAM-INF") != variants:
                    assert time.monotonic() < end, text
                    time.sleep(0.2)
                    text = get(f"{local}.m3u8", Host=DOMAIN)[1]
                until(f"{local}_hd.m3u8", apart, Host=DOMAIN)
                plays(f"http://{DOMAIN}:{server.egress.split(':')[1]}/{app}/one.m3u8")


def case_an_ott_channel_takes_rtmp_and_plays_at_its_own_url():
    with Server() as server:
        client = server.huawei()
        package = huawei.HlsPackageItem(
            url=f"http://{DOMAIN}/ott/one/index.m3u8", segment_duration_seconds=2, playlist_window_seconds=60,
            hls_version="7")
        body = huawei.CreateOttChannelInfoReq(
            domain="push.localhost.test", app_name="ott", id="one", name="n", state="ON",
            input=huawei.InputStreamInfo(input_protocol="RTMP_PUSH", sources=[huawei.SourcesInfo(bitrate=1000)]),
            record_settings=huawei.CreateOttChannelInfoReqRecordSettings(rollingbuffer_duration=0),
            endpoints=[huawei.EndpointItem(hls_package=[package])])
        made = client.create_ott_channel_info(huawei.CreateOttChannelInfoRequest(body=body))
        pushed = made.sources[0].url
        app, stream = pushed.split("/")[-2:]
        local = f"http://{server.egress}/ott/one/index.m3u8"
        with Encoder(*rtmp(server, "push.localhost.test", app, stream)):
            text = until(local, 200, Host=DOMAIN)
            assert "#EXT-X-VERSION:7" in text, text
            plays(f"http://{DOMAIN}:{server.egress.split(':')[1]}/ott/one/index.m3u8")


def newest(url, host):
    """The number behind the last segment of the first media playlist."""
    multivariant = get(url, Host=host)[1]
    uri = next(line for line in multivariant.splitlines() if line and not line.startswith("#"))
    text = get(url.rsplit("/", 1)[0] + "/" + uri, Host=host)[1]
    assert "#EXT-X-ENDLIST" not in text and text.count("#EXT-X-GAP") < 5, text
    return int(text.split("#EXT-X-MEDIA-SEQUENCE:")[1].split()[0]) + text.count("#EXTINF")


def goes_on(url, host, by, seconds=30):
    begins, end = newest(url, host), time.monotonic() + seconds
    while newest(url, host) < begins + by:
        assert time.monotonic() < end, "the list stands still"
        time.sleep(0.3)


def case_an_ott_channel_goes_over_to_its_second_source_and_back():
    with Server() as first, Server() as second, Server() as server:
        def pushed(origin):
            return Encoder("-f", "mpegts", "-method", "PUT", f"http://{origin.ingest}/v1/file/1/one/live.ts")

        def source(origin):
            return f"http://{origin.egress}/v1/file/1/one/manifest.m3u8"

        conditions = huawei.FailoverConditions(input_loss_threshold_msec=1000, input_preference="PRIMARY")
        body = huawei.CreateOttChannelInfoReq(
            domain="push.localhost.test", app_name="ott", id="two", state="ON",
            input=huawei.InputStreamInfo(
                input_protocol="HLS_PULL", sources=[huawei.SourcesInfo(url=source(first))],
                secondary_sources=[huawei.SecondarySourcesInfo(url=source(second))], failover_conditions=conditions),
            record_settings=huawei.CreateOttChannelInfoReqRecordSettings(rollingbuffer_duration=0),
            endpoints=[huawei.EndpointItem(hls_package=[huawei.HlsPackageItem(
                url=f"http://{DOMAIN}/ott/two", segment_duration_seconds=1, playlist_window_seconds=60)])])
        url = f"http://{server.egress}/ott/two"
        with pushed(second):
            with pushed(first):
                until(source(first), 200)
                until(source(second), 200)
                server.huawei().create_ott_channel_info(huawei.CreateOttChannelInfoRequest(body=body))
                until(url, 200, Host=DOMAIN)
                goes_on(url, DOMAIN, 3)
            # The first source's list stands still. It may have come second before.
            returned = lambda: server.logged().count('"MainReturned"')
            before = returned()
            goes_on(url, DOMAIN, 12)
            assert returned() == before, server.logged()
            with pushed(first):
                end = time.monotonic() + 40
                while returned() == before:
                    assert time.monotonic() < end, server.logged()
                    time.sleep(0.3)
                goes_on(url, DOMAIN, 6)
                plays(f"http://{DOMAIN}:{server.egress.split(':')[1]}/ott/two")
