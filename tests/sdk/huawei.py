"""Huawei Live, OTT channels, by its own SDK."""

import huaweicloudsdklive.v1 as h

from server import Server, refused

BAD = ("LIVE.100011001", 400)
KEY = {"domain": "push.example.com", "app_name": "live", "id": "one"}


def pull(url="http://source.example.com/live.m3u8", **more):
    return h.InputStreamInfo(input_protocol="HLS_PULL", sources=[h.SourcesInfo(url=url)], **more)


def push(*bitrates, **more):
    sources = [h.SourcesInfo(bitrate=bitrate) for bitrate in bitrates] or None
    return h.InputStreamInfo(input_protocol="RTMP_PUSH", sources=sources, **more)


class Huawei:
    def __init__(self, server):
        self.client = server.huawei()

    def create(self, **fields):
        body = KEY | {"name": "n", "state": "ON", "input": push(3000),
                      "record_settings": h.CreateOttChannelInfoReqRecordSettings(rollingbuffer_duration=0)} | fields
        request = h.CreateOttChannelInfoRequest(body=h.CreateOttChannelInfoReq(**body))
        return self.client.create_ott_channel_info(request)

    def listed(self, **query):
        return self.client.list_ott_channel_info(h.ListOttChannelInfoRequest(**query))

    def delete(self, **key):
        return self.client.delete_ott_channel_info(h.DeleteOttChannelInfoRequest(**(KEY | key)))

    def general(self, **fields):
        body = h.ModifyOttChannelGeneral(**(KEY | fields))
        return self.client.modify_ott_channel_info_general(h.ModifyOttChannelInfoGeneralRequest(body=body))

    def input(self, **fields):
        body = h.ModifyOttChannelInputReq(**(KEY | fields))
        return self.client.modify_ott_channel_info_input(h.ModifyOttChannelInfoInputRequest(body=body))

    def record(self, seconds):
        settings = h.ModifyOttChannelRecordSettingsRecordSettings(rollingbuffer_duration=seconds)
        body = h.ModifyOttChannelRecordSettings(record_settings=settings, **KEY)
        request = h.ModifyOttChannelInfoRecordSettingsRequest(body=body)
        return self.client.modify_ott_channel_info_record_settings(request)

    def endpoints(self, *items, **fields):
        body = h.ModifyOttChannelEndPointsReq(**(KEY | {"endpoints": list(items)} | fields))
        return self.client.modify_ott_channel_info_end_points(h.ModifyOttChannelInfoEndPointsRequest(body=body))

    def state(self, state):
        body = h.ModifyOttChannelState(state=state, **KEY)
        return self.client.modify_ott_channel_info_stats(h.ModifyOttChannelInfoStatsRequest(body=body))

    def encoder(self, settings):
        body = h.ModifyOttChannelEncoderSettings(encoder_settings=settings, **KEY)
        request = h.ModifyOttChannelInfoEncoderSettingsRequest(body=body)
        return self.client.modify_ott_channel_info_encoder_settings(request)

    def only(self):
        found = self.listed()
        assert found.total == 1, found
        return found.channels[0]


def hls(**fields):
    return h.EndpointItem(hls_package=[h.HlsPackageItem(**({"segment_duration_seconds": 4} | fields))])


def dash(**fields):
    return h.EndpointItem(dash_package=[h.DashPackageItem(**({"segment_duration_seconds": 4} | fields))])


def mss(**fields):
    return h.EndpointItem(mss_package=[h.MssPackageItem(**({"segment_duration_seconds": 4} | fields))])


