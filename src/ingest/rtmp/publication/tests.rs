use bytes::{BufMut, Bytes, BytesMut};

use super::*;
use crate::isobmff::{Strictness, parse_init};
use crate::media::{Codec, Language, Sample, TrackInfo};
use crate::mpegts::{self, Demuxer, DemuxerLimits};
use crate::packager::{InputId, SourceEvent};
use crate::units::FrameRate;

macro_rules! fixture {
    ($path:literal) => {
        include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/", $path))
    };
}

fn publication(rung: &str) -> Publication {
    let variant = VariantName::parse(rung).expect("a name");
    Publication::new(SourceId { input: InputId(1), session: 1 }, variant)
}

fn give(to: &mut Publication, kind: MediaKind, timestamp: u32, body: impl Into<Bytes>) -> Out {
    let mut out = Out::default();
    to.take(Media { kind, timestamp, body: body.into() }, &mut out);
    out
}

/// What was given without a fault: tracks and samples.
fn given(out: Out) -> (Vec<TrackInfo>, Vec<Sample>) {
    assert_eq!(out.faults, []);
    let (mut tracks, mut samples) = (Vec::new(), Vec::new());
    for event in out.events {
        match event {
            SourceEvent::Track(info) => tracks.push(info),
            SourceEvent::Sample(_, sample) => samples.push(sample),
            other => panic!("{other:?}"),
        }
    }
    (tracks, samples)
}

/// Tracks and samples of a transport stream.
fn demuxed(ts: &[u8]) -> (Vec<TrackInfo>, Vec<(TrackId, Sample)>) {
    let mut demuxer = Demuxer::new(VariantName::default(), DemuxerLimits::default());
    demuxer.push(ts);
    demuxer.end_of_body();
    let (mut tracks, mut samples) = (Vec::new(), Vec::new());
    while let Some(event) = demuxer.poll_event() {
        match event {
            mpegts::Event::Track(info) => tracks.push(info),
            mpegts::Event::Sample(track, sample) => samples.push((track, sample)),
            _ => {}
        }
    }
    (tracks, samples)
}

fn with_length(unit: &[u8]) -> Vec<u8> {
    [&(unit.len() as u16).to_be_bytes()[..], unit].concat()
}

/// `avcC`.
pub(in crate::ingest::rtmp) fn avc_record(codec: &Codec, length_size: u8) -> Vec<u8> {
    let Codec::Avc(avc) = codec else { panic!("H.264") };
    let mut out = vec![1, avc.sps[1], avc.sps[2], avc.sps[3], 0xfc | (length_size - 1), 0xe1];
    out.extend(with_length(&avc.sps));
    out.push(avc.pps.len() as u8);
    for pps in &avc.pps {
        out.extend(with_length(pps));
    }
    out
}

/// A legacy tag of H.264.
pub(in crate::ingest::rtmp) fn avc_tag(kind: u8, offset: i64, sync: bool, data: &[u8]) -> Vec<u8> {
    let head = [if sync { 0x17 } else { 0x27 }, kind];
    [&head[..], &(offset as i32).to_be_bytes()[1..], data].concat()
}

/// H.264 of a fixture at 29.97 frames a second, its first decode time 0.
pub(in crate::ingest::rtmp) fn pictures() -> (TrackInfo, Vec<Sample>) {
    let (tracks, samples) = demuxed(fixture!("ts/bframes-2997.ts"));
    let video = tracks.into_iter().find(|t| t.codec.picture().is_some()).expect("video");
    let mut samples: Vec<Sample> =
        samples.into_iter().filter(|(id, _)| *id == video.id).map(|(_, s)| s).collect();
    let first = samples[0].dts;
    for sample in &mut samples {
        (sample.dts, sample.pts) = (sample.dts - first, sample.pts - first);
    }
    (video, samples)
}

fn millis(ticks: i64) -> i64 {
    ticks.div_euclid(90)
}

