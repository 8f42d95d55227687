"""What every field takes comes back as it was given; what it refuses changes nothing. By the SDKs, row by row."""

import re

import huaweicloudsdklive.v1 as h

from huawei import BAD, KEY, Huawei, dash, encryption, hls, mss, pull, push
from ice import INVALID, MISSING, config, drm, held
from live import DOMAIN, Live
from server import Server, refused
from wire import acs3, huawei_request

STAMP = re.compile(r"\A\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ\Z")


def within(given, found, path=""):
    """Sees to it that all that was given was found."""
    given = given.to_dict() if hasattr(given, "to_dict") else given
    found = found.to_dict() if hasattr(found, "to_dict") else found
    if isinstance(given, dict):
        for name, value in given.items():
            if value is not None:
                within(value, (found or {}).get(name), f"{path}.{name}")
    elif isinstance(given, list):
        assert len(given) == len(found or []), (path, given, found)
        for at, value in enumerate(given):
            within(value, found[at], f"{path}[{at}]")
    else:
        assert given == found, (path, given, found)


def case_ice_fields_come_back_as_they_were_given():
    channel = {"group_name": "g", "channel_name": "c2"}
    endpoint = {"group_name": "g", "channel_name": "c", "endpoint_name": "e"}
    with Server() as server:
        ice = held(server)
        for fields in ({"segment_count": 2}, {"segment_count": 100}, {"segment_duration": 1}, {"segment_duration": 30},
                       {"description": "中" * 1000}):
            ice.create_live_package_channel(protocol="HLS", **channel, **fields)
            got = ice.get_live_package_channel(**channel).live_package_channel
            within(fields, vars(got))
            assert STAMP.match(got.create_time) and STAMP.match(got.last_modified), got
            ice.update_live_package_channel(protocol="HLS", **channel)
            plain = ice.get_live_package_channel(**channel).live_package_channel
            assert (plain.segment_count, plain.segment_duration, plain.description) == (3, 6, "")
            ice.update_live_package_channel(protocol="HLS", **channel, **fields)
            within(fields, vars(ice.get_live_package_channel(**channel).live_package_channel))
            ice.delete_live_package_channel(**channel)
        for fields in ({"manifest_name": "m" * 128}, {"manifest_name": "index.m3u8"}, {"description": "中" * 1000},
                       {"timeshift_vision": 0}, {"timeshift_vision": 30}, {"authorization_code": "c" * 200},
                       {"ip_whitelist": "10.0.0.1/24, 2001:db8::/32"}, {"ip_blacklist": "::1,10.0.0.9"},
                       {"ip_whitelist": ",".join(["10.0.0.11"] * 100) + " "}, {"ip_blacklist": ",".join(["10.0.0.11"] * 100) + " "}):
            ice.endpoint("e" * 200, **fields)
            got = ice.get_live_package_origin_endpoint(**(endpoint | {"endpoint_name": "e" * 200})).live_package_origin_endpoint
            within(fields, vars(got))
            unset = {"ip_whitelist", "ip_blacklist", "description"} - set(fields)
            assert all(getattr(got, name) == "" for name in unset), got
            assert got.endpoint_url.endswith("/" + (fields.get("manifest_name") or "manifest"))
            ice.delete_live_package_origin_endpoint(**(endpoint | {"endpoint_name": "e" * 200}))
        for call in (ice.get_live_package_channel_group, ice.update_live_package_channel_group, ice.delete_live_package_channel_group):
            refused(lambda: call(group_name=""), *MISSING)
            refused(lambda: call(group_name="a b"), *INVALID)
        refused(lambda: ice.update_live_package_channel_group(group_name="g", description="d" * 1001), *INVALID)
        key = {"group_name": "g", "channel_name": "c"}
        for call, more in ((ice.get_live_package_channel, {}), (ice.update_live_package_channel, {"protocol": "HLS"}),
                           (ice.update_live_package_channel_credentials, {"rotate_credentials": 1}),
                           (ice.delete_live_package_channel, {})):
            for name in key:
                refused(lambda: call(**(key | more | {name: ""})), *MISSING)
                refused(lambda: call(**(key | more | {name: "a\n"})), *INVALID)
        refused(lambda: ice.update_live_package_channel(**key), *MISSING)
        kept = ice.endpoint().to_map()
        guard = {"protocol": "HLS", "authorization_code": "code"}
        for call, more in ((ice.create_live_package_origin_endpoint, guard), (ice.update_live_package_origin_endpoint, guard),
                           (ice.get_live_package_origin_endpoint, {}), (ice.delete_live_package_origin_endpoint, {})):
            for name in endpoint:
                refused(lambda: call(**(endpoint | more | {name: ""})), *MISSING)
                refused(lambda: call(**(endpoint | more | {name: "n" * 201})), *INVALID)
        for name in key:
            refused(lambda: ice.list_live_package_origin_endpoints(**(key | {name: ""})), *MISSING)
        refused(lambda: ice.list_live_package_channels(), *MISSING)
        for wrong in ({"manifest_name": "a\n"}, {"manifest_name": ".."}, {"authorization_code": "a\n"}, {"timeshift_vision": 31},
                      {"ip_whitelist": ",".join(["10.0.0.11"] * 100) + " " * 2}, {"ip_blacklist": ",".join(["10.0.0.11"] * 100) + " " * 2}):
            name, = wrong
            error = refused(lambda: ice.update_live_package_origin_endpoint(**(endpoint | guard | wrong)), *INVALID)
            assert name.replace("_", "") in error.message.lower(), error.message
        assert ice.get_live_package_origin_endpoint(**endpoint).live_package_origin_endpoint.to_map() == kept


