"""The JSON form of our own, with a bearer key."""

import json

from server import Server
from wire import send


def ask(server, method, path, body=None, key="test-sk"):
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    sent = json.dumps(body).encode() if body is not None else b""
    status, answer, _ = send(server, method, "/api" + path, sent, headers)
    return status, answer


def case_groups_channels_and_endpoints_live_and_die():
    with Server() as server:
        assert ask(server, "POST", "/v1/groups", {"name": "g", "description": "d"})[0] == 201
        assert ask(server, "POST", "/v1/groups", {"name": "g"})[1]["error"]["code"] == "taken"
        status, channel = ask(server, "POST", "/v1/groups/g/channels", {"name": "c", "segment_duration": 4})
        assert status == 201 and channel["segment_count"] == 3 and len(channel["inputs"]) == 2
        status, rotated = ask(server, "POST", "/v1/groups/g/channels/c/credentials", {"inputs": [2]})
        assert status == 200 and rotated["inputs"][0] == channel["inputs"][0] != rotated["inputs"][1]
        assert rotated["inputs"][1] != channel["inputs"][1]
        endpoint = {"name": "e", "protocol": "DASH", "ip_whitelist": "10.0.0.0/8",
                    "packaging": {"SegmentDuration": 2, "LiveManifestConfigs": [{"ManifestDuration": 30}]}}
        status, made = ask(server, "POST", "/v1/groups/g/channels/c/endpoints", endpoint)
        assert status == 201 and made["url"] == "https://origin.example.com/v1/g/1/c/manifest", made
        assert made["packaging"]["SegmentDuration"] == 2
        path = "/v1/groups/g/channels/c/endpoints/e"
        assert ask(server, "GET", path)[1] == made
        status, changed = ask(server, "PUT", path, {"protocol": "HLS", "authorization_code": "code"})
        assert status == 200 and changed["packaging"] is None and changed["ip_whitelist"] is None
        assert ask(server, "GET", "/v1/groups/g/channels/c/endpoints")[1] == [changed]
        # What one surface makes, all show.
        from ice import Ice

        shown = Ice(server).get_live_package_origin_endpoint(group_name="g", channel_name="c", endpoint_name="e")
        assert shown.live_package_origin_endpoint.authorization_code == "code"
        assert ask(server, "DELETE", "/v1/groups/g")[1]["error"]["code"] == "in_use"
        assert ask(server, "PUT", "/v1/groups/g/channels/c", {"segment_count": 9})[1]["segment_count"] == 9
        for at in (path, "/v1/groups/g/channels/c", "/v1/groups/g"):
            assert ask(server, "DELETE", at)[0] == 204
            assert ask(server, "DELETE", at)[0] == 404
            assert ask(server, "GET", at)[0] == 404


def case_live_and_ott_configurations_live_and_die():
    with Server() as server:
        package = {"domain": "a.example.com", "app": "live", "protocol": "LLHLS_CMAF"}
        status, made = ask(server, "POST", "/v1/live/packages", package)
        assert status == 201 and (made["stream"], made["part_duration"]) == ("*", 350), made
        assert ask(server, "POST", "/v1/live/packages", package)[0] == 409
        assert ask(server, "PUT", "/v1/live/packages", package | {"segment_duration": 2})[1]["part_duration"] == 700
        for wrong in [{"segment_duration": 3}, {"part_duration": 600}, {"protocol": "x"}, {"domain": "x"}]:
            assert ask(server, "PUT", "/v1/live/packages", package | wrong)[0] == 400, wrong
        assert len(ask(server, "GET", "/v1/live/packages")[1]) == 1
        assert ask(server, "DELETE", "/v1/live/packages?domain=a.example.com&app=live")[0] == 204
        assert ask(server, "DELETE", "/v1/live/packages?domain=a.example.com&app=live")[0] == 404
        status, shift = ask(server, "PUT", "/v1/live/shifts", {"domain": "a.example.com", "days": 3})
        assert status == 200 and shift["days"] == 3
        assert ask(server, "GET", "/v1/live/shifts")[1] == [shift]
        assert ask(server, "DELETE", "/v1/live/shifts?domain=a.example.com")[0] == 204
        document = {"domain": "p.example.com", "app_name": "a", "id": "i", "name": "n", "state": "ON",
                    "input": {"input_protocol": "RTMP_PUSH"}, "record_settings": {"rollingbuffer_duration": 0}}
        assert ask(server, "POST", "/v1/ott/channels", document)[0] == 201
        assert ask(server, "GET", "/v1/ott/channels")[1][0]["input"]["sources"][0]["url"] == "rtmp://p.example.com/a/i"
        assert ask(server, "DELETE", "/v1/ott/channels?domain=p.example.com&app_name=a&id=i")[0] == 204


def case_what_is_wrong_is_named():
    with Server() as server:
        ask(server, "POST", "/v1/groups", {"name": "g"})
        status, answer = ask(server, "POST", "/v1/groups", {"name": "a b"})
        assert status == 400 and answer["error"]["field"] == "name", answer
        assert "1 to 200" in answer["error"]["message"]
        for body in [{}, {"name": 1}, {"name": "x", "other": 1}, []]:
            assert ask(server, "POST", "/v1/groups", body)[0] == 400, body
        assert ask(server, "POST", "/v1/groups/g/channels", {"name": "c", "segment_count": 1})[0] == 400
        ask(server, "POST", "/v1/groups/g/channels", {"name": "c"})
        endpoint = {"name": "e", "protocol": "HLS"}
        status, answer = ask(server, "POST", "/v1/groups/g/channels/c/endpoints", endpoint)
        assert status == 400 and answer["error"]["field"] == "authorization_code", answer
        assert ask(server, "GET", "/v1/nothing")[0] == 404
        assert ask(server, "GET", "/v1/groups", key="wrong")[0] == 401


def case_the_description_names_every_route():
    with Server() as server:
        status, described = ask(server, "GET", "/openapi.json", key="none")
        assert status == 200 and described["openapi"].startswith("3.")
        paths = described["paths"]
        for path in ["/api/v1/groups", "/api/v1/groups/{group}/channels/{channel}/endpoints/{endpoint}",
                     "/api/v1/live/packages", "/api/v1/live/shifts", "/api/v1/ott/channels"]:
            assert path in paths, sorted(paths)
        assert "key" in described["components"]["securitySchemes"]
        text = json.dumps(described)
        import re

        for name in re.findall(r'"#/components/schemas/([^"]+)"', text):
            assert name in described["components"]["schemas"], name
