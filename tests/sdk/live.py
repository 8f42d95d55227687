"""Live, version 2016-11-01, by its own SDK."""

from alibabacloud_live20161101 import models as m

from server import Server, refused

DOMAIN = "play.example.com"
MISSING = ("MissingParam", 400)


class Live:
    def __init__(self, server):
        self.client = server.live()

    def __getattr__(self, name):
        request = "".join(word.capitalize() for word in name.split("_")) + "Request"

        def call(**fields):
            fields = {"domain_name": DOMAIN} | fields
            return getattr(self.client, name)(getattr(m, request)(**fields)).body
        return call

    def add(self, app="live", stream="*", protocol="HLS_CMAF", **more):
        return self.add_live_package_config(app_name=app, stream_name=stream, protocol=protocol, **more)

    def described(self, **more):
        answer = self.describe_live_package_config(**more)
        return [c.to_map() for c in answer.live_package_config_list.live_package_config], answer


def shown(app, stream, protocol, num, duration, part, ignore=True):
    return {"DomainName": DOMAIN, "AppName": app, "StreamName": stream, "Protocol": protocol, "SegmentNum": num,
            "SegmentDuration": duration, "PartDuration": part, "IgnoreTranscode": ignore}


def case_package_configurations_live_and_die():
    with Server() as server:
        live = Live(server)
        assert live.described()[0] == []
        assert live.add().request_id
        assert live.described()[0] == [shown("live", "*", "HLS_CMAF", 3, 5, 0)]
        refused(lambda: live.add(), "ConfigAlreadyExists", 400)
        key = {"app_name": "live", "stream_name": "*"}
        live.update_live_package_config(protocol="LLHLS_TS", segment_num=6, segment_duration=2, part_duration=400,
                                        ignore_transcode=False, **key)
        assert live.described()[0] == [shown("live", "*", "LLHLS_TS", 6, 2, 400, False)]
        live.delete_live_package_config(**key)
        refused(lambda: live.delete_live_package_config(**key), "ConfigNotFound", 404)
        refused(lambda: live.update_live_package_config(protocol="HLS_CMAF", segment_num=3, segment_duration=5, **key),
                "ConfigNotFound", 404)


def case_defaults_follow_the_protocol():
    with Server() as server:
        live = Live(server)
        expected = []
        for n, (protocol, given, duration, part) in enumerate([
            ("HLS_CMAF", {}, 5, 0), ("DASH_CMAF", {}, 5, 0), ("HLSDASH_CMAF", {}, 5, 0), ("LLHLS_TS", {}, 1, 350),
            ("LLHLS_CMAF", {}, 1, 350), ("LLHLS_CMAF", {"segment_duration": 2}, 2, 700),
            ("HLS_CMAF", {"part_duration": 9999}, 5, 0),
        ]):
            live.add(stream=f"s{n}", protocol=protocol, **given)
            expected.append(shown("live", f"s{n}", protocol, 3, duration, part))
        assert live.described()[0] == expected