def case_ice_lists_have_their_order_and_their_words():
    with Server() as server:
        ice = held(server)
        for n in range(11):
            ice.channel(f"n{n}", description="odd" if n % 2 else "even")
            ice.endpoint(f"n{n}", description="odd" if n % 2 else "even",
                         live_packaging_config=config(segment_count=5)) if n < 4 else None
        key = {"group_name": "g", "channel_name": "c"}
        channels = lambda **more: [c.channel_name for c in ice.list_live_package_channels(
            group_name="g", **more).live_package_channels]
        assert channels() == [f"n{n}" for n in range(10, 0, -1)], "ten, the newest first"
        assert channels(sort_by="asc", page_size=3, page_no=2) == ["n2", "n3", "n4"]
        assert channels(keyword="ODD") == ["n9", "n7", "n5", "n3", "n1"] and channels(keyword="nothing") == []
        ends = lambda **more: ice.list_live_package_origin_endpoints(**key, **more).live_package_origin_endpoints
        assert [e.endpoint_name for e in ends()] == ["n3", "n2", "n1", "n0"]
        assert [e.endpoint_name for e in ends(keyword="even", sort_by="asc")] == ["n0", "n2"] and ends(keyword="nothing") == []
        assert all("LivePackagingConfig" not in e.to_map() for e in ends()), "items have no packaging"


def case_ice_packaging_comes_back_as_it_was_given():
    widevine, fairplay = "edef8ba9-79d6-4ace-a3c8-27dcd51d21ed", "94ce86fb-07ff-4f43-adb8-93d2fa968ca2"
    playready = "9a04f079-9840-4286-ab92-e65be0885f95"
    rows = [("HLS", config(**{name: value})) for name, value in [
        ("segment_duration", 30), ("use_audio_rendition_groups", False), ("part_duration_ms", 100), ("part_duration_ms", 5000),
        ("segment_count", 100), ("date_time_interval", 3600), ("ad_markers", "DATE_RANGE"), ("min_video_bitrate", 1),
        ("max_video_bitrate", 9_000_000), ("stream_order", "VIDEO_BITRATE_DESCENDING"), ("part_hold_back_ms", 1500),
        # What is for other protocols is kept, too.
        ("presentation_delay", 60), ("min_buffer_time", 30), ("min_update_period", 3600), ("manifest_duration", 1),
        ("segment_template_format", "NUMBER_TIMELINE"),
    ]]
    rows += [("DASH", config(**{name: value})) for name, value in [
        ("presentation_delay", 1), ("min_buffer_time", 1), ("min_update_period", 1), ("manifest_duration", 3600),
        ("ad_markers", "XML"), ("segment_template_format", "NUMBER_TIMELINE"), ("stream_order", "ORIGINAL"), ("date_time_interval", 1),
    ]]
    whole = dict(content_id="c1", encryption_method="SAMPLE_AES", iv="0" * 31 + "F", rotate_period=3600, url="https://k.example.com/")
    rows += [("HLS_CMAF", drm(system_ids=[fairplay, widevine, playready], **whole)), ("DASH", drm(system_ids=[widevine], **whole)),
             ("HLS", drm(system_ids=[], content_id="c" * 256))]
    key = {"group_name": "g", "channel_name": "c", "endpoint_name": "e"}
    with Server() as server:
        ice = held(server)
        for protocol, right in rows:
            made = ice.endpoint(protocol=protocol, live_packaging_config=right)
            got = ice.get_live_package_origin_endpoint(**key).live_package_origin_endpoint
            for answer in (made, got):
                within(right.to_map(), answer.live_packaging_config.to_map())
            ice.delete_live_package_origin_endpoint(**key)
        for protocol, wrong in [("HLS_CMAF", config(ad_markers="XML")), ("HLS_CMAF", drm(system_ids=["x"]))]:
            refused(lambda: ice.endpoint(protocol=protocol, live_packaging_config=wrong), *INVALID)


