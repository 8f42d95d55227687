//! HEVC, AC-3, Enhanced AC-3, MP3 and HE-AAC: what is particular to each.

use super::*;
use crate::media::codec::Picture;
use crate::media::codec::mpeg_audio::MpegAudioError;
use crate::media::codec::{CodecError, hevc};

fn frames_of(name: &str) -> Vec<u8> {
    fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/codecs").join(name)).unwrap()
}

#[test]
fn settings_of_every_coding_come_from_the_bitstream() {
    let events = demux(&fixture("codecs.ts"), 1 << 20);
    let mut tracks = tracks(&events);
    tracks.sort_by_key(|track| track.id);
    let codecs: Vec<_> = tracks.iter().map(|track| track.codec.rfc6381()).collect();
    assert_eq!(codecs, ["hvc1.1.6.L30.90", "ac-3", "ec-3", "mp4a.6B"]);
    let picture = tracks[0].codec.picture().unwrap();
    assert_eq!((picture.width, picture.height), (160, 90));
    assert_eq!(picture.frame_rate, FrameRate::new(25, 1));
    let sounds: Vec<_> = tracks.iter().filter_map(|track| track.codec.sound()).collect();
    let lengths: Vec<_> = sounds.iter().map(|sound| sound.frame_length).collect();
    assert_eq!(lengths, [1536, 1536, 1152]);
    assert!(sounds.iter().all(|sound| (sound.channels, sound.sample_rate) == (1, 48_000)));
}

/// The first of each parameter set of the fixture: VPS, SPS, PPS; its frames last 3,600 ticks.
fn hevc_sets() -> Vec<Vec<u8>> {
    let events = demux(&fixture("codecs.ts"), 1 << 20);
    let Codec::Hevc(hevc) = &tracks(&events)[0].codec else { panic!("video leads") };
    hevc.parameter_sets().map(<[u8]>::to_vec).collect()
}

const AUD: &[u8] = &[0x46, 0x01, 0x50];
const SEI: &[u8] = &[0x4e, 0x01, 0x05, 0x01, 0x00, 0x80];

/// A slice segment of `kind`, the first of its picture or not.
fn slice(kind: u8, first: bool) -> [u8; 4] {
    [kind << 1, 0x01, if first { 0xaf } else { 0x2f }, 0x09]
}

/// PES packets of these units, 3,600 ticks apart, after the fixture's parameter sets.
fn hevc_stream(packets: &[&[&[u8]]]) -> Vec<Event> {
    let sets = hevc_sets();
    let mut mux = Mux::with_streams(&[(0x24, 256, &[])]);
    for (n, units) in packets.iter().enumerate() {
        let sets = sets.iter().filter(|_| n == 0).map(Vec::as_slice);
        let units: Vec<&[u8]> =
            [AUD].into_iter().chain(sets).chain(units.iter().copied()).collect();
        mux.pes(256, &build::pes(3_600 * (n as u64 + 1), None, &annexb(&units), 0));
    }
    demux(&mux.bytes, 188)
}

/// NAL unit types of each sample.
fn unit_types(events: &[Event]) -> Vec<Vec<u8>> {
    let types = |sample: &Sample| {
        let mut rest = &sample.data[..];
        let mut types = Vec::new();
        while let Some((length, after)) = rest.split_first_chunk() {
            let (unit, next) = after.split_at(u32::from_be_bytes(*length) as usize);
            types.push(hevc::unit_type(unit).unwrap());
            rest = next;
        }
        types
    };
    samples(events, 256).into_iter().map(types).collect()
}

#[test]
fn pictures_that_refer_to_what_is_not_there_are_left_out_at_a_start_and_a_splice() {
    let events = hevc_stream(&[
        &[&slice(21, true), &slice(21, false)], // CRA in two slice segments
        &[&slice(9, true)],                     // RASL
        &[&slice(7, true)],                     // RADL
        &[&slice(1, true)],
        &[&slice(21, true)],
        &[&slice(8, true)],
        &[&slice(16, true)], // BLA
        &[&slice(9, true)],
        &[&slice(19, true)], // IDR
    ]);
    let want: &[&[u8]] = &[&[21, 21], &[7], &[1], &[21], &[8], &[16], &[19]];
    assert_eq!(unit_types(&events), want);
    let sync: Vec<_> = samples(&events, 256).iter().map(|sample| sample.sync).collect();
    assert_eq!(sync, [true, false, false, true, false, true, true]);
    assert_eq!(faults(&events), [""; 0]);
}

#[test]
fn access_units_of_one_packet_end_at_slices_sets_and_messages() {
    let sets = hevc_sets();
    let events = hevc_stream(&[&[
        &slice(19, true),
        &slice(19, false),
        &slice(1, true),
        SEI,
        &slice(1, true),
        &sets[0],
        &sets[1],
        &sets[2],
        &slice(20, true),
    ]]);
    let want: &[&[u8]] = &[&[19, 19], &[1], &[39, 1], &[20]];
    assert_eq!(unit_types(&events), want);
    let times: Vec<_> = times(&events, 256).iter().map(|(pts, _)| *pts).collect();
    assert_eq!(times, [3_600, 7_200, 10_800, 14_400]);
    assert_eq!(tracks(&events).len(), 1);
}

