"""ICE, version 2020-11-09, by its own SDK."""

import concurrent.futures
import time

from alibabacloud_ice20201109 import models as m

from server import Server, refused

MISSING, INVALID = ("MissingParameter", 400), ("InvalidParameter", 400)
NOT_FOUND, EXISTS, IN_USE = ("ResourceNotFound", 404), ("ResourceAlreadyExists", 409), ("ResourceInUse", 409)


class Ice:
    """The client with fewer words."""

    def __init__(self, server, **key):
        self.client = server.ice(**key)

    def __getattr__(self, name):
        request = "".join(word.capitalize() for word in name.split("_")) + "Request"

        def call(**fields):
            return getattr(self.client, name)(getattr(m, request)(**fields)).body
        return call

    def group(self, name="g", **more):
        return self.create_live_package_channel_group(group_name=name, **more).live_package_channel_group

    def channel(self, name="c", group="g", **more):
        more.setdefault("protocol", "HLS")
        return self.create_live_package_channel(group_name=group, channel_name=name, **more).live_package_channel

    def endpoint(self, name="e", **more):
        more = {"protocol": "HLS", "authorization_code": "code", "group_name": "g", "channel_name": "c"} | more
        made = self.create_live_package_origin_endpoint(endpoint_name=name, **more)
        return made.live_package_origin_endpoint


def held(server):
    ice = Ice(server)
    ice.group()
    ice.channel()
    return ice


def case_groups_live_and_die():
    with Server() as server:
        ice = Ice(server)
        made = ice.group("g", description="the first")
        assert made.origin_domain == "origin.example.com" and made.create_time == made.last_modified
        got = ice.get_live_package_channel_group(group_name="g").live_package_channel_group
        assert got.to_map() == made.to_map()
        time.sleep(1.1)
        updated = ice.update_live_package_channel_group(group_name="g").live_package_channel_group
        assert updated.description == "" and updated.create_time == made.create_time
        assert updated.last_modified > made.last_modified and updated.origin_domain == made.origin_domain
        refused(lambda: ice.group("g"), *EXISTS)
        assert ice.delete_live_package_channel_group(group_name="g").request_id
        for call in (ice.get_live_package_channel_group, ice.delete_live_package_channel_group,
                     ice.update_live_package_channel_group):
            refused(lambda: call(group_name="g"), *NOT_FOUND)


def case_names_and_descriptions_have_their_rules():
    with Server() as server:
        ice = Ice(server)
        for name in ["a", "A-b_9", "n" * 200]:
            ice.group(name)
        refused(lambda: ice.group(""), *MISSING)
        refused(lambda: ice.create_live_package_channel_group(), *MISSING)
        for name in ["n" * 201, "a b", "a.b", "ä", "a\n", "a/b"]:
            refused(lambda: ice.group(name), *INVALID)
        ice.group("described", description="中" * 1000)
        refused(lambda: ice.group("d2", description="中" * 1001), *INVALID)


def case_groups_are_listed_by_page_keyword_and_order():
    with Server() as server:
        ice = Ice(server)
        for n in range(12):
            ice.group(f"g{n}", description="ODD one" if n % 2 else "")
        names = lambda answer: [g.group_name for g in answer.live_package_channel_groups]
        first = ice.list_live_package_channel_groups()
        assert names(first) == [f"g{n}" for n in range(11, 1, -1)]
        assert (first.page_no, first.page_size, first.sort_by, first.total_count) == (1, 10, "desc", 12)
        second = ice.list_live_package_channel_groups(page_no=2, page_size=5, sort_by="asc")
        assert names(second) == [f"g{n}" for n in range(5, 10)] and second.total_count == 12
        odd = ice.list_live_package_channel_groups(keyword="odd", sort_by="asc", page_size=100)
        assert names(odd) == [f"g{n}" for n in range(1, 12, 2)] and odd.total_count == 6
        assert names(ice.list_live_package_channel_groups(keyword="G11")) == ["g11"]
        past = ice.list_live_package_channel_groups(page_no=9)
        assert names(past) == [] and past.total_count == 12
        for wrong in [{"page_no": 0}, {"page_no": -1}, {"page_no": "x"}, {"page_size": 0}, {"page_size": 101},
                      {"page_size": "1.5"}, {"sort_by": "ASC"}, {"sort_by": "name"}]:
            refused(lambda: ice.list_live_package_channel_groups(**wrong), *INVALID)