def case_ice_takes_what_is_empty_for_what_is_absent():
    with Server() as server:
        held(server)
        names = {"GroupName": "g", "ChannelName": "c", "EndpointName": "e", "Protocol": "HLS", "IpWhitelist": "::1"}
        empty = {name: "" for name in ("ManifestName", "Description", "TimeshiftVision", "AuthorizationCode", "IpBlacklist",
                                       "LivePackagingConfig")}
        found, answer, _ = acs3(server, "CreateLivePackageOriginEndpoint", {"ClientToken": ""}, names | empty)
        assert found == 200, answer
        assert answer["LivePackageOriginEndpoint"]["ManifestName"] == "manifest"
        empty = {"PageNo": "", "PageSize": "", "SortBy": "", "Keyword": ""}
        found, answer, _ = acs3(server, "ListLivePackageChannels", {"GroupName": "g"} | empty, {})
        assert (found, answer["PageSize"], answer["SortBy"]) == (200, 10, "desc"), answer


def case_live_fields_come_back_as_they_were_given():
    with Server() as server:
        live = Live(server)
        longest = ".".join(["d" * 63] * 3 + ["e" * 57, "com"])
        assert len(longest) == 253
        for n, (protocol, seconds, part) in enumerate([
            ("HLS_CMAF", 1, 0), ("HLS_CMAF", 10, 0), ("DASH_CMAF", 1, 0), ("DASH_CMAF", 10, 0), ("HLSDASH_CMAF", 1, 0),
            ("HLSDASH_CMAF", 10, 0), ("LLHLS_CMAF", 1, 100), ("LLHLS_CMAF", 1, 500), ("LLHLS_CMAF", 2, 100),
            ("LLHLS_CMAF", 2, 1000), ("LLHLS_TS", 1, 500), ("LLHLS_TS", 2, 1000),
        ]):
            live.add(stream=f"s{n}", domain_name=longest, protocol=protocol, segment_duration=seconds, part_duration=part or None,
                     segment_num=10, ignore_transcode=False)
            kept, answer = live.described(domain_name=longest, stream_name=f"s{n}")
            assert (answer.page_num, answer.page_size, answer.order) == (1, 10, "asc")
            within({"DomainName": longest, "Protocol": protocol, "SegmentDuration": seconds, "PartDuration": part, "SegmentNum": 10,
                    "IgnoreTranscode": False}, kept[0])
        update = {"app_name": "live", "stream_name": "*", "protocol": "LLHLS_TS", "segment_num": 3, "segment_duration": 1,
                  "part_duration": 350}
        live.add(ignore_transcode=False)
        live.update_live_package_config(**update)
        before = live.described()[0]
        assert before[0]["IgnoreTranscode"] is True, "left out it is the default"
        for wrong, code in [
            ({"protocol": "HLS"}, "InvalidProtocol"), ({"segment_num": 2}, "InvalidSegmentNum"), ({"segment_num": 11}, "InvalidSegmentNum"),
            ({"part_duration": 99}, "InvalidPartDuration"), ({"part_duration": 501}, "InvalidPartDuration"),
            ({"segment_duration": 0}, "InvalidSegmentDuration"), ({"ignore_transcode": "x"}, "InvalidParams"),
            ({"app_name": "-"}, "InvalidParams"), ({"stream_name": "a b"}, "InvalidParams"), ({"domain_name": "x"}, "InvalidParams"),
        ]:
            refused(lambda: live.update_live_package_config(**(update | wrong)), code, 400)
        refused(lambda: live.update_live_package_config(**(update | {"domain_name": None})), "MissingParam", 400)
        for protocol in ("DASH_CMAF", "HLSDASH_CMAF"):
            for seconds in (0, 11):
                refused(lambda: live.add(stream="x", protocol=protocol, segment_duration=seconds), "InvalidSegmentDuration", 400)
        for more, code in [({"segment_duration": 0}, "InvalidSegmentDuration"), ({"segment_duration": 3}, "InvalidSegmentDuration"),
                           ({"part_duration": 99}, "InvalidPartDuration"), ({"part_duration": 501}, "InvalidPartDuration"),
                           ({"segment_duration": 2, "part_duration": 1001}, "InvalidPartDuration")]:
            refused(lambda: live.add(stream="x", protocol="LLHLS_CMAF", **more), code, 400)
        for domain in ("d" * 64 + ".com", "a." + longest):
            refused(lambda: live.add(stream="x", domain_name=domain), "InvalidParams", 400)
        key = {"app_name": "live", "stream_name": "*"}
        for name in ("domain_name", "app_name"):
            refused(lambda: live.delete_live_package_config(**(key | {name: None})), "MissingParam", 400)
        for wrong in ({"domain_name": "x"}, {"app_name": "-"}, {"stream_name": "a b"}):
            refused(lambda: live.delete_live_package_config(**(key | wrong)), "InvalidParams", 400)
            refused(lambda: live.described(**wrong), "InvalidParams", 400)
        assert live.described()[0] == before, "what is refused changes nothing"
        live.open_live_shift(vision=1, duration=60)
        refused(lambda: live.open_live_shift(duration="x"), "InvalidParam", 400)
        for call in (live.close_live_shift, live.describe_live_shift_configs):
            refused(lambda: call(domain_name=None), "MissingParam", 400)
            refused(lambda: call(domain_name="x"), "InvalidParam", 400)
        refused(lambda: live.close_live_shift(app_name="-"), "InvalidParam", 400)
        assert DOMAIN in [c.domain_name for c in live.describe_live_shift_configs().content.config]