#[test]
fn pictures_come_out_as_they_went_in_and_their_rounded_times_are_even_again() {
    let (info, samples) = pictures();
    assert!(samples.len() > 100 && samples.iter().any(|s| s.pts != s.dts));
    // Through a wrap of the timestamps too.
    for begins in [0_u32, 7, u32::MAX - 1_500] {
        let mut publication = publication("");
        let header = avc_tag(0, 0, true, &avc_record(&info.codec, 4));
        assert!(given(give(&mut publication, MediaKind::Video, begins, header)).0.is_empty());
        let mut all = Vec::new();
        for sample in &samples {
            let offset = millis(sample.pts) - millis(sample.dts);
            let tag = avc_tag(1, offset, sample.sync, &sample.data);
            let at = begins.wrapping_add(millis(sample.dts).cast_unsigned() as u32);
            let (tracks, given) = given(give(&mut publication, MediaKind::Video, at, tag));
            assert_eq!(tracks.len(), usize::from(all.is_empty()), "announced once");
            if let [track] = &tracks[..] {
                assert_eq!((track.id, &track.codec), (TrackId(0), &info.codec));
            }
            all.extend(given);
        }
        let first = all[0].dts;
        assert!((first - i64::from(begins) * 90).abs() <= 90);
        assert_eq!(all.len(), samples.len());
        for (came, went) in all.iter().zip(&samples).skip(3) {
            assert_eq!((&came.data, came.sync), (&went.data, went.sync));
            // What is shown is decoded two frames before.
            assert!((came.dts - first - went.dts).abs() <= 90, "from {begins}");
            assert_eq!(came.pts - came.dts, went.pts - went.dts, "from {begins}");
        }
        let steps = all.windows(2).skip(3).map(|w| w[1].dts - w[0].dts);
        assert!(steps.clone().all(|step| step == 3003), "{:?}", steps.collect::<Vec<_>>());
    }
}

#[test]
fn parameter_sets_in_pictures_count_and_are_left_out_of_samples() {
    let (info, samples) = pictures();
    let Codec::Avc(avc) = &info.codec else { panic!("H.264") };
    let mut data = BytesMut::new();
    for unit in [&[9, 0x10][..], &avc.sps, &avc.pps[0], &[12, 0xff, 0x80], b""] {
        data.put_u32(unit.len() as u32);
        data.put_slice(unit);
    }
    data.put_slice(&samples[0].data);
    let mut publication = publication("hd");
    // Nothing is known before: the picture brings its own sets.
    let tag = avc_tag(1, 0, true, &data);
    let (tracks, given) = given(give(&mut publication, MediaKind::Video, 0, tag));
    assert_eq!((tracks[0].variant.as_str(), &tracks[0].codec), ("hd", &info.codec));
    assert_eq!((&given[0].data, given[0].sync), (&samples[0].data, true));
}

#[test]
fn lengths_of_two_bytes_become_lengths_of_four() {
    let (info, samples) = pictures();
    let mut publication = publication("");
    let header = avc_tag(0, 0, true, &avc_record(&info.codec, 2));
    give(&mut publication, MediaKind::Video, 0, header);
    let (mut short, mut rest) = (Vec::new(), &samples[0].data[..]);
    while let [a, b, c, d, after @ ..] = rest {
        let length = u32::from_be_bytes([*a, *b, *c, *d]) as usize;
        short.extend(with_length(&after[..length]));
        rest = &after[length..];
    }
    let tag = avc_tag(1, 0, true, &short);
    assert_eq!(given(give(&mut publication, MediaKind::Video, 0, tag)).1[0].data, samples[0].data);
}

#[test]
fn new_settings_in_the_middle_are_announced_with_their_first_picture() {
    let (info, samples) = pictures();
    let (others, _) = demuxed(fixture!("ts/two-programs.ts"));
    let other = others.iter().find(|t| t.codec.picture().is_some_and(|p| p.width == 160));
    let other = &other.expect("a small picture").codec;
    let mut publication = publication("");
    let picture = || avc_tag(1, 0, true, &samples[0].data);
    for (codec, new) in [(&info.codec, true), (&info.codec, false), (other, true), (other, false)] {
        let header = avc_tag(0, 0, true, &avc_record(codec, 4));
        give(&mut publication, MediaKind::Video, 0, header);
        let (tracks, _) = given(give(&mut publication, MediaKind::Video, 0, picture()));
        assert_eq!(tracks.len(), usize::from(new));
        assert!(tracks.iter().all(|track| track.codec == *codec));
    }
    // The end of a sequence is none of the track: it goes on when more comes.
    give(&mut publication, MediaKind::Video, 0, avc_tag(2, 0, true, b""));
    assert_eq!(given(give(&mut publication, MediaKind::Video, 0, picture())).1.len(), 1);
}

