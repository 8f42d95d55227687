use http::{HeaderMap, HeaderName, HeaderValue};

use super::*;
use crate::units::WallTime;

const SECRET: &[u8] = b"test-sk";
const A_QUERY: &str = "ClientToken=t&Description=a+b%2Bc%2F%C3%A9%2A~%26%3D%25%E4%B8%AD";
const A_SIGNED: &str = "accept;content-type;host;user-agent;x-acs-action;x-acs-content-sha256;\
    x-acs-credentials-provider;x-acs-date;x-acs-signature-nonce;x-acs-version";
const A_SIGNATURE: &str = "078652e3103a6fc4a798228007fddf959a39d43afeb6b8bbe463a97bd518552c";
const B_QUERY: &str = "Action=AddLivePackageConfig&Format=json&Version=2016-11-01&\
    Timestamp=2026-11-20T17%3A05%3A42Z&SignatureNonce=1231e261aedd2f284ea11d49ab934d56&AppName=%2A&\
    DomainName=d&Protocol=LLHLS_CMAF&SegmentNum=3&StreamName=s&SignatureMethod=HMAC-SHA1&\
    SignatureVersion=1.0&AccessKeyId=test-ak&Signature=HmKNitXT6L2XiX5lQ2w3Ab6zSdA%3D";
const C_SIGNATURE: &str = "4005e97763ddfd9e6745e3a24cb827341681ff52a57267b75ecced5b57aa2e76";

fn headers(lines: &[(&str, &str)]) -> HeaderMap {
    let mut map = HeaderMap::new();
    for (name, value) in lines {
        let name = HeaderName::from_bytes(name.as_bytes()).expect("a name");
        map.append(name, HeaderValue::from_str(value).expect("a value"));
    }
    map
}

fn vector_a(signed: &str, signature: &str) -> HeaderMap {
    let authorization =
        format!("ACS3-HMAC-SHA256 Credential=test-ak,SignedHeaders={signed},Signature={signature}");
    headers(&[
        ("accept", "application/json"),
        ("content-type", "application/x-www-form-urlencoded"),
        ("host", "127.0.0.1:18080"),
        ("user-agent", "AlibabaCloud (Linux; x86_64) Python/3.11.7 Core/0.4.3 TeaDSL/2"),
        ("x-acs-action", "CreateLivePackageChannelGroup"),
        (
            "x-acs-content-sha256",
            "59dcf44d169cfff76c59955ed7619c5a55a3bd97570db4166f71e02cf0a4eab2",
        ),
        ("x-acs-credentials-provider", "static_ak"),
        ("x-acs-date", "2026-11-20T17:05:42Z"),
        ("x-acs-signature-nonce", "3b31538729c673f40f4d221e61013eef"),
        ("x-acs-version", "2020-11-09"),
        ("authorization", &authorization),
    ])
}

fn asked<'a>(headers: &'a HeaderMap, query: &'a str, body: &'a [u8]) -> Asked<'a> {
    Asked { method: "POST", path: "/", query, headers, body }
}

#[test]
fn vector_a_of_acs3_holds_and_nothing_near_it_does() {
    let all = vector_a(A_SIGNED, A_SIGNATURE);
    let signature = Acs3::read(&all).expect("a signature");
    assert_eq!(signature.key_id(), "test-ak");
    let right = asked(&all, A_QUERY, b"GroupName=g1");
    assert_eq!(
        signature.string_to_sign(&right),
        "ACS3-HMAC-SHA256\n501e14020b3f84b4fc62a7230c3c32cbf82a552debda13b3abd04a1078d75024"
    );
    assert_eq!(signature.check(&right, SECRET), Ok(()));
    // The same query as other SDKs write it.
    let node = A_QUERY.replace('+', "%20").replace("%2A", "*");
    assert_eq!(signature.check(&asked(&all, &node, b"GroupName=g1"), SECRET), Ok(()));
    let other_body = asked(&all, A_QUERY, b"GroupName=g2");
    assert_eq!(signature.check(&other_body, SECRET), Err(SignatureError::Body));
    let mismatch = |checked: Result<(), SignatureError>| {
        matches!(checked, Err(SignatureError::Mismatch { .. }))
    };
    assert!(mismatch(signature.check(&right, b"test-sk2")));
    assert!(mismatch(signature.check(&asked(&all, "ClientToken=t", b"GroupName=g1"), SECRET)));
    let get = Asked { method: "GET", ..right };
    assert!(mismatch(signature.check(&get, SECRET)));
}

