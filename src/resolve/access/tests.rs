use super::*;

fn ip(text: &str) -> IpAddr {
    text.parse().expect("a test's address")
}

fn list(text: &str) -> IpList {
    IpList::parse(text).expect("a test's list")
}

fn secret(text: &str) -> Secret {
    Secret::new(text).expect("a test's secret")
}

#[test]
fn lists_take_addresses_and_blocks_of_both_families_and_mask_host_bits() {
    let some = list(" 10.0.0.1/24, 2001:db8::5/32,1.2.3.4 ,::ffff:192.0.2.0/120");
    let inside = ["10.0.0.255", "2001:db8:ffff::1", "1.2.3.4", "::ffff:10.0.0.7", "::ffff:1.2.3.4"];
    for address in inside.into_iter().chain(["192.0.2.200", "::ffff:192.0.2.1"]) {
        assert!(some.contains(ip(address)), "{address}");
    }
    for address in ["10.0.1.0", "2001:db9::1", "1.2.3.5", "::102:304", "192.0.3.1", "::1"] {
        assert!(!some.contains(ip(address)), "{address}");
    }
    assert_eq!(IpList::parse("  "), Ok(IpList::default()));
    assert_eq!(IpList::from_texts(["127.0.0.9/8", "::1"]), Ok(IpList::loopback()));
}

#[test]
fn every_form_of_a_block_of_all_addresses_is_refused() {
    for text in
        ["0.0.0.0/0", "::/0", "10.1.2.3/0", "2001:db8::/0", "::ffff:0.0.0.0/96", "1.1.1.1/00"]
    {
        assert_eq!(IpBlock::parse(text), Err(AddressError::EveryAddress), "{text}");
    }
}

#[test]
fn what_is_no_address_is_malformed() {
    let texts = ["", "10.0.0", "10.0.0.1/33", "::1/129", "010.0.0.1", "1.2.3.4/", "1.2.3.4/+8"];
    for text in texts.into_iter().chain(["1.2.3.4/8/8", "localhost", "1.2.3.4:80", "fe80::1%eth0"])
    {
        assert_eq!(IpBlock::parse(text), Err(AddressError::Malformed), "{text:?}");
    }
    assert_eq!(IpList::parse("1.2.3.4,,5.6.7.8"), Err(AddressError::Malformed));
    assert_eq!(IpList::from_texts(std::iter::repeat("::1")), Err(AddressError::TooMany));
}

#[test]
fn the_client_is_the_right_most_entry_no_trusted_proxy_vouches_for_itself() {
    let trusted = "127.0.0.0/8, 10.0.0.0/8";
    let cases: &[(&str, &[&str], &str)] = &[
        // An untrusted peer is not asked for whom it speaks.
        ("203.0.113.9", &["1.1.1.1"], "203.0.113.9"),
        ("127.0.0.1", &[], "127.0.0.1"),
        ("127.0.0.1", &["6.6.6.6, 198.51.100.7"], "198.51.100.7"),
        ("::ffff:127.0.0.1", &["::ffff:198.51.100.7"], "198.51.100.7"),
        ("127.0.0.1", &["6.6.6.6", "198.51.100.7, 10.0.0.2", "10.0.0.3"], "198.51.100.7"),
        // All of them trusted: the left-most is where it began.
        ("127.0.0.1", &["10.0.0.2, 10.0.0.3"], "10.0.0.2"),
        // Entries that are no address end the search at the last good one.
        ("127.0.0.1", &["6.6.6.6, unknown, 10.0.0.3"], "10.0.0.3"),
        ("127.0.0.1", &["6.6.6.6, "], "127.0.0.1"),
        ("127.0.0.1", &["6.6.6.6", ""], "127.0.0.1"),
        ("127.0.0.1", &["garbage"], "127.0.0.1"),
        ("127.0.0.1", &["198.51.100.7:4711"], "198.51.100.7"),
        ("127.0.0.1", &["[2001:db8::1]:443"], "2001:db8::1"),
        ("127.0.0.1", &["[2001:db8::1]"], "2001:db8::1"),
        ("127.0.0.1", &["6.6.6.6, \u{e9}"], "127.0.0.1"),
    ];
    for (peer, values, client) in cases {
        let values = values.iter().map(|value| value.as_bytes());
        let found = client_address(ip(peer), values.clone(), &list(trusted));
        assert_eq!(found, ip(client), "{peer} {:?}", values.collect::<Vec<_>>());
    }
    let nobody = client_address(ip("127.0.0.1"), [&b"1.1.1.1"[..]].into_iter(), &list(""));
    assert_eq!(nobody, ip("127.0.0.1"));
}

