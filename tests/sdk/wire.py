"""What passes the gate: signatures, dates, nonces, scopes, encodings."""

import base64
import datetime
import hashlib
import hmac
import http.client
import json
import urllib.parse
import uuid

from server import Server, refused


def percent(text):
    return urllib.parse.quote(text, safe="-._~")


def pairs(query):
    return "&".join(f"{percent(k)}={percent(v)}" for k, v in sorted(query.items()))


def acs3(server, action, query, form, version="2020-11-09", chunked=False, **change):
    """A request by hand; `change` replaces what would be right."""
    body = change.get("body", urllib.parse.urlencode(form).encode())
    now = datetime.datetime.now(datetime.timezone.utc)
    date = change.get("date", (now + datetime.timedelta(seconds=change.get("ahead", 0))).strftime("%Y-%m-%dT%H:%M:%SZ"))
    headers = {
        "host": server.admin,
        "x-acs-action": action,
        "x-acs-version": version,
        "x-acs-date": date,
        "x-acs-signature-nonce": change.get("nonce", uuid.uuid4().hex),
        "x-acs-content-sha256": hashlib.sha256(change.get("hashed", body)).hexdigest(),
        "content-type": "application/x-www-form-urlencoded",
    }
    signed = sorted(name for name in headers if name != change.get("unsigned"))
    lines = "".join(f"{name}:{headers[name]}\n" for name in signed)
    canonical = "\n".join(["POST", "/", pairs(query), lines, ";".join(signed), headers["x-acs-content-sha256"]])
    to_sign = "ACS3-HMAC-SHA256\n" + hashlib.sha256(canonical.encode()).hexdigest()
    secret = change.get("sk", "test-sk").encode()
    signature = hmac.new(secret, to_sign.encode(), hashlib.sha256).hexdigest()
    headers["Authorization"] = change.get("authorization", (
        f"ACS3-HMAC-SHA256 Credential={change.get('ak', 'test-ak')},"
        f"SignedHeaders={';'.join(signed)},Signature={signature}"))
    if change.get("bare"):
        del headers["Authorization"]
    return send(server, "POST", "/?" + urllib.parse.urlencode(query), body, headers, chunked)


def send(server, method, path, body=b"", headers=None, chunked=False):
    connection = http.client.HTTPConnection(server.admin, timeout=20)
    headers = {k: v for k, v in (headers or {}).items() if k != "host"}
    sent = iter([body[:3], body[3:]]) if chunked else body
    if chunked:
        headers["Transfer-Encoding"] = "chunked"
    connection.request(method, path, body=sent, headers=headers, encode_chunked=chunked)
    response = connection.getresponse()
    text = response.read()
    answer = json.loads(text) if text else None
    return response.status, answer, response.headers


def create(server, name, **change):
    return acs3(server, "CreateLivePackageChannelGroup", {}, {"GroupName": name}, **change)


def case_the_gate_refuses_in_its_order_with_its_codes():
    with Server() as server:
        for change, status, code in [
            ({"bare": True}, 400, "MissingParameter"),
            ({"authorization": "ACS3-HMAC-SHA256 nothing"}, 400, "IncompleteSignature"),
            ({"authorization": "Basic YTpi"}, 400, "IncompleteSignature"),
            ({"ak": "nobody"}, 404, "InvalidAccessKeyId.NotFound"),
            ({"sk": "wrong"}, 400, "SignatureDoesNotMatch"),
            ({"hashed": b"other"}, 400, "SignatureDoesNotMatch"),
            ({"unsigned": "x-acs-date"}, 400, "IncompleteSignature"),
            ({"date": "2026-11-20 17:05:42"}, 400, "InvalidTimeStamp.Format"),
            ({"date": "2026-13-20T17:05:42Z"}, 400, "InvalidTimeStamp.Format"),
            ({"ahead": 16 * 60}, 400, "InvalidTimeStamp.Expired"),
            ({"ahead": -16 * 60}, 400, "InvalidTimeStamp.Expired"),
            ({"version": "2019-01-01"}, 404, "InvalidVersion"),
        ]:
            found, answer, headers = create(server, "g", **change)
            assert (found, answer["Code"]) == (status, code), (change, found, answer)
            assert answer["HostId"] == server.admin and answer["RequestId"] == headers["x-request-id"]
            if code == "SignatureDoesNotMatch":
                assert answer["Message"].startswith(
                    "Specified signature is not matched with our calculation. server string to sign is:")
        for action in ["createLivePackageChannelGroup", "AddLivePackageConfig", ""]:
            found, answer, _ = acs3(server, action, {}, {})
            assert (found, answer["Code"]) == (404, "InvalidAction.NotFound"), answer
        found, answer, _ = create(server, "g", ahead=14 * 60)
        assert found == 200, answer