#[test]
fn a_signature_that_leaves_out_what_matters_is_refused() {
    for name in ["host", "x-acs-action", "x-acs-date", "x-acs-signature-nonce", "x-acs-version"] {
        let signed: Vec<_> = A_SIGNED.split(';').filter(|signed| *signed != name).collect();
        let all = vector_a(&signed.join(";"), A_SIGNATURE);
        let signature = Acs3::read(&all).expect("a signature");
        let checked = signature.check(&asked(&all, A_QUERY, b"GroupName=g1"), SECRET);
        assert_eq!(checked, Err(SignatureError::Unsigned(name)));
    }
}

#[test]
fn a_signed_header_is_there_once_and_is_text() {
    let signed = format!("{A_SIGNED};x-more");
    for values in [&[][..], &["a", "a"], &["\u{e9}"]] {
        let mut all = vector_a(&signed, A_SIGNATURE);
        for value in values {
            all.append("x-more", HeaderValue::from_bytes(value.as_bytes()).expect("a value"));
        }
        let signature = Acs3::read(&all).expect("a signature");
        let checked = signature.check(&asked(&all, A_QUERY, b"GroupName=g1"), SECRET);
        assert_eq!(checked, Err(SignatureError::Header("x-more".to_owned())), "{values:?}");
    }
    // One more of what is read beside the signature, too.
    let mut all = vector_a(A_SIGNED, A_SIGNATURE);
    all.append("x-acs-action", HeaderValue::from_static("DeleteLivePackageChannelGroup"));
    let signature = Acs3::read(&all).expect("a signature");
    let checked = signature.check(&asked(&all, A_QUERY, b"GroupName=g1"), SECRET);
    assert_eq!(checked, Err(SignatureError::Header("x-acs-action".to_owned())));
}

#[test]
fn what_is_no_authorization_is_not_read() {
    for text in ["", "ACS3-HMAC-SHA256", "Basic YTpi", "ACS3-HMAC-SHA256 Credential=a,Signature=b"]
    {
        let map = headers(&[("authorization", text)]);
        assert_eq!(Acs3::read(&map), None, "{text}");
        assert_eq!(Sdk::read(&map), None, "{text}");
    }
    let spaced = "ACS3-HMAC-SHA256 Credential=a, SignedHeaders=host, Signature=b";
    assert!(Acs3::read(&headers(&[("authorization", spaced)])).is_some());
}

#[test]
fn vector_b_of_rpc_v1_holds_and_nothing_near_it_does() {
    let parameters = pairs(B_QUERY.as_bytes());
    let signature = Rpc1::read(&parameters).expect("a signature");
    assert_eq!(
        rpc1::string_to_sign("POST", &parameters),
        "POST&%2F&AccessKeyId%3Dtest-ak%26Action%3DAddLivePackageConfig%26AppName%3D%252A%26\
         DomainName%3Dd%26Format%3Djson%26Protocol%3DLLHLS_CMAF%26SegmentNum%3D3%26\
         SignatureMethod%3DHMAC-SHA1%26SignatureNonce%3D1231e261aedd2f284ea11d49ab934d56%26\
         SignatureVersion%3D1.0%26StreamName%3Ds%26Timestamp%3D2026-11-20T17%253A05%253A42Z%26\
         Version%3D2016-11-01"
    );
    assert_eq!(signature.check("POST", &parameters, SECRET), Ok(()));
    assert_eq!((signature.key_id, signature.timestamp), ("test-ak", "2026-11-20T17:05:42Z"));
    assert!(signature.check("GET", &parameters, SECRET).is_err());
    assert!(signature.check("POST", &parameters, b"test-s").is_err());
    let mut more = parameters.clone();
    more.push(("SignatureType".to_owned(), String::new()));
    assert!(signature.check("POST", &more, SECRET).is_err(), "an empty pair is signed too");
    let other = pairs(B_QUERY.replace("HMAC-SHA1", "HMAC-MD5").as_bytes());
    assert_eq!(Rpc1::read(&other), None);
}