def case_channels_live_and_die():
    with Server() as server:
        ice = Ice(server)
        ice.group()
        made = ice.channel(segment_count=5, segment_duration=4, description="d")
        assert (made.protocol, made.segment_count, made.segment_duration) == ("HLS", 5, 4)
        one, two = made.ingest_endpoints
        assert (one.id, two.id) == ("input1", "input2")
        assert one.url == f"http://{server.ingest}/v1/g/1/c/manifest" and "/v1/g/2/c/" in two.url
        assert len(one.password) >= 16 and one.password != two.password
        got = ice.get_live_package_channel(group_name="g", channel_name="c").live_package_channel
        assert got.to_map() == made.to_map()
        updated = ice.update_live_package_channel(group_name="g", channel_name="c", protocol="HLS")
        updated = updated.live_package_channel
        assert (updated.segment_count, updated.segment_duration, updated.description) == (3, 6, "")
        assert [e.password for e in updated.ingest_endpoints] == [one.password, two.password]
        listed = ice.list_live_package_channels(group_name="g")
        assert listed.total_count == 1 and listed.live_package_channels[0].to_map() == updated.to_map()
        refused(lambda: ice.delete_live_package_channel_group(group_name="g"), *IN_USE)
        refused(lambda: ice.channel(), *EXISTS)
        refused(lambda: ice.channel(group="nobody"), *NOT_FOUND)
        refused(lambda: ice.list_live_package_channels(group_name="nobody"), *NOT_FOUND)
        refused(lambda: ice.list_live_package_channels(), *MISSING)
        assert ice.delete_live_package_channel(group_name="g", channel_name="c").request_id
        key = {"group_name": "g", "channel_name": "c"}
        refused(lambda: ice.get_live_package_channel(**key), *NOT_FOUND)
        refused(lambda: ice.delete_live_package_channel(**key), *NOT_FOUND)
        refused(lambda: ice.update_live_package_channel(protocol="HLS", **key), *NOT_FOUND)
        refused(lambda: ice.update_live_package_channel_credentials(rotate_credentials=1, **key), *NOT_FOUND)


def case_fields_of_a_channel_have_their_rules():
    with Server() as server:
        ice = Ice(server)
        ice.group()
        for n, right in enumerate([{"segment_count": 2}, {"segment_count": 100}, {"segment_duration": 1},
                                   {"segment_duration": 30}, {"description": "d" * 1000}]):
            ice.channel(f"c{n}", **right)
        for wrong in [{"segment_count": 1}, {"segment_count": 101}, {"segment_count": "3.5"},
                      {"segment_duration": 0}, {"segment_duration": 31}, {"segment_duration": "x"},
                      {"protocol": "hls"}, {"protocol": "DASH"}, {"description": "d" * 1001}, {"name": "a b"}]:
            refused(lambda: ice.channel(**({"name": "c"} | wrong)), *INVALID)
            if "name" not in wrong:
                update = {"group_name": "g", "channel_name": "c1", "protocol": "HLS"} | wrong
                refused(lambda: ice.update_live_package_channel(**update), *INVALID)
        refused(lambda: ice.channel("c", protocol=""), *MISSING)
        refused(lambda: ice.channel(""), *MISSING)
        # What is missing is told before what is wrong.
        refused(lambda: ice.channel("a b", protocol=""), *MISSING)
        # What is wrong is told before what is not there.
        refused(lambda: ice.channel("c", group="nobody", segment_count=1), *INVALID)


def case_names_of_the_file_are_taken():
    with Server() as server:
        ice = Ice(server)
        ice.group("file")
        refused(lambda: ice.channel("one", group="file"), *EXISTS)
        ice.channel("two", group="file")


def case_rotation_changes_the_named_inputs_alone():
    with Server() as server:
        ice = held(server)
        key = {"group_name": "g", "channel_name": "c"}
        now = lambda: [(e.username, e.password) for e in ice.get_live_package_channel(
            **key).live_package_channel.ingest_endpoints]
        for mask in (1, 2, 3):
            before = now()
            answer = ice.update_live_package_channel_credentials(rotate_credentials=mask, **key)
            after = now()
            assert [(e.username, e.password) for e in answer.ingest_endpoints] == after
            assert [before[n] != after[n] for n in (0, 1)] == [bool(mask & 1), bool(mask & 2)]
        for wrong in (0, 4, "x"):
            call = ice.update_live_package_channel_credentials
            refused(lambda: call(rotate_credentials=wrong, **key), *INVALID)
        refused(lambda: ice.update_live_package_channel_credentials(**key), *MISSING)