#[test]
fn hevc_comes_by_its_name_and_by_the_number_some_encoders_use() {
    let (tracks, samples) = demuxed(fixture!("ts/codecs.ts"));
    let video = tracks.iter().find(|t| t.codec.picture().is_some()).expect("video");
    let Codec::Hevc(hevc) = &video.codec else { panic!("HEVC") };
    let samples: Vec<&Sample> =
        samples.iter().filter(|(id, _)| *id == video.id).map(|(_, sample)| sample).collect();
    let enhanced = |kind: u8| [&[0x90 | kind][..], b"hvc1"].concat();
    for (header, frame, offset) in [
        (enhanced(0), enhanced(1), 3),
        (enhanced(0), enhanced(3), 0),
        (vec![0x1c, 0, 0, 0, 0], vec![0x1c, 1], 3),
    ] {
        let mut publication = publication("");
        let header = [&header[..], hevc.record()].concat();
        give(&mut publication, MediaKind::Video, 0, header);
        let mut all = Vec::new();
        for (n, sample) in (0..).zip(&samples) {
            let tag = [&frame[..], &vec![0; offset], &sample.data].concat();
            let (tracks, given) = given(give(&mut publication, MediaKind::Video, n * 40, tag));
            assert!(tracks.iter().all(|track| track.codec == video.codec));
            all.extend(given);
        }
        assert_eq!(all.len(), samples.len());
        let same =
            |(came, went): (&Sample, &&Sample)| (&came.data, came.sync) == (&went.data, went.sync);
        assert!(all.iter().zip(&samples).all(same));
    }
}

#[test]
fn av1_comes_without_temporal_delimiters() {
    let init = parse_init(fixture!("codecs/av1.init.mp4"), Strictness::Tolerant).expect("a header");
    let Some(Codec::Av1(av1)) = init.codec else { panic!("AV1") };
    let mut publication = publication("");
    let header = [&b"\x90av01"[..], av1.record()].concat();
    give(&mut publication, MediaKind::Video, 0, header);
    let unit = b"\x91av01\x12\0\x0a\x01x\x32\x02yz".to_vec();
    let (tracks, samples) = given(give(&mut publication, MediaKind::Video, 0, unit));
    assert_eq!(tracks[0].codec.rfc6381(), av1.rfc6381());
    assert_eq!((&samples[0].data[..], samples[0].sync), (&b"\x0a\x01x\x32\x02yz"[..], true));
    let inter = b"\xa1av01\x12\0\x32\x02yz".to_vec();
    assert!(!given(give(&mut publication, MediaKind::Video, 40, inter)).1[0].sync);
}

#[test]
fn opus_tells_how_long_each_packet_is() {
    let init =
        parse_init(fixture!("codecs/opus.init.mp4"), Strictness::Tolerant).expect("a header");
    let Some(Codec::Opus(opus)) = init.codec else { panic!("Opus") };
    let [_, channels, s0, s1, r0, r1, r2, r3, g0, g1, family, ..] = opus.record()[..] else {
        panic!("a record")
    };
    let head = [1, channels, s1, s0, r3, r2, r1, r0, g1, g0, family];
    let mut publication = publication("");
    let header = [&b"\x90OpusOpusHead"[..], &head].concat();
    give(&mut publication, MediaKind::Audio, 0, header);
    // One frame of 20 ms; two of 2.5 ms; three of 60 ms, which is more than there may be.
    for (packet, ticks) in [(&[0x78, 1][..], 1_800), (&[0x81, 1], 450), (&[0x1b, 3], 10_800)] {
        let tag = [&b"\x91Opus"[..], packet].concat();
        let (tracks, samples) = given(give(&mut publication, MediaKind::Audio, 20, tag));
        assert!(tracks.iter().all(|track| track.codec == Codec::Opus(opus.clone())));
        assert_eq!((samples[0].dts, samples[0].duration), (1_800, Some(ticks)));
    }
    let out = give(&mut publication, MediaKind::Audio, 0, b"\x90OpusOpusHe".to_vec());
    assert_eq!(out.faults, [MediaFault::Record]);
}