def case_channels_live_and_die():
    with Server() as server:
        huawei = Huawei(server)
        made = huawei.create(input=push(3000, 1500), endpoints=[hls(url="http://p.example.com/a.m3u8")])
        assert (made.result_code, made.result_msg, made.status_code) == ("LIVE.100000000", "SUCCESS", 201)
        assert (made.domain, made.app_name, made.id) == tuple(KEY.values())
        urls = ["rtmp://push.example.com/live/one_3000", "rtmp://push.example.com/live/one_1500"]
        assert [s.url for s in made.sources] == urls
        channel = huawei.only()
        assert [s.url for s in channel.input.sources] == urls and channel.mode == "ADD_CDN"
        package = channel.endpoints[0].hls_package[0]
        assert package.id and (package.enable_access, package.allow_all_ip_access) == (False, False)
        refused(lambda: huawei.create(), *BAD)
        for changed in (huawei.general(name="other"), huawei.state("OFF"), huawei.record(3600),
                        huawei.input(input=pull()), huawei.encoder([{"template_id": "t1"}])):
            assert changed.result_code == "LIVE.100000000" and changed.status_code == 200
        channel = huawei.only()
        assert (channel.name, channel.state, channel.record_settings.rollingbuffer_duration) == ("other", "OFF", 3600)
        assert channel.input.input_protocol == "HLS_PULL" and channel.encoder_settings[0].template_id == "t1"
        assert channel.endpoints[0].hls_package[0].id == package.id
        assert huawei.delete().result_code == "LIVE.100000000"
        for call in (huawei.delete, lambda: huawei.general(name="n"), lambda: huawei.state("ON"),
                     lambda: huawei.record(0), lambda: huawei.endpoints(), lambda: huawei.input(input=push())):
            error = refused(call, *BAD)
            assert error.error_msg and error.request_id
        assert huawei.listed().total == 0


def case_errors_carry_both_pairs_of_keys():
    import json
    import re

    with Server() as server:
        error = refused(lambda: Huawei(server).general(name="n"), *BAD)
        from huaweicloudsdkcore.exceptions.exceptions import ClientRequestException

        assert isinstance(error, ClientRequestException)
        from wire import send

        found, answer, _ = send(server, "GET", "/v1/prj1/ott/channels")
        names = {"error_code", "error_msg", "result_code", "result_msg", "request_id", "domain", "app_name", "id"}
        assert found == 401 and set(answer) == names, json.dumps(answer)
        assert re.match("Incorrect IAM authentication information", answer["error_msg"])


def case_channels_are_listed_by_filter_and_page():
    with Server() as server:
        huawei = Huawei(server)
        for n in range(12):
            huawei.create(id=f"c{n}", app_name=f"a{n % 2}")
        ids = lambda **query: [c.id for c in huawei.listed(**query).channels]
        assert ids() == [f"c{n}" for n in range(10)] and huawei.listed().total == 12
        assert ids(offset=10) == ["c10", "c11"] and ids(limit=2, offset=1) == ["c1", "c2"] and ids(offset=99) == []
        assert ids(app_name="a1", limit=100) == [f"c{n}" for n in range(1, 12, 2)]
        assert ids(id="c3") == ["c3"] and ids(id="a b*~") == [] and ids(domain="other.example.com") == []
        for wrong in [{"limit": 0}, {"limit": 101}, {"offset": -1}]:
            refused(lambda: huawei.listed(**wrong), *BAD)


