//! What others read of what we wrote: m3u8-rs, dash-mpd-core and mp4-atom against our own rows.

use headwater::media::MediaKind;
use headwater::packager::{RenditionView, Snapshot};
use headwater::resolve::{EndpointRules, Form};
use m3u8_rs::{AlternativeMediaType, parse_master_playlist_res, parse_media_playlist_res};
use mp4_atom::{Decode, Ftyp, Mdat, Moof, Moov, Styp};
use mpeg2ts_reader::packet::Packet;

use crate::answers::{manifest, object, playlist};
use crate::dash::{self, Listed, Mpd};
use crate::model::{self, Playlist};
use crate::reader::listed;
use crate::scenario::{shown, view};

/// m3u8-rs reads of a media playlist what quick-m3u8 does.
pub(crate) fn media_agrees(text: &str, ours: &Playlist) {
    let theirs = parse_media_playlist_res(text.as_bytes()).expect("m3u8-rs reads it");
    assert_eq!(theirs.target_duration, ours.target);
    assert_eq!(theirs.media_sequence, ours.sequence);
    assert_eq!(theirs.discontinuity_sequence, ours.discontinuity_sequence);
    assert_eq!(theirs.end_list, ours.ended);
    assert!(theirs.playlist_type.is_none(), "H22");
    assert!(!theirs.independent_segments, "H40: said in the multivariant playlist");
    assert_eq!(theirs.segments.len(), ours.segments.len());
    for (theirs, ours) in theirs.segments.iter().zip(&ours.segments) {
        assert_eq!(theirs.uri, ours.uri);
        assert_eq!(theirs.discontinuity, ours.discontinuity);
        assert!((f64::from(theirs.duration) * 1e6 - ours.micros as f64).abs() < 2.0);
        assert_eq!(theirs.map.as_ref().map(|m| &m.uri), ours.map.as_ref());
        let date = theirs.program_date_time.map(|date| date.timestamp_millis());
        assert_eq!(date.is_some(), ours.date.is_some());
        let (Some(date), Some(said)) = (date, &ours.date) else { continue };
        let said = said.split_once(':').expect("H31").1;
        assert!(said.len() == "2026-09-11T10:44:16.000Z".len(), "H31: {said}");
        assert_eq!(date % 1000, said[20..23].parse::<i64>().expect("three digits"), "H31");
    }
}

/// The rows behind a media playlist are what it lists.
pub(crate) fn rows_agree(list: &RenditionView, ours: &Playlist) {
    let rows: Vec<_> = list.rows.iter_from(0).filter(|r| r.number >= ours.sequence).collect();
    assert_eq!(rows.len(), ours.segments.len());
    for (row, listed) in rows.iter().zip(&ours.segments) {
        assert_eq!(listed.uri, format!("{}.m4s", row.number));
        assert_eq!(listed.gap, row.is_gap());
        assert_eq!(listed.discontinuity, row.begins_period);
        let exact = row.duration as f64 / f64::from(row.timescale.get()) * 1e6;
        assert!((listed.micros as f64 - exact).abs() <= 1.0, "{listed:?} {exact}");
    }
}