def case_a_nonce_is_taken_once():
    with Server() as server:
        assert create(server, "a", nonce="n1")[0] == 200
        found, answer, _ = create(server, "b", nonce="n1")
        assert (found, answer["Code"]) == (400, "SignatureNonceUsed"), answer
        assert create(server, "b", nonce="n2")[0] == 200


def case_chunked_bodies_and_all_spellings_are_taken():
    with Server() as server:
        description = "a b+c/é*~&=%中"
        found, answer, _ = acs3(server, "CreateLivePackageChannelGroup", {"Description": description},
                                {"GroupName": "g1"}, chunked=True)
        assert found == 200, answer
        assert answer["LivePackageChannelGroup"]["Description"] == description
        twice = acs3(server, "GetLivePackageChannelGroup", {"GroupName": "g1"}, {"GroupName": "g2"})
        assert (twice[0], twice[1]["Code"]) == (400, "InvalidParameter"), twice


def case_a_body_has_a_limit():
    with Server() as server:
        found, answer, _ = create(server, "g", body=b"GroupName=g&x=" + b"x" * (2 << 20))
        assert (found, answer["Code"]) == (400, "InvalidParameter"), answer


def case_scopes_of_a_key_hold():
    with Server() as server:
        found, answer, _ = acs3(server, "DescribeLiveShiftConfigs", {"DomainName": "a.b"}, {},
                                version="2016-11-01", ak="ice-ak", sk="ice-sk")
        assert (found, answer["Code"]) == (403, "Forbidden"), answer
        assert create(server, "g", ak="ice-ak", sk="ice-sk")[0] == 200
        from huaweicloudsdklive.v1 import ListOttChannelInfoRequest

        client = server.huawei("ice-ak", "ice-sk")
        refused(lambda: client.list_ott_channel_info(ListOttChannelInfoRequest()), "APIGW.0302", 403)
        found, _, _ = send(server, "GET", "/api/v1/groups", headers={"Authorization": "Bearer ice-sk"})
        assert found == 401


def case_the_old_core_sdk_speaks_rpc_v1():
    from aliyunsdkcore.acs_exception.exceptions import ServerException
    from aliyunsdkcore.client import AcsClient
    from aliyunsdkcore.request import CommonRequest

    def request(server, action, method="POST", **parameters):
        asked = CommonRequest(domain=server.admin, version="2016-11-01", action_name=action)
        asked.set_protocol_type("http")
        asked.set_method(method)
        for name, value in parameters.items():
            asked.add_query_param(name, value)
        return asked

    with Server() as server:
        client = AcsClient("test-ak", "test-sk", "cn-shanghai")
        key = {"DomainName": "a.example.com", "AppName": "*", "StreamName": "s"}
        added = client.do_action_with_exception(request(server, "AddLivePackageConfig", Protocol="LLHLS_CMAF", **key))
        assert json.loads(added)["RequestId"]
        listed = client.do_action_with_exception(
            request(server, "DescribeLivePackageConfig", "GET", DomainName="a.example.com"))
        assert json.loads(listed)["TotalNum"] == 1
        again = request(server, "AddLivePackageConfig", Protocol="LLHLS_CMAF", **key)
        try:
            client.do_action_with_exception(again)
            raise AssertionError("not refused")
        except ServerException as error:
            assert (error.get_error_code(), error.get_http_status()) == ("ConfigAlreadyExists", 400), error
        try:
            AcsClient("test-ak", "wrong", "cn-shanghai").do_action_with_exception(again)
            raise AssertionError("not refused")
        except Exception as error:
            assert "IndexError" not in repr(error), error
            assert error.get_error_code() in ("SignatureDoesNotMatch", "InvalidAccessKeySecret"), error