def case_fields_of_a_channel_have_their_rules():
    record = lambda n: h.CreateOttChannelInfoReqRecordSettings(rollingbuffer_duration=n)
    selector = lambda name: h.InputAudioSelector(name=name)
    audio = lambda **more: h.EncoderSettingsExpand(audio_descriptions=[
        h.EncoderSettingsExpandAudioDescriptions(**({"audio_selector_name": "a"} | more))])
    source = lambda **more: h.InputStreamInfo(input_protocol="RTMP_PUSH", sources=[h.SourcesInfo(**more)])
    failover = lambda **more: push(1, failover_conditions=h.FailoverConditions(**more))
    rights = [
        {"state": "OFF"}, {"mode": "ADD_CDN"}, {"mode": "ONLY_OS"}, {"region": "cn-north-4"}, {"record_settings": record(1209600)},
        {"input": push()}, {"input": pull()}, {"input": pull(scte35_source="SEGMENTS")},
        {"input": pull(secondary_sources=[h.SecondarySourcesInfo(url="https://b.example.com/x.m3u8")])},
        {"input": h.InputStreamInfo(input_protocol="FLV_PULL", sources=[h.SourcesInfo(url="http://a.b/c.flv")])},
        {"input": h.InputStreamInfo(input_protocol="SRT_PULL", sources=[h.SourcesInfo(url="srt://a.b:1")])},
        {"input": h.InputStreamInfo(input_protocol="SRT_PUSH")}, {"input": source(bitrate=104857600, width=4096, height=2160)},
        {"input": source(bitrate=1, width=0, height=0, enable_snapshot=True)}, {"input": failover()},
        {"input": failover(input_loss_threshold_msec=3600000, input_preference="PRIMARY")},
        {"input": push(1, audio_selectors=[selector(f"s{n}") for n in range(8)])},
        {"encoder_settings_expand": audio(language_code_control="FOLLOW_INPUT", language_code="eng")},
        {"name": "中"}, {"input": push(1, ip_whitelist="10.0.0.0/8")},
    ]
    wrongs = [
        {"domain": "nodot"}, {"domain": None}, {"domain": ""}, {"app_name": None}, {"app_name": ""}, {"id": None}, {"id": "a/b"},
        {"name": 1}, {"state": None}, {"state": "on"}, {"mode": "OTHER"}, {"input": None},
        {"record_settings": None}, {"record_settings": record(-1)}, {"record_settings": record(1209601)},
        {"record_settings": record("x")}, {"record_settings": record(1.5)}, {"input": h.InputStreamInfo(input_protocol="UDP")},
        {"input": h.InputStreamInfo(input_protocol="HLS_PULL")}, {"input": pull("rtmp://a.b/c")}, {"input": pull("")},
        {"input": push(1, scte35_source="SEGMENTS")}, {"input": pull(scte35_source="OTHER")}, {"input": source(bitrate=0)},
        {"input": source(bitrate=104857601)}, {"input": source(bitrate="3000")}, {"input": source(width=4097)},
        {"input": source(height=2161)}, {"input": source(width=-1)}, {"input": push(1, 1)},
        {"input": failover(input_loss_threshold_msec=3600001)}, {"input": failover(input_preference="SECOND")},
        {"input": push(1, audio_selectors=[selector(f"s{n}") for n in range(9)])},
        {"input": push(1, audio_selectors=[selector("s"), selector("s")])}, {"input": push(1, audio_selectors=[selector("a b")])},
        {"encoder_settings_expand": audio(language_code="ENG")}, {"encoder_settings_expand": audio(language_code_control="X")},
        {"encoder_settings_expand": audio(audio_selector_name="")}, {"input": push(1, ip_whitelist="x")},
    ]
    with Server() as server:
        huawei = Huawei(server)
        for right in rights:
            huawei.create(**right)
            huawei.delete()
        for wrong in wrongs:
            error = refused(lambda: huawei.create(**wrong), *BAD)
            assert error.error_msg, wrong
        huawei.create(input=failover())
        conditions = huawei.only().input.failover_conditions
        assert (conditions.input_loss_threshold_msec, conditions.input_preference) == (2000, "EQUAL")
        for given, kept in [(0, 0), (10, 10), (7, 0), (9, 0), (11, 0), (-1, 0)]:
            video = h.EncoderSettingsExpand(video_descriptions=h.VideoDescriptions(gop_duration_seconds=given))
            huawei.input(input=push(1), encoder_settings_expand=video)
            assert huawei.only().encoder_settings_expand.video_descriptions.gop_duration_seconds == kept
        refused(lambda: huawei.state("on"), *BAD)
        refused(lambda: huawei.record(-1), *BAD)
        refused(lambda: huawei.general(name=""), *BAD)
        refused(lambda: huawei.general(), *BAD)