/// m3u8-rs and quick-m3u8 read the multivariant playlist, and it names what the endpoint shows.
pub(crate) fn multivariant_agrees(snapshot: &Snapshot, rules: &EndpointRules) {
    let text = manifest(snapshot, rules, Form::M3u8).expect("there is enough to show");
    model::lines(&text);
    let theirs = parse_master_playlist_res(text.as_bytes()).expect("m3u8-rs reads it");
    assert!(theirs.independent_segments, "H40");
    assert!(theirs.unknown_tags.is_empty());
    let mut named: Vec<String> = theirs.variants.iter().map(|v| v.uri.clone()).collect();
    let mut names = Vec::new();
    for media in &theirs.alternatives {
        assert_eq!(media.media_type, AlternativeMediaType::Audio);
        assert!(media.language.is_some() && media.channels.is_some(), "H78");
        assert!(!media.default || media.autoselect, "H76");
        names.push(media.name.clone());
        named.push(media.uri.clone().expect("our renditions have their own lists"));
    }
    names.sort();
    names.dedup();
    assert_eq!(names.len(), theirs.alternatives.len(), "H76: NAMEs differ");
    assert!(theirs.alternatives.iter().filter(|m| m.default).count() <= 1, "H76");
    let video = view(snapshot, rules).current().any(|l| l.rendition.kind == MediaKind::Video);
    for variant in &theirs.variants {
        assert!(variant.bandwidth > 0 && variant.average_bandwidth.is_some(), "H70, H72");
        assert!(variant.average_bandwidth.is_some_and(|a| a <= variant.bandwidth), "H71");
        assert!(variant.codecs.is_some(), "H73");
        assert_eq!(variant.resolution.is_some(), video, "H74");
        assert_eq!(variant.frame_rate.is_some(), video, "H74");
        let group = theirs.alternatives.first().map(|m| &m.group_id);
        assert_eq!(variant.audio.as_ref(), group, "H75");
    }
    let mut lists: Vec<String> = shown(view(snapshot, rules), rules)
        .iter()
        .map(|name| format!("{}/{name}/media.m3u8", rules.folder))
        .collect();
    named.sort();
    named.dedup();
    lists.sort();
    assert_eq!(named, lists, "what is shown is named, and nothing else");
}

/// Every Representation's references are the rows' numbers and times, in Periods that are theirs.
pub(crate) fn mpd_agrees(snapshot: &Snapshot, rules: &EndpointRules, mpd: &Mpd) {
    for list in &view(snapshot, rules).renditions {
        let mut listed = 0;
        for period in &mpd.periods {
            let Some(one) = period.representations.get(&list.rendition.name) else { continue };
            if one.counted.is_some() {
                counted_agrees(list, one, &period.id, period.start_ms);
                continue;
            }
            assert_eq!(one.timescale, u64::from(list.rows.get(0).expect("rows").timescale.get()));
            for (number, start, duration) in &one.references {
                let row = list.segment(*number).expect("D23: what is referred to is there");
                assert_eq!(row.period.id.to_string(), period.id);
                assert_eq!((row.start as u64, row.duration as u64), (*start, *duration));
                listed += 1;
            }
        }
        let last =
            mpd.periods.iter().rev().find_map(|p| p.representations.get(&list.rendition.name));
        let last = last.and_then(|l| l.references.last()).map(|r| r.0);
        let newest = list.rows.iter_from(0).rfind(|row| !row.is_gap()).map(|row| row.number);
        assert!(
            listed == 0 || last.is_none() || last == newest,
            "I14: HLS and DASH end with one number"
        );
    }
}

/// Every row of a Period that lists numbers alone begins where its number says (D35), but for an
/// audio frame.
fn counted_agrees(list: &RenditionView, listed: &Listed, period: &str, start_ms: u128) {
    let (first, duration) = listed.counted.expect("numbers alone");
    let listed_rows = list.rows.iter_from(0).filter(|row| !row.is_gap());
    for row in listed_rows.filter(|row| row.period.id.to_string() == period) {
        let nominal = (row.number - first) as f64 * duration as f64 / listed.timescale as f64;
        let real = row.start as f64 / f64::from(row.timescale.get()) - start_ms as f64 / 1000.0;
        assert!((real - nominal).abs() < 0.09, "D35: {} is {real}, not {nominal}", row.number);
    }
}