def case_the_new_sdk_speaks_rpc_v1_with_query_and_form():
    from alibabacloud_ice20201109 import models

    with Server() as server:
        client = server.ice(signature_algorithm="v2")
        made = client.create_live_package_channel_group(
            models.CreateLivePackageChannelGroupRequest(group_name="g", description="a b*~", client_token="t"))
        assert made.body.live_package_channel_group.description == "a b*~"


def case_the_signature_of_huawei_is_asked_for():
    from huaweicloudsdklive.v1 import ListOttChannelInfoRequest

    with Server() as server:
        def listed(*key):
            return lambda: server.huawei(*key).list_ott_channel_info(ListOttChannelInfoRequest())
        assert listed()().total == 0
        for key in [("nobody", "test-sk"), ("test-ak", "wrong")]:
            error = refused(listed(*key), "APIGW.0301", 401)
            assert error.request_id and error.error_msg.startswith("Incorrect IAM authentication")
        refused(listed("test-ak", "test-sk", "other"), "APIGW.0302", 403)
        for method, path, status, code in [
            ("GET", "/v1/prj1/ott/nothing", 404, "APIGW.0101"),
            ("PATCH", "/v1/prj1/ott/channels", 405, "APIGW.0106"),
            ("GET", "/v1/prj1/ott/channels", 401, "APIGW.0301"),
        ]:
            found, answer, headers = send(server, method, path)
            assert (found, answer["error_code"]) == (status, code), answer
            assert headers["x-request-id"]


def huawei_request(server, method, path, body=None, query="", date=None):
    """A request by hand, signed by SDK-HMAC-SHA256."""
    text = b"" if body is None else json.dumps(body).encode()
    now = datetime.datetime.now(datetime.timezone.utc)
    headers = {"host": server.admin, "x-sdk-date": date or now.strftime("%Y%m%dT%H%M%SZ")}
    lines = "".join(f"{name}:{value}\n" for name, value in sorted(headers.items()))
    sorted_query = "&".join(sorted(query.split("&"))) if query else ""
    canonical = "\n".join([method, path + "/", sorted_query, lines, "host;x-sdk-date", hashlib.sha256(text).hexdigest()])
    to_sign = f"SDK-HMAC-SHA256\n{headers['x-sdk-date']}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    signature = hmac.new(b"test-sk", to_sign.encode(), hashlib.sha256).hexdigest()
    headers["Authorization"] = f"SDK-HMAC-SHA256 Access=test-ak, SignedHeaders=host;x-sdk-date, Signature={signature}"
    headers["Content-Type"] = "application/json"
    return send(server, method, path + (f"?{query}" if query else ""), text, headers)


def rpc1(server, action, parameters, **change):
    """The same by RPC v1; a value of None leaves a parameter out."""
    now = datetime.datetime.now(datetime.timezone.utc)
    all_of_it = {
        "Action": action, "Format": "json", "Version": "2016-11-01", "SignatureMethod": "HMAC-SHA1", "SignatureVersion": "1.0",
        "SignatureNonce": uuid.uuid4().hex, "Timestamp": now.strftime("%Y-%m-%dT%H:%M:%SZ"), "AccessKeyId": "test-ak",
    } | parameters | change.get("set", {})
    all_of_it = {name: value for name, value in all_of_it.items() if value is not None}
    to_sign = "POST&%2F&" + percent(pairs(all_of_it))
    secret = (change.get("sk", "test-sk") + "&").encode()
    signature = base64.b64encode(hmac.new(secret, to_sign.encode(), hashlib.sha1).digest()).decode()
    found = send(server, "POST", "/?" + pairs(all_of_it | {"Signature": signature}))
    return *found, to_sign