def audio(**more):
    one = h.EncoderSettingsExpandAudioDescriptions(**({"audio_selector_name": "a"} | more))
    return h.EncoderSettingsExpand(audio_descriptions=[one])


def srt(**more):
    return h.InputStreamInfo(input_protocol="SRT_PULL", sources=[h.SourcesInfo(**({"url": "srt://a.b:1"} | more))])


def selected(**more):
    return push(1, audio_selectors=[h.InputAudioSelector(name="s_1-A", **more)])


def failover(**more):
    return push(1, failover_conditions=h.FailoverConditions(**more))


def case_huawei_channels_come_back_as_they_were_given():
    second = h.SecondarySourcesInfo
    rights = [
        {"region": "cn-north-4"}, {"mode": "ONLY_OS"}, {"mode": "ADD_CDN"}, {"name": "中"}, {"name": None}, {"state": "OFF"},
        {"encoder_settings": [h.ModifyOttChannelEncoderSettingsEncoderSettings(template_id="t")]},
        {"record_settings": h.CreateOttChannelInfoReqRecordSettings(rollingbuffer_duration=1209600)},
        {"encoder_settings_expand": audio(name="n", stream_name="English", language_code_control="USE_CONFIGURED", language_code="en")},
        {"encoder_settings_expand": audio(language_code_control="FOLLOW_INPUT", language_code="eng")},
        {"input": failover(input_loss_threshold_msec=0, input_preference="EQUAL")},
        {"input": failover(input_loss_threshold_msec=3600000, input_preference="PRIMARY")},
        {"input": pull(max_bandwidth_limit=104857600, scte35_source="SEGMENTS", ad_triggers=["Splice insert"])},
        {"input": h.InputStreamInfo(input_protocol="SRT_PUSH", ip_port_mode=True, ip_whitelist="0.0.0.0/0,::/0")},
        {"input": selected(selector_settings=h.AudioSelectorSettings(audio_language_selection=h.AudioSelectorLangSelection(language_code="eng", language_selection_policy="LOOSE")))}, {"input": push(1, ip_whitelist="10.0.0.0/8")},
        {"input": h.InputStreamInfo(input_protocol="HLS_PULL", sources=[h.SourcesInfo(
            url="http://a.b/c.m3u8", bitrate=104857600, bitrate_for3u8=True, width=4096, height=2160, enable_snapshot=True,
            backup_urls=["https://a.b/d.m3u8"])])},
        {"input": srt(passphrase="0123456789", pbkeylen=16, stream_id="#!::r=x", latency=120)},
        {"input": pull(secondary_sources=[second(url="https://b.example.com/x.m3u8", bitrate=1, width=0, height=0)])},
    ]
    with Server() as server:
        huawei = Huawei(server)
        for right in rights:
            huawei.create(**right)
            within(right, vars(huawei.only()) | huawei.only().to_dict())
            huawei.delete()
        sources = [h.SourcesInfo(bitrate=9, width=640, height=360, enable_snapshot=True)]
        made = huawei.create(input=h.InputStreamInfo(input_protocol="RTMP_PUSH", sources=sources))
        url = "rtmp://push.example.com/live/one_9"
        within([{"url": url, "bitrate": 9, "width": 640, "height": 360, "enable_snapshot": True}], [s.to_dict() for s in made.sources])
        huawei.state("OFF")
        huawei.state("ON")
        huawei.record(1209600)
        expand = audio(name="n")
        huawei.input(encoder_settings_expand=expand)
        huawei.input()
        huawei.encoder(None)
        channel = huawei.only()
        within({"state": "ON", "encoder_settings_expand": expand.to_dict()}, channel.to_dict())
        assert channel.input.sources[0].bitrate == 9, "what is not named stays"
        assert [c.id for c in huawei.listed(limit=1, offset=0).channels] == ["one"]