def encryption(**more):
    return h.Encryption(**({"resource_id": "r", "system_ids": ["FairPlay"], "url": "https://k.example.com",
                            "speke_version": "1.0", "request_mode": "direct_http"} | more))


def case_packages_have_their_rules():
    header = lambda key="X-Cdn", value="v": h.HttpHeader(key=key, value=value)
    select = lambda **more: [h.StreamSelectionItem(**more)]
    drm = lambda **more: {"encryption": encryption(**more)}
    both = [
        ({"segment_duration_seconds": 1}, {"segment_duration_seconds": 0}), ({"segment_duration_seconds": 10}, {"segment_duration_seconds": 11}),
        ({}, {"segment_duration_seconds": None}), ({}, {"segment_duration_seconds": "4"}), ({}, {"segment_duration_seconds": 4.0}),
        ({"playlist_window_seconds": 0}, {"playlist_window_seconds": -1}), ({"playlist_window_seconds": 86400}, {"playlist_window_seconds": 86401}),
        ({"url": "http://p.example.com/a/b.m3u8"}, {"url": "p.example.com"}), ({"slave_url": "https://p.example.com/x"}, {"slave_url": "http://p.example.com/"}),
        ({"stream_selection": select(key="k=1", min_bandwidth=0, max_bandwidth=104857600)}, {"stream_selection": select(max_bandwidth=104857601)}),
        ({"stream_selection": select(min_bandwidth=1, max_bandwidth=1)}, {"stream_selection": select(min_bandwidth=2, max_bandwidth=1)}),
        ({"manifest_name": "a.b_c-1"}, {"manifest_name": "a/b"}), ({"manifest_name": ""}, {"manifest_name": "n" * 129}), ({"manifest_name": "n" * 128}, {"manifest_name": "a b"}),
        ({"enable_access": True, "allow_all_ip_access": False}, {"enable_access": "true"}), ({"allow_all_ip_access": True}, {"allow_all_ip_access": 1}),
        ({"ip_whitelist": "10.0.0.0/8,::1"}, {"ip_whitelist": "10.0.0.0/33"}), ({"cdn_identifier_header": header()}, {"cdn_identifier_header": header(value=None)}),
        ({}, {"cdn_identifier_header": header(key="a b")}), ({}, {"cdn_identifier_header": h.HttpHeader(value="v")}),
        ({"origin_domain_master": "a.b.com"}, {"origin_domain_master": "b.com"}), ({"origin_domain_slave": "a-1.b.example"}, {"origin_domain_slave": "a.b.c1"}),
        ({}, {"origin_domain_master": "-a.b.com"}), ({}, {"origin_domain_master": "a.b.com\n"}), ({"ext_args": {"a": 1}}, {"ext_args": "x"}),
        ({"manifest_selection": h.ManifestSelection(stream_order="VIDEO_BITRATE_ASCENDING", min_video_bandwidth=1, max_video_bandwidth=2)},
         {"manifest_selection": h.ManifestSelection(min_video_bandwidth=2, max_video_bandwidth=2)}),
        ({}, {"manifest_selection": h.ManifestSelection(stream_order="UP")}),
        ({"request_args": h.PackageRequestArgs(record=[h.RecordRequestArgs(start_time="begin", end_time="end", format="timestamp", unit="second")],
                                               timeshift=[h.TimeshiftRequestArgs(back_time="begin", unit="second")],
                                               live=[h.LiveRequestArgs(delay="delay", unit="second")])}, {"request_args": "x"}),
    ]
    own = [
        (hls, {"ads": {}, "hls_version": "6", "ad_marker": ["ENHANCED_SCTE35"]}, {"ad_marker": ["OTHER"]}), (hls, {}, {"ad_marker": "ENHANCED_SCTE35"}),
        (hls, {}, {"ads": []}), (dash, {"ads": {"a": 1}, "ad_marker": "xml+bin"}, {"ad_marker": "xml"}), (mss, {"delay_segment": 3}, {"delay_segment": "3"}),
        (dash, {"suggested_presentation_delay": 1}, {"suggested_presentation_delay": 0}), (dash, {"suggested_presentation_delay": 120}, {"suggested_presentation_delay": 121}),
        (dash, {"minimum_update_period": 120}, {"minimum_update_period": 121}), (dash, {"min_buffer_time": 1}, {"min_buffer_time": 0}),
        (hls, drm(), drm(system_ids=["Widevine"])), (hls, drm(level="profile"), drm(level="other")), (hls, {}, drm(system_ids=[])),
        (dash, drm(system_ids=["Widevine", "PlayReady"]), drm()), (mss, drm(system_ids=["PlayReady"]), drm(system_ids=["Widevine"])),
        (hls, {}, drm(speke_version="2.0")), (hls, {}, drm(request_mode="x")), (hls, {}, drm(url=None)), (hls, {}, drm(resource_id="")),
        (hls, drm(http_headers=[header(f"h{n}") for n in range(5)]), drm(http_headers=[header(f"h{n}") for n in range(6)])),
        (hls, drm(request_mode="functiongraph_proxy", urn="urn:x"), drm(request_mode="functiongraph_proxy")),
        (hls, {}, drm(request_mode="functiongraph_proxy", urn="urn:x", http_headers=[header()])),
    ]
    with Server() as server:
        huawei = Huawei(server)
        huawei.create()
        rows = [(kind, right, wrong) for kind in (hls, dash, mss) for right, wrong in both] + own
        for kind, right, wrong in rows:
            huawei.endpoints(kind(**right))
            before = huawei.only().endpoints
            refused(lambda: huawei.endpoints(hls(), kind(**wrong)), *BAD)
            assert huawei.only().endpoints == before, "a refused change changes nothing"