def case_fields_have_their_rules():
    with Server() as server:
        live = Live(server)
        rights = [
            {"app": "*"}, {"app": "a" * 255}, {"app": "0-_"}, {"stream": "s" * 255}, {"segment_num": 3}, {"segment_num": 10},
            {"segment_duration": 1}, {"segment_duration": 10}, {"protocol": "DASH_CMAF", "segment_duration": 10},
            {"protocol": "LLHLS_TS", "segment_duration": 1, "part_duration": 100},
            {"protocol": "LLHLS_TS", "segment_duration": 1, "part_duration": 500},
            {"protocol": "LLHLS_CMAF", "segment_duration": 2, "part_duration": 1000},
            {"ignore_transcode": False}, {"domain_name": "a.b"},
        ]
        for right in rights:
            live.add(**right)
            key = {"app_name": right.get("app", "live"), "stream_name": right.get("stream", "*")}
            domain = {"domain_name": right["domain_name"]} if "domain_name" in right else {}
            live.delete_live_package_config(**key, **domain)
        wrongs = [
            ({"protocol": "HLS"}, "InvalidProtocol"), ({"protocol": "hls_cmaf"}, "InvalidProtocol"),
            ({"segment_num": 2}, "InvalidSegmentNum"), ({"segment_num": 11}, "InvalidSegmentNum"),
            ({"segment_num": "x"}, "InvalidSegmentNum"), ({"segment_duration": 0}, "InvalidSegmentDuration"),
            ({"segment_duration": 11}, "InvalidSegmentDuration"), ({"segment_duration": "1.5"}, "InvalidSegmentDuration"),
            ({"protocol": "LLHLS_TS", "segment_duration": 3}, "InvalidSegmentDuration"),
            ({"protocol": "LLHLS_TS", "part_duration": 99}, "InvalidPartDuration"),
            ({"protocol": "LLHLS_TS", "part_duration": 501}, "InvalidPartDuration"),
            ({"protocol": "LLHLS_TS", "part_duration": "x"}, "InvalidPartDuration"),
            ({"protocol": "LLHLS_TS", "segment_duration": 2, "part_duration": 1001}, "InvalidPartDuration"),
            ({"ignore_transcode": "maybe"}, "InvalidParams"), ({"app": "-a"}, "InvalidParams"),
            ({"app": "a b"}, "InvalidParams"), ({"app": "a" * 256}, "InvalidParams"), ({"stream": "_s"}, "InvalidParams"),
            ({"domain_name": "nodot"}, "InvalidParams"), ({"domain_name": "a..b"}, "InvalidParams"),
        ]
        for wrong, code in wrongs:
            refused(lambda: live.add(**wrong), code, 400)
        for missing in ({"app": ""}, {"stream": None}, {"protocol": None}, {"domain_name": None}):
            refused(lambda: live.add(**missing), *MISSING)
        live.add()
        update = {"app_name": "live", "stream_name": "*", "protocol": "LLHLS_TS", "segment_num": 3,
                  "segment_duration": 1, "part_duration": 350}
        for name in ("app_name", "stream_name", "protocol", "segment_num", "segment_duration", "part_duration"):
            fields = update | {name: None}
            refused(lambda: live.update_live_package_config(**fields), *MISSING)
        refused(lambda: live.update_live_package_config(**(update | {"segment_duration": 3})), "InvalidSegmentDuration", 400)
        refused(lambda: live.delete_live_package_config(app_name="live"), *MISSING)


def case_configurations_are_described_by_page_and_filter():
    with Server() as server:
        live = Live(server)
        for n in range(7):
            live.add(app=f"a{n % 2}", stream=f"s{n}")
        names = lambda **more: [c["StreamName"] for c in live.described(**more)[0]]
        assert names() == [f"s{n}" for n in range(7)]
        assert names(page_size=5, page_num=2) == ["s5", "s6"]
        assert names(page_size=5, order="desc") == ["s6", "s5", "s4", "s3", "s2"]
        assert names(app_name="a1") == ["s1", "s3", "s5"] and names(app_name="a1", stream_name="s3") == ["s3"]
        assert names(stream_name="*") == [] and names(domain_name="other.example.com") == []
        answer = live.described(page_size=5, page_num=9)[1]
        assert (answer.page_num, answer.page_size, answer.total_num, answer.total_page, answer.order) == (9, 5, 7, 2, "asc")
        for wrong in [{"page_num": 0}, {"page_size": 4}, {"page_size": 31}, {"order": "up"}, {"page_num": "x"}]:
            refused(lambda: live.described(**wrong), "InvalidParams", 400)
        refused(lambda: live.described(domain_name=None), *MISSING)


def case_time_shift_opens_and_closes():
    with Server() as server:
        live = Live(server)
        described = lambda: [c.to_map() for c in live.describe_live_shift_configs().content.config]
        assert described() == []
        live.open_live_shift()
        live.open_live_shift(app_name="live", stream_name="s", vision=3, duration=10, ignore_transcode=False)
        first = {"DomainName": DOMAIN, "AppName": "*", "StreamName": "*", "Vision": 7, "IgnoreTranscode": True}
        second = first | {"AppName": "live", "StreamName": "s", "Vision": 3, "IgnoreTranscode": False}
        assert described() == [first, second]
        live.open_live_shift(vision=30)
        assert described()[0]["Vision"] == 30
        for wrong in [{"vision": 0}, {"vision": 31}, {"vision": "x"}, {"duration": 0}, {"duration": 61},
                      {"app_name": "-"}, {"stream_name": "a b"}, {"ignore_transcode": "x"}, {"domain_name": "x"}]:
            refused(lambda: live.open_live_shift(**wrong), "InvalidParam", 400)
        refused(lambda: live.open_live_shift(domain_name=None), *MISSING)
        live.close_live_shift()
        live.close_live_shift(app_name="live", stream_name="s")
        refused(lambda: live.close_live_shift(), "InvalidDataNotFound", 404)
        assert described() == []