#[test]
fn ac3_and_mp3_say_in_their_frames_what_they_are() {
    let (tracks, samples) = demuxed(fixture!("ts/codecs.ts"));
    for (name, tag) in [("ac-3", &b"\x91ac-3"[..]), ("ec-3", b"\x91ec-3"), ("mp4a.6B", b"\x2f")] {
        let track = tracks.iter().find(|t| t.codec.rfc6381() == name).expect("in the fixture");
        let mut publication = publication("");
        let of = samples.iter().filter(|(id, _)| *id == track.id).map(|(_, sample)| sample);
        for (n, sample) in (0..).zip(of) {
            let body = [tag, &sample.data].concat();
            let (announced, given) = given(give(&mut publication, MediaKind::Audio, n * 32, body));
            assert_eq!(announced.len(), usize::from(n == 0));
            assert!(announced.iter().all(|a| a.codec == track.codec && a.id == TrackId(0x100)));
            assert_eq!((given.len(), &given[0].data), (1, &sample.data));
        }
        // Two frames in one tag follow each other.
        let first = samples.iter().find(|(id, _)| *id == track.id).expect("a frame").1.data.clone();
        let body = [tag, &first, &first].concat();
        let (_, two) = given(give(&mut publication, MediaKind::Audio, 9_000, body));
        let frame = track.codec.frame_duration().expect("of audio").rescale(track.timescale);
        assert_eq!((two.len(), two[1].dts - two[0].dts), (2, frame.ticks()));
        let cut = [tag, &first[..first.len() - 1]].concat();
        let fault = give(&mut publication, MediaKind::Audio, 9_100, cut).faults;
        assert!(
            matches!(fault[..], [MediaFault::Audio(_) | MediaFault::AudioCutShort]),
            "{fault:?}"
        );
    }
}

#[test]
fn aac_is_announced_by_its_header_and_looked_into_where_it_may_hide_replication() {
    let mut publication = publication("");
    let frame = || b"\xaf\x01raw".to_vec();
    let out = give(&mut publication, MediaKind::Audio, 0, frame());
    assert_eq!(out.faults, [MediaFault::BeforeSettings]);
    assert!(give(&mut publication, MediaKind::Audio, 21, frame()).faults.is_empty(), "once");
    give(&mut publication, MediaKind::Audio, 42, b"\xaf\0\x11\x90".to_vec());
    let (tracks, samples) = given(give(&mut publication, MediaKind::Audio, 43, frame()));
    assert_eq!(tracks[0].codec.rfc6381(), "mp4a.40.2");
    assert_eq!((samples[0].dts, &samples[0].data[..]), (43 * 90, &b"raw"[..]));
    // 24 kHz: four frames are looked into before anything is said.
    give(&mut publication, MediaKind::Audio, 50, b"\xaf\0\x13\x10".to_vec());
    for n in 0..4 {
        let (tracks, samples) =
            given(give(&mut publication, MediaKind::Audio, 60 + n * 43, frame()));
        assert_eq!((tracks.len(), samples.len()), if n == 3 { (1, 4) } else { (0, 0) });
    }
    let out = give(&mut publication, MediaKind::Audio, 400, b"\xaf\0\xff".to_vec());
    assert!(matches!(out.faults[..], [MediaFault::Settings(_)]));
    assert!(given(give(&mut publication, MediaKind::Audio, 420, b"".to_vec())).1.is_empty());
}

#[test]
fn tracks_beyond_the_first_are_rungs_and_languages() {
    let (info, samples) = pictures();
    let record = avc_record(&info.codec, 4);
    let several = |kind: u8, data: &[u8]| {
        let mut body = [&b"\x96"[..], &[0x10 | kind], b"avc1"].concat();
        for track in 0..2 {
            body.extend([track, 0, (data.len() >> 8) as u8, data.len() as u8]);
            body.extend(data);
        }
        body
    };
    let metadata = || {
        let french = Value::object([("language", Value::text("fr"))]);
        Value::object([("audioTrackIdInfoMap", Value::object([("1", french)]))])
    };
    for (rung, names) in [("", ["", "t1"]), ("hd", ["hd", "hd-t1"])] {
        let mut publication = publication(rung);
        publication.begin();
        publication.describe(Ok(metadata()), &mut Out::default());
        give(&mut publication, MediaKind::Video, 0, several(0, &record));
        let picture = &samples[0].data;
        let (tracks, given_samples) =
            given(give(&mut publication, MediaKind::Video, 0, several(3, picture)));
        let found: Vec<_> = tracks.iter().map(|t| (t.id.0, t.variant.as_str())).collect();
        assert_eq!(found, [(0, names[0]), (1, names[1])]);
        assert_eq!(given_samples.len(), 2);
        for (track, language) in [(0, "und"), (1, "fra")] {
            let header = [&b"\x95\0mp4a"[..], &[track], b"\x11\x90"].concat();
            give(&mut publication, MediaKind::Audio, 0, header);
            let frame = [&b"\x95\x01mp4a"[..], &[track], b"raw"].concat();
            let (tracks, _) = given(give(&mut publication, MediaKind::Audio, 0, frame));
            assert_eq!(tracks[0].language, Language::parse(language.as_bytes()));
            assert_eq!(tracks[0].id.0, 0x100 + u32::from(track));
        }
    }
}