/// HLS and DASH of one segmentation list the same numbers where both list.
pub(crate) fn same_numbers(mpd: &Mpd, name: &str, list: &Playlist) {
    let periods = mpd.periods.iter().filter_map(|p| p.representations.get(name));
    let dash: Vec<(u64, u64)> = periods
        .flat_map(|l| l.references.iter().map(|(n, _, d)| (*n, d * 1_000_000 / l.timescale)))
        .collect();
    let hls = list.segments.iter().zip(list.sequence..).filter(|(s, _)| !s.gap);
    let hls: Vec<(u64, u64)> = hls.map(|(s, n)| (n, s.micros as u64)).collect();
    let (Some(first_dash), Some(first_hls)) = (dash.first(), hls.first()) else { return };
    let from = first_dash.0.max(first_hls.0);
    let dash: Vec<_> = dash.iter().filter(|(n, _)| *n >= from).collect();
    let hls: Vec<_> = hls.iter().filter(|(n, _)| *n >= from).collect();
    assert_eq!(dash.len(), hls.len(), "I14: {name}");
    for ((a, d), (b, e)) in dash.into_iter().zip(hls) {
        assert!(a == b && d.abs_diff(*e) <= 1, "I14: {name} {a} {b} {d} {e}");
    }
}

/// Every object that is listed, as mp4-atom reads it: the boxes say what the manifests say.
pub(crate) fn objects_agree(snapshot: &Snapshot, rules: &EndpointRules) {
    for list in &view(snapshot, rules).renditions {
        let name = &list.rendition.name;
        for row in list.rows.iter_from(0).filter(|row| !row.is_gap()) {
            let init = object(snapshot, rules, name, &format!("init-{}.mp4", row.period.id));
            assert_eq!(timescale(&init.expect("H36")), row.timescale.get());
            let whole = object(snapshot, rules, name, &format!("{}.m4s", row.number));
            let whole = whole.expect("H21: what is listed is there");
            assert_eq!(media(&whole), (row.start as u64, row.duration as u64), "H30, D31");
            let mut laid = Vec::new();
            let mut at = row.start as u64;
            for part in row.parts() {
                let uri = format!("p{}-{}.m4s", row.period.id, part.start);
                let bytes = object(snapshot, rules, name, &uri).expect("L12: it is there");
                assert_eq!(media(&bytes), (at, part.duration as u64), "L08");
                at += part.duration as u64;
                laid.extend(bytes);
            }
            assert!(row.parts().is_empty() || laid == whole, "I2, L08: parts are the segment");
        }
        if rules.protocol.has_hls()
            && let Some(text) = playlist(snapshot, rules, name, None)
        {
            lengths_agree(snapshot, rules, name, &model::read(&text));
        }
    }
}

/// The sum of EXTINF over any run of segments within a Period is the difference of decode times.
fn lengths_agree(snapshot: &Snapshot, rules: &EndpointRules, name: &str, list: &Playlist) {
    let mut run: Option<(f64, i64)> = None;
    for segment in &list.segments {
        if segment.gap {
            run = None;
            continue;
        }
        let map = list.segments.iter().find_map(|s| s.map.clone()).expect("H36");
        let init = object(snapshot, rules, name, &map).expect("H36");
        let bytes = object(snapshot, rules, name, &segment.uri).expect("H21");
        let start = media(&bytes).0 as f64 / f64::from(timescale(&init)) * 1e6;
        let (first, sum) = run.filter(|_| !segment.discontinuity).unwrap_or((start, 0));
        assert!((start - first - sum as f64).abs() < 2.0, "H09: {name} {segment:?}");
        run = Some((first, sum + segment.micros));
    }
}

fn timescale(init: &[u8]) -> u32 {
    let mut rest = init;
    let ftyp = Ftyp::decode(&mut rest).expect("an ftyp");
    let brands: Vec<String> = ftyp.compatible_brands.iter().map(ToString::to_string).collect();
    assert!(brands.contains(&"iso6".to_owned()) && brands.contains(&"cmfc".to_owned()), "H37");
    let moov = Moov::decode(&mut rest).expect("a moov");
    assert!(rest.is_empty() && moov.mvex.is_some() && moov.mvhd.duration == 0, "H37");
    let [trak] = moov.trak.as_slice() else { panic!("H37: one track") };
    assert_eq!((trak.tkhd.duration, trak.mdia.mdhd.duration), (0, 0), "H37");
    trak.mdia.mdhd.timescale
}

