use super::*;

fn of(read: fn(Bytes, &mut Vec<Part>) -> Result<(), TagFault>, body: &[u8]) -> Vec<Part> {
    let mut parts = Vec::new();
    read(Bytes::copy_from_slice(body), &mut parts).unwrap_or_else(|f| panic!("{body:?}: {f}"));
    parts
}

fn part(track: u8, coding: Coding, nanos: Option<u32>, content: Content) -> Part {
    Part { track, coding, nanos, content }
}

fn frame(offset: i32, key: bool, data: &'static [u8]) -> Content {
    Content::Frame { offset, key, data: Bytes::from_static(data) }
}

fn settings(record: &'static [u8]) -> Content {
    Content::Settings(Bytes::from_static(record))
}

#[test]
fn legacy_tags() {
    for (body, expected) in [
        (&b"\x17\0\0\0\0rec"[..], part(0, Coding::Avc, None, settings(b"rec"))),
        (b"\x17\x01\0\0\x50pic", part(0, Coding::Avc, None, frame(80, true, b"pic"))),
        (b"\x27\x01\xff\xff\xd8pic", part(0, Coding::Avc, None, frame(-40, false, b"pic"))),
        (b"\x17\x02\0\0\0", part(0, Coding::Avc, None, Content::End)),
        (b"\x1c\x01\0\0\0pic", part(0, Coding::Hevc, None, frame(0, true, b"pic"))),
    ] {
        assert_eq!(of(video, body), [expected]);
    }
    for (body, expected) in [
        (&b"\xaf\0\x11\x90"[..], part(0, Coding::Aac, None, settings(b"\x11\x90"))),
        (b"\xaf\x01raw", part(0, Coding::Aac, None, frame(0, true, b"raw"))),
        (b"\x2fmp3", part(0, Coding::Mp3, None, frame(0, true, b"mp3"))),
    ] {
        assert_eq!(of(audio, body), [expected]);
    }
    // Silence, and commands of seeking clients.
    assert_eq!(of(audio, b""), []);
    assert_eq!(of(video, b""), []);
    assert_eq!(of(video, b"\x57\0"), []);
}

#[test]
fn enhanced_tags_name_their_codec() {
    for (body, coding, content) in [
        (&b"\x90hvc1rec"[..], Coding::Hevc, settings(b"rec")),
        (b"\x91hvc1\0\0\x28pic", Coding::Hevc, frame(40, true, b"pic")),
        (b"\xa3hvc1pic", Coding::Hevc, frame(0, false, b"pic")),
        (b"\x92hvc1", Coding::Hevc, Content::End),
        (b"\x91avc1\xff\xff\xffpic", Coding::Avc, frame(-1, true, b"pic")),
        (b"\x91av01obu", Coding::Av1, frame(0, true, b"obu")),
    ] {
        assert_eq!(of(video, body), [part(0, coding, None, content)], "{body:?}");
    }
    for (body, coding, content) in [
        (&b"\x90OpusOpusHead"[..], Coding::Opus, settings(b"OpusHead")),
        (b"\x91Opuspkt", Coding::Opus, frame(0, true, b"pkt")),
        (b"\x91ac-3frm", Coding::Ac3, frame(0, true, b"frm")),
        (b"\x91ec-3frm", Coding::EnhancedAc3, frame(0, true, b"frm")),
        (b"\x90mp4a\x11\x90", Coding::Aac, settings(b"\x11\x90")),
        (b"\x91.mp3frm", Coding::Mp3, frame(0, true, b"frm")),
        (b"\x92mp4a", Coding::Aac, Content::End),
    ] {
        assert_eq!(of(audio, body), [part(0, coding, None, content)], "{body:?}");
    }
    // Colours and loudspeakers.
    assert_eq!(of(video, b"\xd4hvc1amf"), []);
    assert_eq!(of(audio, b"\x94Opus\x01\x02"), []);
}

#[test]
fn several_tracks_stand_in_one_tag() {
    let one = of(video, b"\x96\x01hvc1\x03\0\0\x28pic");
    assert_eq!(one, [part(3, Coding::Hevc, None, frame(40, true, b"pic"))]);
    let same = of(video, b"\x96\x13avc1\0\0\0\x02ab\x01\0\0\x03cde");
    let expected = [
        part(0, Coding::Avc, None, frame(0, true, b"ab")),
        part(1, Coding::Avc, None, frame(0, true, b"cde")),
    ];
    assert_eq!(same, expected);
    let other = of(audio, b"\x95\x21Opus\0\0\0\x02abmp4a\x01\0\0\x03cde");
    let expected = [
        part(0, Coding::Opus, None, frame(0, true, b"ab")),
        part(1, Coding::Aac, None, frame(0, true, b"cde")),
    ];
    assert_eq!(other, expected);
}

#[test]
fn a_tag_tells_nanoseconds_before_what_it_is() {
    let body = b"\x97\x02\x05\x16\x15\x03hvc1pic";
    assert_eq!(of(video, body), [part(0, Coding::Hevc, Some(333_333), frame(0, true, b"pic"))]);
    // Another kind of extension, and one with a long length, before it.
    let long = [&b"\x97\x01ab\x17\xff\x01\0"[..], &[0; 257], b"\x17\x02\0\0\x09\x06\x00"].concat();
    let mut parts = Vec::new();
    let after = [&long[..], b"hvc1\x07rec"].concat();
    video(Bytes::from(after), &mut parts).unwrap();
    assert_eq!(parts, [part(7, Coding::Hevc, Some(9), settings(b"rec"))]);
    let beyond = of(audio, b"\x97\x02\xff\xff\xff\x01Opusp");
    assert_eq!(beyond[0].nanos, Some(999_999), "never a whole millisecond");
}

#[test]
fn what_is_not_carried_is_named() {
    type Read = fn(Bytes, &mut Vec<Part>) -> Result<(), TagFault>;
    let fault = |read: Read, body: &'static [u8]| {
        read(Bytes::from_static(body), &mut Vec::new()).expect_err("a fault").to_string()
    };
    for (body, says) in [
        (&b"\x12\0"[..], "video of FLV codec 2 is not carried"),
        (b"\x91vp09pic", "'vp09' is not carried"),
        (b"\x95av01", "MPEG-2 TS settings"),
        (b"\x98hvc1", "unknown packet type 8"),
        (b"\x17\x03\0\0\0", "unknown packet type 3"),
        (b"\x17\x01\0", "cut short"),
        (b"\x91hv", "cut short"),
        (b"\x96\x11hvc1\0\0\0\x09short", "cut short"),
        (b"\x96\x11hvc1\x07\0\0\x04\0\0\0a\x07\0\0\x04\0\0\0b", "track 7 more than once"),
    ] {
        assert!(fault(video, body).contains(says), "{body:?}: {}", fault(video, body));
    }
    for (body, says) in [
        (&b"\xb6speex"[..], "sound of FLV format 11 is not carried"),
        (b"\x91fLaCf", "'fLaC' is not carried"),
        (b"\xaf", "cut short"),
        (b"\x97\x09", "cut short"),
        (b"\x93Opus", "unknown packet type 3"),
    ] {
        assert!(fault(audio, body).contains(says), "{body:?}: {}", fault(audio, body));
    }
    // What came before the fault is kept.
    let mut parts = Vec::new();
    let body = Bytes::from_static(b"\x96\x23avc1\0\0\0\x02abvp09\x01\0\0\x01c");
    assert_eq!(video(body, &mut parts), Err(TagFault::FourCc(FourCc(*b"vp09"))));
    assert_eq!(parts.len(), 1);
}