#[test]
fn vector_c_of_sdk_hmac_holds_and_nothing_near_it_does() {
    let authorization = format!(
        "SDK-HMAC-SHA256 Access=test-ak, \
         SignedHeaders=content-type;host;user-agent;x-project-id;x-sdk-date, Signature={C_SIGNATURE}"
    );
    let all = headers(&[
        ("content-type", "application/json"),
        ("host", "127.0.0.1:18080"),
        (
            "user-agent",
            "huaweicloud-usdk-python/3.0; os/Linux##1_SMP_PREEMPT_DYNAMIC_@0#x86_64 \
             python/3.11.7 impl/CPython; app/ed4a9777-e72a-4e49-9259-e1482eb33ce0",
        ),
        ("x-project-id", "prj1"),
        ("x-sdk-date", "20261120T170543Z"),
        ("authorization", &authorization),
    ]);
    let right = Asked {
        method: "GET",
        path: "/v1/prj1/ott/channels",
        query: "app_name=ott&domain=push.testott.hls.com&id=a%20b%2A~&limit=10&offset=0",
        headers: &all,
        body: b"",
    };
    let signature = Sdk::read(&all).expect("a signature");
    assert_eq!(
        sha256_hex(signature.canonical_request(&right).as_bytes()),
        "0f950891475d72dad75f5a7709a727d39e6d54f2103fbf43d6f05f068c010966"
    );
    assert_eq!(signature.check(&right, SECRET), Ok(()));
    assert!(signature.check(&right, b"").is_err());
    assert!(signature.check(&Asked { body: b"{}", ..right }, SECRET).is_err());
    assert!(signature.check(&Asked { path: "/v1/prj2/ott/channels", ..right }, SECRET).is_err());
    let encoded = Asked { path: "/v1/%70rj1/ott/channels/", ..right };
    assert_eq!(signature.check(&encoded, SECRET), Ok(()), "one spelling is signed");
}

#[test]
fn a_nonce_is_spent_for_half_an_hour_by_its_key_alone() {
    let minute = |m: i64| WallTime(m * 60_000_000_000);
    let mut spent = Spent::default();
    assert_eq!(spent.spend("a", "n", minute(0)), Ok(()));
    assert_eq!(spent.spend("b", "n", minute(0)), Ok(()));
    assert_eq!(spent.spend("ab", "", minute(0)), Ok(()));
    assert_eq!(spent.spend("a", "b", minute(0)), Ok(()));
    assert_eq!(spent.spend("a", "n", minute(29)), Err(SpentError::Used));
    assert_eq!(spent.spend("a", "n", minute(30)), Ok(()));
}

#[test]
fn a_nonce_is_spent_for_the_next_process_too() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("nonces");
    let minute = |m: i64| WallTime(m * 60_000_000_000);
    let open = |at| Spent::open(&path, minute(at)).expect("a file");
    let mut spent = open(0);
    assert_eq!(spent.spend("a", "n", minute(0)), Ok(()));
    assert_eq!(spent.spend("a", "m", minute(20)), Ok(()));
    drop(spent);
    // Half of one was written when the process was killed.
    let mut bytes = std::fs::read(&path).expect("the file");
    bytes.extend([7; 13]);
    std::fs::write(&path, bytes).expect("written");
    let mut spent = open(29);
    assert_eq!(spent.spend("a", "n", minute(29)), Err(SpentError::Used));
    assert_eq!(spent.spend("a", "o", minute(29)), Ok(()));
    drop(spent);
    let mut spent = open(31);
    assert_eq!(spent.spend("a", "n", minute(31)), Ok(()));
    assert_eq!(spent.spend("a", "m", minute(31)), Err(SpentError::Used));
    assert_eq!(spent.spend("a", "o", minute(31)), Err(SpentError::Used));
}

#[test]
fn the_file_of_nonces_does_not_grow_for_ever() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("nonces");
    let mut spent = Spent::open(&path, WallTime(0)).expect("a file");
    for n in 0..25_000_i64 {
        assert_eq!(spent.spend("a", &n.to_string(), WallTime(n * 60_000_000_000)), Ok(()));
    }
    let length = std::fs::metadata(&path).expect("the file").len();
    assert!(length < 40 * 10_100, "{length}");
}

#[test]
fn nonces_take_bounded_room() {
    let mut spent = Spent::default();
    for n in 0..200_000 {
        assert_eq!(spent.spend("a", &n.to_string(), WallTime(1)), Ok(()));
    }
    assert_eq!(spent.spend("a", "more", WallTime(2)), Err(SpentError::Full));
    assert_eq!(spent.spend("a", "7", WallTime(2)), Err(SpentError::Used));
    assert_eq!(spent.spend("a", "more", WallTime(1_800_001_000_000)), Ok(()));
}