#[test]
fn a_secret_matches_itself_alone_and_does_not_print() {
    let code = secret("abc");
    assert!(code.matches(b"abc"));
    for given in [&b""[..], b"ab", b"abcd", b"abd", b"Abc", b"abc\0"] {
        assert!(!code.matches(given), "{given:?}");
    }
    let longest = "x".repeat(Secret::LENGTH_MAX);
    assert!(secret(&longest).matches(longest.as_bytes()));
    assert!(!secret(&longest).matches(format!("{longest}x").as_bytes()));
    assert_eq!(Secret::new(""), Err(SecretError::Length));
    assert_eq!(Secret::new(&format!("{longest}x")), Err(SecretError::Length));
    assert_eq!(format!("{code:?}"), "Secret(hidden)");
}

#[test]
fn rules_without_a_control_must_be_declared_open() {
    let none = IpList::default;
    assert_eq!(AccessRules::new(none(), none(), None, false), Err(NoControl));
    assert_eq!(AccessRules::new(list("1.2.3.4"), none(), None, false), Err(NoControl));
    assert_eq!(AccessRules::new(none(), none(), None, true), Ok(AccessRules::open()));
    assert!(AccessRules::new(none(), list("1.2.3.4"), None, false).is_ok());
    assert!(AccessRules::new(none(), none(), Some(secret("c")), false).is_ok());
}

#[test]
fn every_configured_control_must_pass_and_the_blacklist_is_asked_first() {
    let all = |open| {
        AccessRules::new(list("10.0.0.66"), list("10.0.0.0/24"), Some(secret("right")), open)
            .expect("has controls")
    };
    let cases = [
        ("10.0.0.1", Some("right"), None, Ok(())),
        ("::ffff:10.0.0.1", None, Some("right"), Ok(())),
        ("10.0.0.1", Some("wrong"), Some("right"), Ok(())),
        ("10.0.0.1", Some("right"), Some("wrong"), Ok(())),
        ("10.0.0.1", Some("wrong"), Some("wrong"), Err(Refused::WrongCode)),
        ("10.0.0.1", Some(""), None, Err(Refused::WrongCode)),
        ("10.0.0.1", None, None, Err(Refused::NoCode)),
        ("10.0.1.1", Some("right"), None, Err(Refused::NotWhitelisted)),
        ("10.0.0.66", Some("right"), None, Err(Refused::Blacklisted)),
        ("::ffff:10.0.0.66", None, None, Err(Refused::Blacklisted)),
    ];
    for (address, code, bearer, answer) in cases {
        let viewer = Viewer {
            address: ip(address),
            code: code.map(str::as_bytes),
            bearer: bearer.map(str::as_bytes),
            identifier: None,
        };
        assert_eq!(all(false).check(&viewer), answer, "{address} {code:?} {bearer:?}");
        assert_eq!(all(true).check(&viewer), answer, "open lifts no control that is given");
    }
}

#[test]
fn a_control_not_configured_is_not_checked() {
    let anyone = Viewer { address: ip("192.0.2.1"), code: None, bearer: None, identifier: None };
    assert_eq!(AccessRules::open().check(&anyone), Ok(()));
    let listed =
        AccessRules::new(IpList::default(), list("192.0.2.1"), None, false).expect("a whitelist");
    assert_eq!(listed.check(&anyone), Ok(()));
    let all_but_one = AccessRules::new(list("192.0.2.1"), IpList::default(), None, true);
    assert_eq!(all_but_one.expect("open").check(&anyone), Err(Refused::Blacklisted));
}

#[test]
fn a_header_of_the_endpoints_own_is_one_control_more() {
    let rules = AccessRules::new(list("10.0.0.66"), IpList::default(), Some(secret("code")), false);
    let rules = rules.expect("a code").with_identifier("x-cdn".to_owned(), secret("right"));
    assert_eq!(rules.identifier_header(), Some("x-cdn"));
    let ask = |address, identifier: Option<&'static str>, code: Option<&'static str>| {
        let (identifier, code) = (identifier.map(str::as_bytes), code.map(str::as_bytes));
        rules.check(&Viewer { address: ip(address), code, bearer: None, identifier })
    };
    assert_eq!(ask("10.0.0.1", Some("right"), Some("code")), Ok(()));
    assert_eq!(ask("10.0.0.1", None, Some("code")), Err(Refused::NoIdentifier));
    assert_eq!(ask("10.0.0.1", Some("wrong"), Some("code")), Err(Refused::WrongIdentifier));
    assert_eq!(ask("10.0.0.1", Some("right"), None), Err(Refused::NoCode));
    assert_eq!(ask("10.0.0.66", Some("right"), Some("code")), Err(Refused::Blacklisted));
    let nobody = Viewer { address: ip("10.0.0.1"), code: None, bearer: None, identifier: None };
    assert_eq!(AccessRules::closed().check(&nobody), Err(Refused::Closed));
}