#[test]
fn units_of_other_layers_and_fillers_are_no_part_of_a_sample() {
    let mut layer = slice(1, true);
    layer[1] = 0x09;
    let filler = [38 << 1, 1, 0xff, 0x80];
    let events = hevc_stream(&[&[&slice(19, true), &layer, &filler, &[0x26]]]);
    assert_eq!(unit_types(&events), [[19]]);
}

#[test]
fn new_parameter_sets_announce_the_track_again_and_broken_ones_are_reported_once() {
    let mut other = hevc_sets();
    let size = other[1].len() - 1;
    other[1][size] ^= 0x20; // another time scale
    let mut broken = hevc_sets();
    broken[1].truncate(10);
    let broken: Vec<&[u8]> = broken.iter().map(Vec::as_slice).collect();
    let idr = slice(19, true);
    let with =
        |sets: &[Vec<u8>]| -> Vec<Vec<u8>> { sets.iter().cloned().chain([idr.to_vec()]).collect() };
    let (same, new) = (with(&hevc_sets()), with(&other));
    let refs = |units: &'static [Vec<u8>]| units.iter().map(Vec::as_slice).collect::<Vec<_>>();
    let (same, new) = (refs(same.leak()), refs(new.leak()));
    let broken: Vec<&[u8]> = broken.into_iter().chain([&idr[..]]).collect();
    let events = hevc_stream(&[&[&idr], &same, &broken, &broken, &new]);
    assert_eq!(tracks(&events).len(), 2);
    assert_eq!(faults(&events), ["broken_parameter_sets"]);
    assert_eq!(samples(&events, 256).len(), 5);
}

#[test]
fn hevc_pictures_before_their_sets_are_left_out_and_reported_once() {
    let mut mux = Mux::with_streams(&[(0x24, 256, &[])]);
    let sets = hevc_sets();
    let without_vps = annexb(&[&sets[1], &sets[2], &slice(19, true)]);
    mux.pes(256, &build::pes(3_600, None, &without_vps, 0));
    mux.pes(256, &build::pes(7_200, None, &annexb(&[AUD, &slice(1, true)]), 0));
    mux.pes(256, &build::pes(10_800, None, &annexb(&[&sets[0], &slice(19, true)]), 0));
    let events = demux(&mux.bytes, 188);
    assert_eq!(faults(&events), ["picture_before_parameter_sets"]);
    assert_eq!(times(&events, 256), [(10_800, 10_800)]);
    assert_eq!(tracks(&events)[0].codec.picture().map(|p: Picture| p.width), Some(160));
}

#[test]
fn ac3_frames_are_cut_out_however_packets_lie_and_timed_by_their_samples() {
    let stream = frames_of("ac3.frames").repeat(2);
    for (stream_type, descriptors) in
        [(0x81, &[][..]), (0x06, b"\x6a\x01\0"), (0x06, b"\x05\x04AC-3")]
    {
        let mut mux = Mux::with_streams(&[(stream_type, 257, descriptors)]);
        mux.pes(257, &build::pes(9_000, None, &stream[..700], 700));
        mux.pes(257, &build::pes(50_000, None, &stream[700..], 0));
        let events = demux(&mux.bytes, 188);
        assert_eq!(faults(&events), [""; 0]);
        // 1,536 samples at 48 kHz are 2,880 ticks; the third frame is the first to start in the second packet.
        let pts: Vec<_> = times(&events, 257).iter().map(|(pts, _)| *pts).collect();
        assert_eq!(pts, [9_000, 11_880, 50_000, 52_880, 55_760, 58_640]);
        let data: Vec<u8> =
            samples(&events, 257).iter().flat_map(|sample| sample.data.to_vec()).collect();
        assert_eq!(data, stream);
        assert_eq!(tracks(&events)[0].codec.rfc6381(), "ac-3");
    }
}

/// An Enhanced AC-3 frame of 64 bytes, 3/2 with LFE.
fn enhanced(substream: u8, blocks_code: u8, fill: u8) -> Vec<u8> {
    let mut frame = vec![0x0b, 0x77, substream, 31, blocks_code << 4 | 0x0f, 0x80, 0, 0];
    frame.resize(64, fill);
    frame
}