def case_rpc_v1_is_refused_with_the_same_codes():
    with Server() as server:
        shifts = {"DomainName": "a.b"}
        assert rpc1(server, "DescribeLiveShiftConfigs", shifts)[0] == 200
        for change, status, code in [
            ({"set": {"AccessKeyId": None}}, 400, "MissingParameter"),
            ({"set": {"SignatureMethod": "HMAC-MD5"}}, 400, "IncompleteSignature"),
            ({"set": {"SignatureNonce": None}}, 400, "IncompleteSignature"),
            ({"set": {"AccessKeyId": "nobody"}}, 404, "InvalidAccessKeyId.NotFound"),
            ({"sk": "wrong"}, 400, "SignatureDoesNotMatch"),
            ({"set": {"Timestamp": "yesterday"}}, 400, "InvalidTimeStamp.Format"),
            ({"set": {"Timestamp": None}}, 400, "InvalidTimeStamp.Format"),
            ({"set": {"Timestamp": "2020-11-20T17:05:42Z"}}, 400, "InvalidTimeStamp.Expired"),
            ({"set": {"Version": "2019-01-01"}}, 404, "InvalidVersion"),
            ({"set": {"Action": "Nothing"}}, 404, "InvalidAction.NotFound"),
        ]:
            found, answer, _, to_sign = rpc1(server, "DescribeLiveShiftConfigs", shifts, **change)
            assert (found, answer["Code"]) == (status, code), (change, found, answer)
            if code == "SignatureDoesNotMatch":
                says = "Specified signature is not matched with our calculation. server string to sign is:"
                assert answer["Message"] == says + to_sign
            assert answer["Recommend"].endswith(f"q={code}&product={'ICE' if code == 'InvalidVersion' else 'live'}"), answer


def case_of_several_faults_the_gate_tells_the_first():
    with Server() as server:
        old = {"ahead": -16 * 60}
        assert create(server, "a", nonce="once")[0] == 200
        for change, code in [
            ({"authorization": "nothing"} | old, "IncompleteSignature"),
            ({"ak": "nobody", "sk": "wrong"} | old, "InvalidAccessKeyId.NotFound"),
            ({"sk": "wrong"} | old, "SignatureDoesNotMatch"),
            ({"date": "x", "nonce": "once"}, "InvalidTimeStamp.Format"),
            ({"nonce": "once"} | old, "InvalidTimeStamp.Expired"),
            ({"nonce": "once", "version": "x"}, "SignatureNonceUsed"),
        ]:
            found, answer, _ = create(server, "g", **change)
            assert answer["Code"] == code, (change, answer)
        found, answer, _ = acs3(server, "Nothing", {}, {}, version="x")
        assert answer["Code"] == "InvalidVersion", answer
        twice = {"GroupName": "a"}, {"GroupName": "b"}
        assert acs3(server, "Nothing", *twice)[1]["Code"] == "InvalidAction.NotFound"
        twice = {"DomainName": "a.b"}, {"DomainName": "a.c"}
        answer = acs3(server, "DescribeLiveShiftConfigs", *twice, version="2016-11-01")[1]
        assert answer["Code"] == "InvalidParams", answer


def case_every_answer_is_a_json_object():
    with Server() as server:
        for method in ("PUT", "DELETE", "PATCH"):
            found, answer, _ = send(server, method, "/")
            assert found == 405 and answer["RequestId"] and answer["Code"], answer