def case_packages_are_replaced_as_a_whole_and_keep_their_ids():
    with Server() as server:
        huawei = Huawei(server)
        huawei.create(endpoints=[hls(url="http://p.example.com/a")])
        package = huawei.only().endpoints[0].hls_package[0]
        huawei.endpoints(endpoints=None)
        assert huawei.only().endpoints[0].hls_package[0] == package, "absent leaves alone"
        huawei.endpoints(hls(id=package.id, url="http://p.example.com/a", segment_duration_seconds=6), dash())
        items = huawei.only().endpoints
        assert items[0].hls_package[0].id == package.id and items[0].hls_package[0].segment_duration_seconds == 6
        assert items[1].dash_package[0].id not in (None, package.id)
        for wrong in (hls(id="nothing"), dash(id=package.id)):
            refused(lambda: huawei.endpoints(wrong), *BAD)
        refused(lambda: huawei.endpoints(hls(id=package.id), hls(id=package.id)), *BAD)
        huawei.endpoints()
        assert not huawei.only().endpoints
        refused(lambda: huawei.endpoints(hls(id=package.id)), *BAD)


def case_a_url_belongs_to_one_package_of_all_channels():
    with Server() as server:
        huawei = Huawei(server)
        huawei.create(endpoints=[hls(url="http://p.example.com/a", slave_url="http://p.example.com/b")])
        for url in ("http://p.example.com/a", "https://P.example.com/b"):
            error = refused(lambda: huawei.create(id="two", endpoints=[dash(url=url)]), *BAD)
            assert "is exist" in error.error_msg
        assert huawei.listed().total == 1
        refused(lambda: huawei.create(id="two", endpoints=[hls(url="http://p.example.com/c"), hls(url="http://p.example.com/c")]), *BAD)
        huawei.create(id="two", endpoints=[dash(url="http://p.example.com/c")])
        huawei.delete()
        huawei.create(id="three", endpoints=[dash(url="http://p.example.com/a")])