def config(**fields):
    manifest = {name: fields.pop(name) for name in list(fields) if hasattr(m.LiveManifestConfig(), name)
                and name not in ("segment_duration",)}
    return m.LivePackagingConfig(
        live_manifest_configs=[m.LiveManifestConfig(**manifest)] if manifest else None, **fields)


def drm(**fields):
    return m.LivePackagingConfig(drm_config=m.LivePackagingConfigDrmConfig(**fields))


def case_endpoints_live_and_die():
    with Server() as server:
        ice = held(server)
        packaging = config(segment_duration=4, use_audio_rendition_groups=True, segment_count=5, part_duration_ms=500)
        made = ice.endpoint(description="d", timeshift_vision=3, ip_whitelist="10.0.0.1/24, ::1",
                            ip_blacklist="10.0.0.9", manifest_name="main", live_packaging_config=packaging)
        assert made.endpoint_url == "https://origin.example.com/v1/g/1/c/main"
        assert (made.protocol, made.timeshift_vision, made.authorization_code) == ("HLS", 3, "code")
        assert (made.ip_whitelist, made.ip_blacklist) == ("10.0.0.1/24, ::1", "10.0.0.9")
        assert made.live_packaging_config.to_map() == packaging.to_map()
        key = {"group_name": "g", "channel_name": "c", "endpoint_name": "e"}
        got = ice.get_live_package_origin_endpoint(**key).live_package_origin_endpoint
        assert got.to_map() == made.to_map()
        update = ice.update_live_package_origin_endpoint
        updated = update(protocol="DASH", ip_whitelist="::1", **key).live_package_origin_endpoint
        assert updated.endpoint_url == "https://origin.example.com/v1/g/1/c/manifest"
        assert (updated.protocol, updated.authorization_code, updated.timeshift_vision) == ("DASH", "", 0)
        assert updated.live_packaging_config is None and updated.create_time == made.create_time
        listed = ice.list_live_package_origin_endpoints(group_name="g", channel_name="c", keyword="E")
        assert listed.total_count == 1
        shown = listed.live_package_origin_endpoints[0].to_map()
        assert shown == updated.to_map(), shown
        refused(lambda: ice.endpoint(), *EXISTS)
        refused(lambda: ice.delete_live_package_channel(group_name="g", channel_name="c"), *IN_USE)
        assert ice.delete_live_package_origin_endpoint(**key).request_id
        for call in (ice.get_live_package_origin_endpoint, ice.delete_live_package_origin_endpoint):
            refused(lambda: call(**key), *NOT_FOUND)
        refused(lambda: update(protocol="HLS", ip_whitelist="::1", **key), *NOT_FOUND)
        again = ice.endpoint()
        assert again.endpoint_url == "https://origin.example.com/v1/g/2/c/manifest", "no ordinal twice"
        refused(lambda: ice.endpoint("x", channel_name="nobody"), *NOT_FOUND)
        refused(lambda: ice.endpoint("x", group_name="nobody"), *NOT_FOUND)
        refused(lambda: ice.list_live_package_origin_endpoints(group_name="g", channel_name="no"), *NOT_FOUND)


