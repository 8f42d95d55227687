//! Answers to challenges, right and wrong.

use http::HeaderValue;

use super::*;
use crate::resolve::Secret;

const NOW: Monotonic = Monotonic(7_200_000_000_000);
const TARGET: &str = "/v1/g/1/c/live.ts?x=1";

fn wanted() -> Credentials {
    let password = Secret::new("example:pass word").expect("a password");
    Credentials { user: "encoder \"1\"".to_owned(), password }
}

fn nonces() -> Nonces {
    Nonces { key: [7; 32] }
}

fn admitted(header: &str, now: Monotonic) -> Admission {
    let value = HeaderValue::from_str(header).expect("a header");
    let headers = HeaderMap::from_iter([(header::AUTHORIZATION, value)]);
    admit(&wanted(), &nonces(), &Method::PUT, TARGET, &headers, now)
}

/// A right answer, as a client would write it.
fn answer(algorithm: Algorithm, nonce: &str) -> String {
    let user = r#"encoder "1""#;
    let who = algorithm.hash(&[user.as_bytes(), REALM.as_bytes(), b"example:pass word"]);
    let what = algorithm.hash(&[b"PUT", TARGET.as_bytes()]);
    let pieces = [&who, nonce, "0000000a", "c,=n", "auth", &what].map(str::as_bytes);
    format!(
        "Digest username=\"encoder \\\"1\\\"\", realm=\"{REALM}\",nonce=\"{nonce}\", \
         uri=\"{TARGET}\", algorithm={}, qop=auth ,nc=0000000a, cnonce=\"c,=n\", \
         response=\"{}\", opaque=\"\"",
        algorithm.name(),
        algorithm.hash(&pieces)
    )
}

#[test]
fn the_examples_of_the_standard_come_out() {
    // RFC 7616 §3.9.1.
    let uri = "/dir/index.html";
    let nonce = "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v";
    let cnonce = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ";
    for (algorithm, expected) in [
        (Algorithm::Md5, "8ca523f5e9506fed4657c9700eebdbec"),
        (Algorithm::Sha256, "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ] {
        let who = algorithm.hash(&[b"Mufasa", b"http-auth@example.org", b"Circle of Life"]);
        let what = algorithm.hash(&[b"GET", uri.as_bytes()]);
        let pieces = [&who, nonce, "00000001", cnonce, "auth", &what].map(str::as_bytes);
        assert_eq!(algorithm.hash(&pieces), expected);
    }
}

#[test]
fn a_right_answer_is_admitted_while_its_nonce_holds() {
    let nonce = nonces().make(NOW);
    for algorithm in Algorithm::ALL {
        let right = answer(algorithm, &nonce);
        assert_eq!(admitted(&right, NOW), Admission::Admitted);
        assert_eq!(admitted(&right, NOW.after(LIFETIME)), Admission::Admitted);
        let late = NOW.after(LIFETIME + Duration::from_millis(1));
        assert_eq!(admitted(&right, late), Admission::Stale);
        // A nonce from the future is not ours.
        assert_eq!(admitted(&right, Monotonic(0)), Admission::Stale);
        let foreign = Nonces { key: [8; 32] }.make(NOW);
        assert_eq!(admitted(&answer(algorithm, &foreign), NOW), Admission::Stale);
        assert_eq!(admitted(&answer(algorithm, ""), NOW), Admission::Stale);
    }
    // Without a name the algorithm is MD5.
    let unnamed = answer(Algorithm::Md5, &nonce).replace("algorithm=MD5, ", "");
    assert_eq!(admitted(&unnamed, NOW), Admission::Admitted);
}

#[test]
fn any_other_answer_is_refused() {
    let nonce = nonces().make(NOW);
    let right = answer(Algorithm::Sha256, &nonce);
    for (from, to) in [
        ("encoder \\\"1\\\"", "encoder"),
        ("realm=\"headwater ingest\"", "realm=\"other\""),
        ("live.ts?x=1", "live.ts"),
        ("algorithm=SHA-256", "algorithm=MD5"),
        ("algorithm=SHA-256", "algorithm=SHA-512-256"),
        ("qop=auth ", "qop=auth-int"),
        ("qop=auth ,", ""),
        ("nc=0000000a", "nc=0000000b"),
        ("nc=0000000a", "nc=a"),
        ("cnonce=\"c,=n\"", "cnonce=\"\""),
        ("response=\"", "response=\"0"),
        (", opaque=\"\"", ", opaque=\""),
        ("username", "user"),
    ] {
        let wrong = right.replace(from, to);
        assert_ne!(wrong, right, "{from}");
        assert_eq!(admitted(&wrong, NOW), Admission::Refused, "{from} → {to}");
    }
    for other in
        ["Digest", "Digest ", "Digest =", "Digest a", "Digest username=\"\\", "Bearer x", ""]
    {
        assert_eq!(admitted(other, NOW), Admission::Refused, "{other}");
    }
}

#[test]
fn basic_takes_user_and_password_as_they_are() {
    let basic = |text: &str| format!("bASIC {}", BASE64_STANDARD.encode(text));
    assert_eq!(admitted(&basic("encoder \"1\":example:pass word"), NOW), Admission::Admitted);
    for wrong in ["encoder \"1\":example", "encoder:example:pass word", "encoder \"1\"", ":", ""] {
        assert_eq!(admitted(&basic(wrong), NOW), Admission::Refused, "{wrong}");
    }
    assert_eq!(admitted("Basic !", NOW), Admission::Refused);
}

#[test]
fn who_shows_nothing_is_asked() {
    let asked = admit(&wanted(), &nonces(), &Method::PUT, TARGET, &HeaderMap::new(), NOW);
    assert_eq!(asked, Admission::Asked);
}
