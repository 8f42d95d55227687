//! MPDs as encoders write them.

use super::*;

fn mpd(attributes: &str, inside: &str) -> Mpd {
    let text = format!(
        "<?xml version=\"1.0\"?>\n<!-- made by hand -->\n\
         <MPD xmlns=\"urn:mpeg:dash:schema:mpd:2011\" {attributes}>{inside}</MPD>"
    );
    read(text.as_bytes(), "ch/manifest.mpd").expect("an MPD")
}

#[test]
fn templates_are_inherited_and_filled_in() {
    let mpd = mpd(
        "type=\"dynamic\" availabilityStartTime=\"1970-01-01T00:00:00Z\"",
        "<Period start=\"PT10S\"><AdaptationSet lang=\"de\">\
         <SegmentTemplate timescale=\"90000\" duration=\"180000\" startNumber=\"5\" \
          initialization=\"$RepresentationID$/i.mp4\" media=\"$RepresentationID$/$Number%05d$.m4s?x=1\"/>\
         <Representation id=\"v 1\" bandwidth=\"7\"/>\
         <Representation id=\"v2\" bandwidth=\"9\">\
         <SegmentTemplate media=\"$Bandwidth$-$Time$$$.m4s\" presentationTimeOffset=\"900000\">\
         <SegmentTimeline><S t=\"0\" d=\"90000\" r=\"2\"/><S d=\"180000\"/></SegmentTimeline>\
         </SegmentTemplate></Representation></AdaptationSet></Period>",
    );
    assert_eq!(mpd.availability_start, Some(MediaTime::from_millis(0)));
    assert!(!mpd.ended);
    let [first, second] = &mpd.representations[..] else { panic!("{mpd:?}") };
    assert_eq!(first.name.as_str(), "v_1");
    assert_eq!(first.language.as_deref(), Some("de"));
    assert_eq!(first.period_start, MediaDuration::from_secs(10));
    assert_eq!(first.initialization.as_deref(), Some("ch/v 1/i.mp4"));
    assert_eq!(first.position("ch/v 1/00017.m4s"), Some(17));
    for other in ["ch/v 1/.m4s", "ch/v 1/1x.m4s", "v 1/00017.m4s", "ch/v2/00017.m4s"] {
        assert_eq!(first.position(other), None, "{other}");
    }
    assert!(first.is_numbered());
    assert_eq!(second.presentation_time_offset, 900_000);
    assert_eq!(second.timescale.get(), 90_000);
    assert_eq!(second.segment, Some(MediaDuration::from_secs(2)), "the longest");
    assert_eq!(second.position("ch/9-450000$.m4s"), Some(450_000));
    assert!(!second.is_numbered());
}

#[test]
fn periods_follow_one_another_and_lists_are_read() {
    let mpd = mpd(
        "type=\"static\"",
        "<BaseURL>media/</BaseURL><BaseURL>http://elsewhere/</BaseURL>\
         <Period duration=\"PT4S\"><AdaptationSet><Representation id=\"a\"><SegmentList>\
         <Initialization sourceURL=\"a.mp4\"/><SegmentURL media=\"a1.m4s\"/>\
         <SegmentURL media=\"a2.m4s\"/></SegmentList></Representation></AdaptationSet></Period>\
         <Period><AdaptationSet><Representation id=\"a\"/></AdaptationSet></Period>",
    );
    assert!(mpd.ended);
    let [first, second] = &mpd.representations[..] else { panic!("{mpd:?}") };
    assert_eq!(first.initialization.as_deref(), Some("ch/media/a.mp4"));
    assert_eq!(first.position("ch/media/a2.m4s"), Some(2));
    assert_eq!(second.period_start, MediaDuration::from_secs(4));
    assert_eq!(second.media, Media::Unknown);
}

#[test]
fn what_is_no_mpd_is_refused() {
    assert_eq!(read(b"<html/>", "m"), Err(MpdError::NoMpd));
    assert_eq!(read(b"", "m"), Err(MpdError::NoMpd));
    assert_eq!(read(b"<MPD>\xff</MPD>", "m"), Err(MpdError::NotText));
    assert!(matches!(read(b"<MPD><Period></MPD>", "m"), Err(MpdError::Xml(_))));
    let deep = format!("<MPD>{}", "<Period>".repeat(DEPTH_MAX));
    assert_eq!(read(deep.as_bytes(), "m"), Err(MpdError::Depth));
    let many = format!("<MPD>{}</MPD>", "<Representation/>".repeat(REPRESENTATIONS_MAX + 1));
    assert_eq!(read(many.as_bytes(), "m"), Err(MpdError::TooMany));
}

#[test]
fn long_values_are_passed_over() {
    let long = "x".repeat(2_000);
    let mpd = mpd(
        "",
        &format!(
            "<BaseURL>{long}/</BaseURL><Period><AdaptationSet><Representation id=\"a\">\
             <SegmentTemplate media=\"$Number$.m4s\" initialization=\"{long}\"/>\
             </Representation></AdaptationSet></Period>"
        ),
    );
    assert_eq!(mpd.representations[0].initialization, None);
    assert_eq!(mpd.representations[0].position("ch/3.m4s"), Some(3));
}