/// First decode time and duration of a run of chunks.
fn media(bytes: &[u8]) -> (u64, u64) {
    let mut rest = bytes;
    if bytes.get(4..8) == Some(b"styp") {
        Styp::decode(&mut rest).expect("a styp");
    }
    let (mut first, mut at) = (None, 0);
    while !rest.is_empty() {
        let moof = Moof::decode(&mut rest).expect("a moof");
        let mdat = Mdat::decode(&mut rest).expect("an mdat");
        let [traf] = moof.traf.as_slice() else { panic!("one traf") };
        assert!(traf.tfhd.base_data_offset.is_none() && traf.tfhd.default_base_is_moof, "H38");
        let base = traf.tfdt.as_ref().expect("H38: a tfdt").base_media_decode_time;
        assert!(first.is_none() || base == at, "I6: chunks join");
        first.get_or_insert(base);
        let samples = || traf.trun.iter().flat_map(|run| run.samples.iter());
        let duration = |e: mp4_atom::TrunEntry| e.duration.or(traf.tfhd.default_sample_duration);
        at = base + samples().map(|e| u64::from(duration(e).expect("known"))).sum::<u64>();
        let size = |e: mp4_atom::TrunEntry| e.size.or(traf.tfhd.default_sample_size);
        let sizes: usize = samples().map(|e| size(e).expect("known") as usize).sum();
        assert_eq!(sizes, mdat.data.len(), "the samples are the mdat");
    }
    let first = first.expect("media");
    (first, at - first)
}

/// All transport streams that a snapshot's lists name: whole packets, tables first, and a segment
/// is its parts.
pub(crate) fn transport_streams(snapshot: &Snapshot, rules: &EndpointRules) {
    multivariant_agrees(snapshot, rules);
    for list in listed(view(snapshot, rules), rules) {
        let name = &list.rendition.name;
        let Some(text) = playlist(snapshot, rules, name, None) else { continue };
        let read = model::read(&text);
        media_agrees(&text, &read);
        for segment in read.segments.iter().filter(|s| !s.gap) {
            let whole = object(snapshot, rules, name, &segment.uri).expect("H21: it is there");
            assert_eq!(whole.len() % 188, 0);
            let packets = whole.chunks(188).map(|packet| Packet::try_new(packet).expect("H39"));
            let pids: Vec<u16> = packets.take(2).map(|packet| packet.pid().into()).collect();
            assert_eq!(pids, [0, 0x1000], "H39: tables come first");
            let part = |part: &model::Part| object(snapshot, rules, name, &part.uri).expect("L12");
            let laid: Vec<u8> = segment.parts.iter().flat_map(part).collect();
            assert!(segment.parts.is_empty() || laid == whole, "I2, L08: parts are the segment");
        }
        for part in &read.open.parts {
            let bytes = object(snapshot, rules, name, &part.uri).expect("L12: it is there");
            assert!(!bytes.is_empty());
        }
    }
}

/// All of one snapshot, read by everybody.
pub(crate) fn everything(snapshot: &Snapshot, rules: &EndpointRules) {
    objects_agree(snapshot, rules);
    let mpd = manifest(snapshot, rules, Form::Mpd).filter(|_| rules.protocol.has_dash());
    let mpd = mpd.map(|text| dash::read(&text));
    if let Some(mpd) = &mpd {
        mpd_agrees(snapshot, rules, mpd);
    }
    if !rules.protocol.has_hls() {
        return;
    }
    multivariant_agrees(snapshot, rules);
    for list in view(snapshot, rules).current() {
        let name = &list.rendition.name;
        let text = playlist(snapshot, rules, name, None).expect("there is enough to show");
        let read = model::read(&text);
        media_agrees(&text, &read);
        rows_agree(list, &read);
        if let Some(mpd) = &mpd {
            same_numbers(mpd, name, &read);
        }
    }
}