def case_huawei_channels_refuse_the_rest():
    wrongs = [
        {"region": 1}, {"endpoints": "x"}, {"encoder_settings": "x"},
        {"encoder_settings": [h.ModifyOttChannelEncoderSettingsEncoderSettings(template_id=1)]},
        {"encoder_settings_expand": audio(name="a b")}, {"encoder_settings_expand": audio(stream_name="a\nb")},
        {"encoder_settings_expand": audio(audio_selector_name=None)},
        *({"encoder_settings_expand": audio(language_code=code)} for code in ("e", "engl", "e1")),
        {"encoder_settings_expand": h.EncoderSettingsExpand(video_descriptions=h.VideoDescriptions(gop_duration_seconds="2"))},
        *({"input": h.InputStreamInfo(input_protocol=protocol)} for protocol in ("FLV_PULL", "SRT_PULL")),
        {"input": h.InputStreamInfo(input_protocol="HLS_PULL", sources=[])},
        {"input": pull(secondary_sources=[h.SecondarySourcesInfo(url="ftp://b/x.m3u8")])},
        {"input": failover(input_loss_threshold_msec=-1)}, {"input": pull(max_bandwidth_limit=-1)}, {"input": pull(max_bandwidth_limit="1")},
        {"input": h.InputStreamInfo(input_protocol="SRT_PUSH", ip_port_mode="yes")}, {"input": pull(ad_triggers="Splice insert")},
        {"input": push(1, audio_selectors=[h.InputAudioSelector()])}, {"input": selected(selector_settings="x")},
        *({"input": srt(**more)} for more in ({"passphrase": 1}, {"pbkeylen": "16"}, {"stream_id": 1}, {"latency": "x"},
                                              {"enable_snapshot": "x"}, {"bitrate_for3u8": 1})),
        {"input": h.InputStreamInfo(input_protocol="HLS_PULL", sources=[h.SourcesInfo(url="http://a.b/c", backup_urls=["ftp://a.b"])])},
        {"input": h.InputStreamInfo(input_protocol="HLS_PULL", sources=[h.SourcesInfo(url="http://a.b/c", backup_urls="http://a.b")])},
    ]
    with Server() as server:
        huawei = Huawei(server)
        for wrong in wrongs:
            refused(lambda: huawei.create(**wrong), *BAD)
        assert huawei.listed().total == 0
        huawei.create()
        before = huawei.only()
        body = lambda field, value: KEY | {field: value}
        for field, value in [("domain", None), ("domain", "x"), ("app_name", None), ("app_name", "a/b"), ("id", None), ("id", "")]:
            key = body(field, value)
            settings = h.ModifyOttChannelRecordSettingsRecordSettings(rollingbuffer_duration=1)
            for call, request, model in [
                ("general", h.ModifyOttChannelInfoGeneralRequest, h.ModifyOttChannelGeneral(name="x", **key)),
                ("input", h.ModifyOttChannelInfoInputRequest, h.ModifyOttChannelInputReq(input=push(2), **key)),
                ("record_settings", h.ModifyOttChannelInfoRecordSettingsRequest,
                 h.ModifyOttChannelRecordSettings(record_settings=settings, **key)),
                ("end_points", h.ModifyOttChannelInfoEndPointsRequest, h.ModifyOttChannelEndPointsReq(endpoints=[hls()], **key)),
                ("stats", h.ModifyOttChannelInfoStatsRequest, h.ModifyOttChannelState(state="OFF", **key)),
                ("encoder_settings", h.ModifyOttChannelInfoEncoderSettingsRequest,
                 h.ModifyOttChannelEncoderSettings(encoder_settings=[{"template_id": "t"}], **key)),
            ]:
                modify = getattr(huawei.client, f"modify_ott_channel_info_{call}")
                refused(lambda: modify(request(body=model)), *BAD)
            if value != "":
                refused(lambda: huawei.delete(**{field: value}), *BAD)
        for query in ({"limit": "x"}, {"limit": "1.5"}, {"offset": "x"}):
            refused(lambda: huawei.listed(**query), *BAD)
        refused(lambda: huawei.record(1209601), *BAD)
        refused(lambda: huawei.record(None), *BAD)
        refused(lambda: huawei.encoder([{"template_id": 1}]), *BAD)
        assert huawei.only() == before
        huawei.delete()
        refused(lambda: huawei.encoder([{"template_id": "t"}]), *BAD)


