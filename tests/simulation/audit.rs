//! Everything rendered, read by parsers of other people.

use headwater::resolve::{File, Form, GENERATION, Leaf, Resolution};
use quick_m3u8::config::ParsingOptionsBuilder;
use quick_m3u8::{HlsLine, Reader};

use crate::origin::{DASH, Faults, HLS, HLS_TS, LOW_LATENCY, LOW_LATENCY_TS, Origin};

pub(crate) fn audit(origin: &Origin, faults: &mut Faults) {
    for endpoint in [LOW_LATENCY, HLS, DASH, LOW_LATENCY_TS, HLS_TS] {
        if let Some(text) = origin.manifest(endpoint, Form::M3u8) {
            hls(&text, origin.now, faults);
        }
        for rendition in origin.renditions(endpoint) {
            let rendition = rendition.as_str();
            for query in [None, Some("_HLS_skip=YES")] {
                let file = File::Playlist;
                let leaf = Leaf::Object { generation: GENERATION, rendition, file };
                let answer = origin.ask(endpoint, &leaf, query, origin.arrival());
                let Some(Resolution::Manifest(view)) = answer else { continue };
                let text = origin.render(endpoint, view.kind).expect("what was resolved");
                hls(&text, origin.now, faults);
            }
        }
    }
    if let Some(text) = origin.manifest(DASH, Form::Mpd)
        && let Err(error) = dash_mpd_core::parse(&text)
    {
        faults.add(origin.now, || format!("dash-mpd-core: {error}\n{text}"));
    }
}

fn hls(text: &str, now: i64, faults: &mut Faults) {
    let options = ParsingOptionsBuilder::new().with_parsing_for_all_tags().build();
    let mut reader = Reader::from_str(text, options);
    loop {
        match reader.read_line() {
            Ok(None) => break,
            Ok(Some(HlsLine::UnknownTag(tag))) => {
                faults.add(now, || format!("quick-m3u8 does not know {}", tag.name()));
            }
            Ok(Some(_)) => {}
            Err(error) => {
                faults.add(now, || format!("quick-m3u8: {error:?}\n{text}"));
                break;
            }
        }
    }
    if let Err(error) = m3u8_rs::parse_playlist_res(text.as_bytes()) {
        faults.add(now, || format!("m3u8-rs: {error}\n{text}"));
    }
}