def case_fields_of_an_endpoint_have_their_rules():
    with Server() as server:
        ice = held(server)
        rights = [
            {"protocol": "HLS"}, {"protocol": "HLS_CMAF"}, {"protocol": "DASH"},
            {"manifest_name": "m.1_-"}, {"manifest_name": "m" * 128}, {"description": "中" * 1000},
            {"timeshift_vision": 0}, {"timeshift_vision": 30}, {"authorization_code": "a-_." + "x" * 196},
            {"authorization_code": None, "ip_whitelist": "10.0.0.1"}, {"ip_whitelist": "10.0.0.1/24,2001:db8::/32"},
            {"ip_blacklist": "::1/128"}, {"ip_whitelist": ",".join(["10.0.0.11"] * 100)},
        ]
        for n, right in enumerate(rights):
            ice.endpoint(f"e{n}", **right)
            ice.delete_live_package_origin_endpoint(group_name="g", channel_name="c", endpoint_name=f"e{n}")
        wrongs = [
            {"protocol": "hls"}, {"protocol": "MSS"}, {"manifest_name": "m" * 129}, {"manifest_name": "a/b"},
            {"description": "d" * 1001}, {"timeshift_vision": -1}, {"timeshift_vision": 31},
            {"timeshift_vision": "1.5"}, {"authorization_code": "a b"}, {"authorization_code": "x" * 201},
            {"ip_whitelist": "0.0.0.0/0"}, {"ip_whitelist": "::/0"}, {"ip_whitelist": "10.0.0.1/0"},
            {"ip_whitelist": "10.0.0.256"}, {"ip_whitelist": "host"}, {"ip_whitelist": "10.0.0.1,"},
            {"ip_whitelist": "10.0.0.1/33"}, {"ip_blacklist": "0.0.0.0/0"}, {"ip_blacklist": "x"},
            {"ip_whitelist": ",".join(["10.0.0.1"] * 112)}, {"name": "a b"},
        ]
        ice.endpoint("kept")
        for wrong in wrongs:
            refused(lambda: ice.endpoint(**({"name": "e"} | wrong)), *INVALID)
            if "name" not in wrong:
                update = {"group_name": "g", "channel_name": "c", "endpoint_name": "kept", "protocol": "HLS",
                          "authorization_code": "code"} | wrong
                refused(lambda: ice.update_live_package_origin_endpoint(**update), *INVALID)
        refused(lambda: ice.endpoint("e", protocol=""), *MISSING)
        for none in [{}, {"ip_blacklist": "10.0.0.1"}]:
            refused(lambda: ice.endpoint("e", authorization_code=None, **none), *MISSING)
            key = {"group_name": "g", "channel_name": "c", "endpoint_name": "kept", "protocol": "HLS"}
            refused(lambda: ice.update_live_package_origin_endpoint(**key, **none), *MISSING)


def case_packaging_configurations_have_their_rules():
    widevine, fairplay = "edef8ba9-79d6-4ace-a3c8-27dcd51d21ed", "94ce86fb-07ff-4f43-adb8-93d2fa968ca2"
    playready = "9a04f079-9840-4286-ab92-e65be0885f95"
    hls, cmaf, dash = "HLS", "HLS_CMAF", "DASH"
    rights = [
        (hls, config()), (hls, config(segment_duration=1)), (hls, config(segment_duration=30)),
        (hls, config(part_duration_ms=100)), (hls, config(part_duration_ms=5000)),
        (hls, config(segment_count=2)), (hls, config(segment_count=100)), (hls, config(date_time_interval=1)),
        (hls, config(date_time_interval=3600)), (hls, config(ad_markers="NONE")), (hls, config(ad_markers="DATE_RANGE")),
        (cmaf, config(ad_markers="DATE_RANGE")), (dash, config(ad_markers="XML")),
        (hls, config(min_video_bitrate=1, max_video_bitrate=1)), (hls, config(stream_order="ORIGINAL")),
        (dash, config(stream_order="VIDEO_BITRATE_ASCENDING")), (dash, config(stream_order="VIDEO_BITRATE_DESCENDING")),
        (dash, config(presentation_delay=60)), (dash, config(min_buffer_time=30)), (dash, config(min_update_period=3600)),
        (dash, config(manifest_duration=3600)), (dash, config(segment_template_format="NUMBER_TIMELINE")),
        (hls, config(part_hold_back_ms=1)), (hls, config(manifest_duration=60, min_buffer_time=8, min_update_period=8)),
        (hls, drm()), (hls, drm(encryption_method="", url="", content_id="")), (cmaf, drm(system_ids=[fairplay, widevine, playready])),
        (dash, drm(system_ids=[widevine, playready], encryption_method="SAMPLE_AES", content_id="c" * 256,
                   iv="0" * 32, rotate_period=0, url="https://drm.example.com/path?a=1")),
    ]
    wrongs = [
        (hls, config(segment_duration=0)), (hls, config(segment_duration=31)), (hls, config(part_duration_ms=99)),
        (hls, config(part_duration_ms=5001)), (hls, config(segment_count=1)), (hls, config(segment_count=101)),
        (hls, config(date_time_interval=0)), (hls, config(date_time_interval=3601)), (hls, config(ad_markers="XML")),
        (dash, config(ad_markers="DATE_RANGE")), (hls, config(ad_markers="none")), (hls, config(min_video_bitrate=0)),
        (hls, config(max_video_bitrate=-1)), (hls, config(min_video_bitrate=2, max_video_bitrate=1)),
        (hls, config(stream_order="ASC")), (dash, config(presentation_delay=0)), (dash, config(presentation_delay=61)),
        (dash, config(min_buffer_time=31)), (dash, config(min_update_period=3601)), (dash, config(manifest_duration=0)),
        (dash, config(manifest_duration=3601)), (dash, config(segment_template_format="TIME_TIMELINE")),
        (hls, config(part_hold_back_ms=0)), (hls, config(segment_duration="6")), (hls, config(segment_duration=1.5)),
        (hls, config(use_audio_rendition_groups="true")),
        (hls, m.LivePackagingConfig(live_manifest_configs=[m.LiveManifestConfig(), m.LiveManifestConfig()])),
        (hls, drm(system_ids=[playready])), (dash, drm(system_ids=[fairplay])), (dash, drm(system_ids=["x"])),
        (cmaf, drm(encryption_method="AES_128")), (cmaf, drm(content_id="a b")), (cmaf, drm(content_id="c" * 257)),
        (cmaf, drm(iv="0" * 31)), (cmaf, drm(iv="g" * 32)), (cmaf, drm(rotate_period=-1)), (cmaf, drm(url="ftp://a.b/c")),
    ]
    with Server() as server:
        ice = held(server)
        for protocol, right in rights:
            made = ice.endpoint(protocol=protocol, live_packaging_config=right)
            assert made.live_packaging_config is not None
            ice.delete_live_package_origin_endpoint(group_name="g", channel_name="c", endpoint_name="e")
        for protocol, wrong in wrongs:
            error = refused(lambda: ice.endpoint(protocol=protocol, live_packaging_config=wrong), *INVALID)
            assert "LivePackagingConfig" in error.message, error.message
        from wire import acs3

        names = {"GroupName": "g", "ChannelName": "c", "EndpointName": "e", "Protocol": "HLS", "IpWhitelist": "::1"}
        for text in ["{", "[]", "1", "null", '"x"', "[{}]"]:
            form = names | {"LivePackagingConfig": text}
            found, answer, _ = acs3(server, "CreateLivePackageOriginEndpoint", {}, form)
            assert (found, answer["Code"]) == (400, "InvalidParameter"), (text, answer)