def case_huawei_packages_come_back_as_they_were_given():
    header = lambda key="X-Cdn-Id", value="v": h.HttpHeader(key=key, value=value)
    drm = lambda **more: {"encryption": encryption(**more)}
    label = "a" * 63
    domain = ".".join([label] * 3 + ["b" * 46, "c" * 16])
    assert len(domain) == 255
    args = h.PackageRequestArgs(
        record=[h.RecordRequestArgs(start_time="begin", end_time="end", format="iso8601", unit="millisecond")],
        timeshift=[h.TimeshiftRequestArgs(back_time="back", unit="second")], live=[h.LiveRequestArgs(delay="delay", unit="second")])
    rights = [
        {"segment_duration_seconds": 1}, {"segment_duration_seconds": 10}, {"playlist_window_seconds": 0},
        {"playlist_window_seconds": 86400}, {"url": "http://p.example.com/a/b.m3u8", "slave_url": "https://q.example.com/a"},
        {"stream_selection": [h.StreamSelectionItem(key="k=1", min_bandwidth=0, max_bandwidth=104857600)]},
        {"manifest_name": "n" * 128}, {"manifest_name": "index.mpd"}, {"enable_access": True, "allow_all_ip_access": True},
        {"ip_whitelist": "10.0.0.0/8, ::1"}, {"ip_whitelist": "0.0.0.0/0"}, {"cdn_identifier_header": header()},
        {"cdn_identifier_header": header(value="v" * 200)}, {"origin_domain_master": domain, "origin_domain_slave": domain},
        {"ext_args": {"a": {"b": [1, "2"]}}}, {"request_args": args},
        *({"manifest_selection": h.ManifestSelection(stream_order=order, min_video_bandwidth=1, max_video_bandwidth=2)}
          for order in ("ORIGINAL", "VIDEO_BITRATE_ASCENDING", "VIDEO_BITRATE_DESCENDING")),
    ]
    systems = {hls: ["FairPlay"], dash: ["Widevine", "PlayReady"], mss: ["PlayReady"]}
    wrongs = [
        {"origin_domain_master": "a" + domain}, {"origin_domain_master": "a" * 64 + ".b.com"}, {"origin_domain_slave": "a.b." + "c" * 17},
        {"stream_selection": [h.StreamSelectionItem(min_bandwidth=104857601)]}, {"stream_selection": [h.StreamSelectionItem(max_bandwidth=-1)]},
        {"stream_selection": [h.StreamSelectionItem(key=1)]}, {"cdn_identifier_header": header(value="v" * 201)},
        {"request_args": h.PackageRequestArgs(record="x")}, {"request_args": h.PackageRequestArgs(timeshift=["x"])},
        {"request_args": h.PackageRequestArgs(live=[h.LiveRequestArgs(delay=1)])}, {"id": "unknown"},
    ]
    own = [
        (hls, {"ads": {"a": 1}, "hls_version": "6", "ad_marker": ["ENHANCED_SCTE35"]}, {"ad_marker": "xml+bin"}),
        (dash, {"ads": {"a": 1}, "ad_marker": "xml+bin"}, {"ad_marker": ["xml+bin"]}), (dash, {}, {"ads": []}), (mss, {"delay_segment": 3}, {"delay_segment": 1.5}),
        (dash, {"suggested_presentation_delay": 120, "minimum_update_period": 1, "min_buffer_time": 120}, {"minimum_update_period": 0}),
        (dash, {"minimum_update_period": 120, "min_buffer_time": 1}, {"min_buffer_time": 121}),
    ]
    for kind, ids in systems.items():
        headers = [header(f"X-H{n}") for n in range(5)]
        fine = drm(system_ids=ids, level="profile", http_headers=headers, key_rotation_interval_seconds=1, encryption_method="m")
        own += [(kind, fine, drm(system_ids=ids, level="x"))]
        own += [(kind, drm(system_ids=ids, request_mode="functiongraph_proxy", urn="urn:x"),
                 drm(system_ids=ids, request_mode="functiongraph_proxy"))]
        own += [(kind, {}, drm(**({"system_ids": ids} | wrong))) for wrong in (
            {"system_ids": None}, {"system_ids": [ids[0].lower()]}, {"speke_version": None}, {"speke_version": "2.0"}, {"request_mode": None},
            {"request_mode": "x"}, {"resource_id": None}, {"url": None}, {"http_headers": headers + [header()]},
            {"key_rotation_interval_seconds": "x"}, {"encryption_method": 1})]
    with Server() as server:
        huawei = Huawei(server)
        huawei.create()
        rows = [(kind, right, None) for kind in (hls, dash, mss) for right in rights]
        rows += [(kind, {}, wrong) for kind in (hls, dash, mss) for wrong in wrongs] + own
        for kind, right, wrong in rows:
            item = kind(**right)
            huawei.endpoints(item)
            kept = huawei.only().endpoints[0]
            within(item, kept)
            name = {hls: "hls_package", dash: "dash_package", mss: "mss_package"}[kind]
            again = getattr(kept, name)[0]
            huawei.endpoints(h.EndpointItem(**{name: [again]}))
            assert getattr(huawei.only().endpoints[0], name)[0] == again, "the same package by its id"
            if wrong is not None:
                refused(lambda: huawei.endpoints(kind(**wrong)), *BAD)
                assert huawei.only().endpoints[0] == kept, "a refused change changes nothing"
        huawei.endpoints(hls(**drm(level=None)))
        assert huawei.only().endpoints[0].hls_package[0].encryption.level == "content", "the default is filled in"


def case_faults_name_what_they_could_read():
    with Server() as server:
        found, answer, _ = huawei_request(server, "PUT", "/v1/prj1/ott/channels/general", KEY | {"name": 1})
        assert (found, answer["result_code"], answer["error_code"]) == (400, BAD[0], BAD[0]), answer
        assert {name: answer[name] for name in KEY} == KEY
        found, answer, _ = huawei_request(server, "GET", "/v1/prj1/ott/channels", query="id=one&limit=0")
        assert (found, answer["id"], answer["domain"]) == (400, "one", ""), answer
        for date, text in (("20201120T170543Z", "expired"), ("2026-11-20", "X-Sdk-Date")):
            found, answer, _ = huawei_request(server, "GET", "/v1/prj1/ott/channels", date=date)
            assert (found, answer["error_code"]) == (401, "APIGW.0301") and text in answer["error_msg"], answer