#[test]
fn nanoseconds_make_times_exact() {
    let (info, samples) = pictures();
    let mut publication = publication("");
    let header = [&b"\x90avc1"[..], &avc_record(&info.codec, 4)].concat();
    give(&mut publication, MediaKind::Video, 33, header);
    let frame = [&b"\x97\x02\x05\x98\x8b\x01avc1\0\0\x21"[..], &samples[0].data].concat();
    let (_, given) = given(give(&mut publication, MediaKind::Video, 33, frame));
    // 33.366667 ms, and 33 more.
    assert_eq!((given[0].dts, given[0].pts), (3003, 3003 + 33 * 90));
}

#[test]
fn what_is_broken_is_named_and_left_out() {
    let (info, samples) = pictures();
    let record = avc_record(&info.codec, 4);
    let mut publication = publication("");
    let faults = |publication: &mut Publication, body: Vec<u8>| {
        let out = give(publication, MediaKind::Video, 0, body);
        assert!(out.events.is_empty());
        out.faults
    };
    let picture = || avc_tag(1, 0, true, &samples[0].data);
    assert_eq!(faults(&mut publication, picture()), [MediaFault::BeforeSettings]);
    assert_eq!(faults(&mut publication, picture()), [], "once");
    let cut = avc_tag(0, 0, true, &record[..record.len() - 1]);
    assert_eq!(faults(&mut publication, cut), [MediaFault::Record]);
    let long = [&record[..6], &with_length(&[0x67; 5_000])].concat();
    let long = avc_tag(0, 0, true, &[&long[..], &[0]].concat());
    let limit = 4_096;
    assert_eq!(faults(&mut publication, long), [MediaFault::ParameterSetTooLong { limit }]);
    let nonsense =
        [&record[..6], &with_length(&[0x67; 9]), &[1], &with_length(&[0x68; 3])].concat();
    let broken = faults(&mut publication, avc_tag(0, 0, true, &nonsense));
    assert!(matches!(broken[..], [MediaFault::Settings(_)]), "{broken:?}");
    give(&mut publication, MediaKind::Video, 0, avc_tag(0, 0, true, &record));
    let with_start_code = avc_tag(1, 0, true, &[0, 0, 0, 1, 0x65, 1, 2, 3]);
    assert_eq!(faults(&mut publication, with_start_code), [MediaFault::UnitLength]);
    assert_eq!(given(give(&mut publication, MediaKind::Video, 0, picture())).1.len(), 1);
    let faults: Vec<_> = [b"\x14\0".to_vec(), b"\x17".to_vec(), b"\x98avc1".to_vec()]
        .into_iter()
        .flat_map(|body| faults(&mut publication, body))
        .map(|fault| fault.name())
        .collect();
    assert_eq!(faults, ["LeftOut", "tag_cut_short", "packet_type"]);
}

#[test]
fn a_frame_rate_that_the_bitstream_hides_is_taken_from_metadata() {
    let init = parse_init(fixture!("codecs/av1.init.mp4"), Strictness::Tolerant).expect("a header");
    let Some(Codec::Av1(av1)) = init.codec else { panic!("AV1") };
    let mut publication = publication("");
    let metadata = Value::object([("framerate", Value::Number(29.97))]);
    publication.describe(Ok(metadata), &mut Out::default());
    assert_eq!(publication.metadata.frame_rate, FrameRate::new(30_000, 1_001));
    let header = [&b"\x90av01"[..], av1.record()].concat();
    give(&mut publication, MediaKind::Video, 0, header);
    for n in 0..100_u32 {
        let frame = b"\x91av01\x32\x01x".to_vec();
        let (_, given) = given(give(&mut publication, MediaKind::Video, n * 1_001 / 30, frame));
        assert_eq!(given[0].dts, i64::from(n) * 3_003);
    }
    let mut out = Out::default();
    publication.describe(Err(AmfFault::Short), &mut out);
    assert_eq!(out.faults, [MediaFault::Metadata(AmfFault::Short)]);
}