def case_a_token_makes_a_create_once():
    with Server() as server:
        ice = Ice(server)
        one = ice.group("g", client_token="t1")
        assert ice.group("g", client_token="t1").to_map() == one.to_map()
        refused(lambda: ice.group("g", client_token="t1", description="other"), "IdempotentParameterMismatch", 400)
        refused(lambda: ice.group("other", client_token="t1"), "IdempotentParameterMismatch", 400)
        refused(lambda: ice.group("g", client_token="t2"), *EXISTS)
        made = ice.channel(client_token="t1")
        assert ice.channel(client_token="t1").to_map() == made.to_map(), "the same credentials again"
        end = ice.endpoint(client_token="t1")
        assert ice.endpoint(client_token="t1").to_map() == end.to_map()
        refused(lambda: ice.endpoint(client_token="t1", timeshift_vision=1), "IdempotentParameterMismatch", 400)
        refused(lambda: ice.channel("x", group="nobody", client_token="t1"), *NOT_FOUND)
        refused(lambda: ice.group("x", client_token="t" * 65), *INVALID)
        # Another account's tokens are its own.
        other = Ice(server, ak="ice-ak", sk="ice-sk")
        refused(lambda: other.group("g", client_token="t1"), *EXISTS)
        server.kill()
        server.start()
        ice = Ice(server)
        assert ice.channel(client_token="t1").to_map() != {} and ice.group("g", client_token="t1").to_map() == one.to_map()


def case_of_ten_creates_of_one_name_one_succeeds():
    with Server() as server:
        for what in ("group", "channel", "endpoint"):
            def create(_):
                try:
                    getattr(Ice(server), what)()
                    return "made"
                except Exception as error:
                    return error.code
            with concurrent.futures.ThreadPoolExecutor(10) as pool:
                outcomes = sorted(pool.map(create, range(10)))
            assert outcomes == ["ResourceAlreadyExists"] * 9 + ["made"], outcomes


def case_a_change_leaves_a_line():
    with Server() as server:
        ice = held(server)
        refused(lambda: ice.group(), *EXISTS)
        ice.get_live_package_channel_group(group_name="g")
        lines = [line for line in server.logged().splitlines() if '"audit"' in line]
        assert len(lines) == 2, lines
        assert "CreateLivePackageChannel" in lines[1] and "g/c" in lines[1] and "test-ak" in lines[1], lines
        secret = ice.get_live_package_channel(group_name="g", channel_name="c").live_package_channel.ingest_endpoints
        assert secret[0].password not in server.logged()