#[test]
fn substreams_and_short_frames_are_put_together_to_six_blocks() {
    // An orphan, then access units of 3 + 3 blocks, each with a dependent substream.
    let unit = [enhanced(0, 2, 1), enhanced(0x40, 2, 2), enhanced(0, 2, 3), enhanced(0x40, 2, 4)];
    let unit = unit.concat();
    let payload = [enhanced(0x40, 2, 9), unit.clone(), unit.clone(), unit.clone()].concat();
    let mut mux = Mux::with_streams(&[(0x87, 257, &[])]);
    mux.pes(257, &build::pes(9_000, None, &payload, 0));
    let events = demux(&mux.bytes, 188);
    assert_eq!(faults(&events), [""; 0]);
    assert_eq!(samples(&events, 257).len(), 3);
    assert!(samples(&events, 257).iter().all(|sample| sample.data == unit));
    assert_eq!(tracks(&events).len(), 1);
    assert_eq!(tracks(&events)[0].codec.rfc6381(), "ec-3");
}

#[test]
fn an_endless_access_unit_is_left_out() {
    let mut payload = enhanced(0, 3, 0);
    for _ in 0..1100 {
        payload.extend(enhanced(0x40, 3, 0));
    }
    payload.extend(enhanced(0, 3, 0));
    let mut mux = Mux::with_streams(&[(0x87, 257, &[])]);
    mux.pes(257, &build::pes(9_000, None, &payload, 0));
    let events = demux(&mux.bytes, 188);
    assert_eq!(faults(&events), ["broken_audio"]);
    assert_eq!(samples(&events, 257).len(), 1);
}

#[test]
fn layer_two_is_refused_by_name() {
    let mut mux = Mux::with_streams(&[(0x03, 257, &[])]);
    let frame = [&[0xff, 0xfd, 0x84, 0xc4][..], &[0; 380]].concat();
    mux.pes(257, &build::pes(9_000, None, &frame.repeat(3), 0));
    let why = CodecError::MpegAudio(MpegAudioError::Layer(2));
    let fault = Fault::BrokenAudio { pid: 257, why };
    assert_eq!(
        fault.to_string(),
        "broken audio on PID 257: MPEG audio layer 2 is not supported; layer III (MP3) is"
    );
    assert_eq!(demux(&mux.bytes, 188), [Event::Fault(fault)]);
}

/// AAC LC, 24 kHz, stereo: a frame whose raw data block is `bits` and then zeros to the byte's end.
fn low_rate(bits: &str) -> Vec<u8> {
    let bits: Vec<u8> = bits.bytes().filter(|b| *b != b' ').map(|b| b - b'0').collect();
    let block = bits
        .chunks(8)
        .map(|byte| (0..8).fold(0, |b, at| b << 1 | byte.get(at).copied().unwrap_or(0)));
    let mut frame = adts(7, 0);
    frame.extend(block);
    let length = frame.len();
    frame[2] = 0x58;
    frame[3..6].copy_from_slice(&[0x80, (length >> 3) as u8, (length << 5) as u8 | 0x1f]);
    frame
}

fn codec_of_low_rate(frames: &[String]) -> (String, usize, usize) {
    let payload: Vec<u8> = frames.iter().flat_map(|bits| low_rate(bits)).collect();
    let mut mux = Mux::with_streams(&[(0x0f, 257, &[])]);
    mux.pes(257, &build::pes(9_000, None, &payload, 0));
    let events = demux(&mux.bytes, 188);
    assert_eq!(faults(&events), [""; 0]);
    let times = times(&events, 257);
    // 1,024 samples at 24 kHz are as long as 2,048 at 48 kHz.
    assert!(times.windows(2).all(|pair| pair[1].0 - pair[0].0 == 3_840));
    (tracks(&events)[0].codec.rfc6381(), tracks(&events).len(), times.len())
}

#[test]
fn spectral_band_replication_is_found_in_the_frames() {
    // A channel pair, a fill element of SBR data, perhaps one of nothing, the end.
    let short = "001 0110 1001 1100 110 0010 1101 1010 0101 0110 111".to_owned();
    let checked = short.replace("1101 1010", "1110 1010");
    let padded = "001 0110 110 0001 1101 1010 110 0010 0000 1111 0000 1111 111".to_owned();
    let long = format!("001 01 110 1111 00000011 1101 0011{} 111", "10101010".repeat(16));
    for bits in [short.clone(), checked, padded, long] {
        let seen = codec_of_low_rate(&vec![bits; 6]);
        assert_eq!(seen, ("mp4a.40.5".to_owned(), 1, 6));
    }
    // One frame without it, other data in the fill element, or too few frames.
    let plain = "001 0110 1001 1100 111".to_owned();
    let mut mixed = vec![short.clone(); 6];
    mixed[2].clone_from(&plain);
    let range = short.replace("1101 1010", "1011 1010");
    for frames in [mixed, vec![plain; 6], vec![range; 6]] {
        assert_eq!(codec_of_low_rate(&frames), ("mp4a.40.2".to_owned(), 1, 6));
    }
    assert_eq!(codec_of_low_rate(&vec![short; 3]), ("mp4a.40.2".to_owned(), 1, 3));
}
