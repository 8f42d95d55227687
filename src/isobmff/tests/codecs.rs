//! Each codec's initialization segment: ffmpeg's is read, ours reads back and is what another parser
//! takes it for.

use mp4_atom::Decode;

use super::*;
use crate::media::MediaKind;
use crate::media::codec::{Ac3Config, Colour, MpegAudioConfig, Picture};

const NAMES: [&str; 8] = ["ac3", "av1", "av1-pq", "eac3", "hevc", "hevc-pq", "mp3", "opus"];

fn fixture(name: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/codecs");
    std::fs::read(folder.join(name)).expect("a fixture")
}

/// What we read of ffmpeg's segment.
fn foreign(name: &str) -> ParsedInit {
    let init = parse_init(&fixture(&format!("{name}.init.mp4")), Strictness::Tolerant);
    init.unwrap_or_else(|why| panic!("{name}: {why}"))
}

fn codec(name: &str) -> Codec {
    foreign(name).codec.unwrap_or_else(|| panic!("{name} is a codec we carry"))
}

fn ours(codec: &Codec) -> Bytes {
    init_segment(codec, Timescale::NINETY_KHZ, Language::UNDETERMINED)
}

#[test]
fn foreign_segments_give_settings_and_strings() {
    let strings = [
        ("ac3", "ac-3"),
        ("av1", "av01.0.00M.08"),
        ("av1-pq", "av01.0.00M.10.0.110.09.16.09.0"),
        ("eac3", "ec-3"),
        ("hevc", "hvc1.1.6.L60.90"),
        ("hevc-pq", "hvc1.2.4.L60.90"),
        ("mp3", "mp4a.6B"),
        ("opus", "Opus"),
    ];
    for (name, string) in strings {
        assert_eq!(codec(name).rfc6381(), string, "{name}");
    }
    let colour = Some(Colour { primaries: 9, transfer: 16, matrix: 9, full_range: false });
    let sizes = [
        ("av1", Picture::of_size(318, 178)),
        ("av1-pq", Picture { colour, ..Picture::of_size(320, 180) }),
    ];
    for (name, picture) in sizes {
        assert_eq!(codec(name).picture(), Some(picture), "{name}");
    }
    let hevc = codec("hevc").picture().expect("video");
    assert_eq!((hevc.width, hevc.height), (318, 178));
    assert_eq!(hevc.frame_rate, crate::units::FrameRate::new(30_000, 1001));
    let pq = codec("hevc-pq").picture().expect("video");
    assert_eq!((pq.pixel_aspect, pq.colour), ((4, 3), colour));
    for (name, channels, length) in
        [("ac3", 6, 1536), ("eac3", 6, 1536), ("opus", 2, 960), ("mp3", 2, 1152)]
    {
        let sound = codec(name).sound().expect("audio");
        assert_eq!((sound.sample_rate, sound.channels), (48_000, channels), "{name}");
        assert_eq!(sound.frame_length, length, "{name}");
    }
}

#[test]
fn every_codec_reads_back_as_the_settings_it_was_made_of() {
    for name in NAMES {
        let (foreign, codec) = (foreign(name), codec(name));
        let bytes = ours(&codec);
        let init = parse_init(&bytes, Strictness::Strict).unwrap_or_else(|e| panic!("{name}: {e}"));
        assert_eq!(init.codec.as_ref(), Some(&codec), "{name}");
        assert_eq!((init.entry, init.size), (foreign.entry, foreign.size), "{name}");
        // ffmpeg writes 2 channels for all of Dolby's (ETSI TS 102 366 §F.3 lets readers ignore it).
        assert_eq!(init.sample_rate, foreign.sample_rate, "{name}");
        let handler = if codec.kind() == MediaKind::Video { *b"vide" } else { *b"soun" };
        assert_eq!(init.handler.0, handler, "{name}");
    }
}

#[test]
fn configurations_come_out_as_they_went_in() {
    for (name, kind) in [
        ("ac3", b"dac3"),
        ("av1", b"av1C"),
        ("av1-pq", b"av1C"),
        ("eac3", b"dec3"),
        ("hevc", b"hvcC"),
        ("hevc-pq", b"hvcC"),
        ("opus", b"dOps"),
    ] {
        let body = |bytes: &[u8]| {
            let mut found = None;
            scan(bytes, Strictness::Tolerant, &mut |header| {
                if header.is(kind) {
                    found = Some(bytes[header.body..header.end].to_vec());
                }
            })
            .expect("boxes");
            found.expect("a configuration")
        };
        assert_eq!(
            body(&ours(&codec(name))),
            body(&fixture(&format!("{name}.init.mp4"))),
            "{name}"
        );
    }
}

fn atom(codec: &Codec) -> mp4_atom::Codec {
    let bytes = ours(codec);
    let mut rest = bytes.as_ref();
    mp4_atom::Ftyp::decode(&mut rest).expect("an ftyp");
    let moov = mp4_atom::Moov::decode(&mut rest).expect("a moov");
    moov.trak[0].mdia.minf.stbl.stsd.codecs[0].clone()
}

#[test]
fn mp4_atom_agrees_with_every_codec() {
    let mp4_atom::Codec::Hvc1(hvc1) = atom(&codec("hevc-pq")) else { panic!("an hvc1") };
    assert_eq!((hvc1.visual.width, hvc1.visual.height), (320, 180));
    assert_eq!((hvc1.hvcc.general_profile_idc, hvc1.hvcc.general_level_idc), (2, 60));
    assert_eq!((hvc1.hvcc.bit_depth_luma_minus8, hvc1.hvcc.length_size_minus_one), (2, 3));
    let pasp = hvc1.pasp.expect("pixels are not square");
    assert_eq!((pasp.h_spacing, pasp.v_spacing), (4, 3));
    let nclx = mp4_atom::Colr::Nclx {
        colour_primaries: 9,
        transfer_characteristics: 16,
        matrix_coefficients: 9,
        full_range_flag: false,
    };
    assert_eq!(hvc1.colr, Some(nclx));
    let mp4_atom::Codec::Av01(av01) = atom(&codec("av1")) else { panic!("an av01") };
    assert_eq!((av01.visual.width, av01.av1c.seq_profile), (318, 0));
    let mp4_atom::Codec::Ac3(ac3) = atom(&codec("ac3")) else { panic!("an ac-3") };
    assert_eq!((ac3.audio.channel_count, ac3.dac3.acmod, ac3.dac3.lfeon), (6, 7, true));
    let mp4_atom::Codec::Eac3(eac3) = atom(&codec("eac3")) else { panic!("an ec-3") };
    assert_eq!((eac3.audio.channel_count, eac3.dec3.data_rate), (6, 192));
    let mp4_atom::Codec::Opus(opus) = atom(&codec("opus")) else { panic!("an Opus") };
    assert_eq!((opus.dops.output_channel_count, opus.dops.pre_skip), (2, 312));
}

#[test]
fn in_band_entries_keep_their_names_and_all_their_sets() {
    let Codec::Hevc(mut hevc) = codec("hevc") else { panic!("HEVC") };
    hevc.in_band = true;
    let Codec::Avc(mut avc) = high() else { panic!("H.264") };
    avc.entry.in_band = true;
    avc.entry.more_sps = vec![Bytes::from_static(WIDE_SPS)];
    avc.entry.colour = Some(Colour { primaries: 1, transfer: 1, matrix: 1, full_range: true });
    for (codec, entry, string) in
        [(Codec::Hevc(hevc), b"hev1", "hev1.1.6.L60.90"), (Codec::Avc(avc), b"avc3", "avc3.64000b")]
    {
        let init = parse_init(&ours(&codec), Strictness::Strict).expect("our own init");
        assert_eq!((init.entry.0, init.codec.as_ref()), (*entry, Some(&codec)));
        assert_eq!(codec.rfc6381(), string);
    }
}

#[test]
fn he_aac_is_written_with_what_comes_out_of_a_decoder() {
    let aac = AacConfig::from_asc(&[0x2b, 0x11, 0x88, 0x00]).expect("HE-AAC");
    let init = parse_init(&ours(&Codec::Aac(aac.clone())), Strictness::Strict).expect("our own");
    assert_eq!((init.sample_rate, init.channels), (Some(48_000), Some(2)));
    assert_eq!(init.codec, Some(Codec::Aac(aac)));
    let low = Codec::MpegAudio(MpegAudioConfig::from_entry(1, 22_050).expect("MPEG-2"));
    let init = parse_init(&ours(&low), Strictness::Strict).expect("our own");
    assert_eq!((init.codec, low.rfc6381().as_str()), (Some(low.clone()), "mp4a.69"));
}

#[test]
fn settings_we_do_not_carry_are_refused_with_their_box() {
    for (name, kind, at, value, text) in [
        ("hevc", b"hvcC", 0, 2, "hvcC has configurationVersion 2; 1 is supported"),
        ("hevc", b"hvcC", 21, 0x0c, "HEVC NAL unit lengths have 1 bytes; 4 are supported"),
        ("av1", b"av1C", 0, 1, "av1C has marker and version 0x01; 0x81 is supported"),
        ("opus", b"dOps", 0, 1, "dOps has version 1; 0 is supported"),
        (
            "ac3",
            b"dac3",
            0,
            0xd0,
            "AC-3 sampling rate code 3 is not supported; 0 to 2 are (48, 44.1 and 32 kHz)",
        ),
    ] {
        let mut bytes = fixture(&format!("{name}.init.mp4"));
        let body = bytes.windows(4).position(|name| name == kind).expect("the box") + 4;
        bytes[body + at] = value;
        let why = parse_init(&bytes, Strictness::Tolerant).expect_err("not carried");
        let kind = FourCc(*kind);
        assert_eq!(why.to_string(), format!("box '{kind}' at byte {}: {text}", body - 8));
    }
}

#[test]
fn media_brands_are_claimed_where_settings_prove_them() {
    let brand = |codec: &Codec| {
        let ftyp = mp4_atom::Ftyp::decode(&mut ours(codec).as_ref()).expect("an ftyp");
        ftyp.compatible_brands.last().map(ToString::to_string).expect("brands")
    };
    let brands = NAMES.map(|name| brand(&codec(name)));
    assert_eq!(brands, ["cmf2", "av01", "av01", "cmf2", "chhd", "chd1", "cmf2", "cmf2"]);
}

#[test]
fn the_text_of_every_configuration_is_as_agreed() {
    let text: String = NAMES.iter().map(|name| dump(&entry_of(&ours(&codec(name))))).collect();
    golden("sample-entries.txt", &text);
}

/// The sample entry of an initialization segment.
fn entry_of(bytes: &[u8]) -> Vec<u8> {
    let mut entry = Vec::new();
    scan(bytes, Strictness::Strict, &mut |header| {
        if header.is(b"stsd") {
            entry = bytes[header.body + 8..header.end].to_vec();
        }
    })
    .expect("boxes");
    entry
}

#[test]
fn ac3_of_a_stream_has_the_box_of_its_frames() {
    let unit = &fixture("eac3.frames")[..256];
    let made = Ac3Config::from_access_unit(unit).expect("a frame");
    let init = parse_init(&ours(&Codec::Ac3(made.clone())), Strictness::Strict).expect("our own");
    assert_eq!(init.codec, Some(Codec::Ac3(made)));
}

proptest! {
    #[test]
    fn no_mutation_of_any_codec_is_too_much_for_the_readers(
        which in 0..NAMES.len(),
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut bytes = fixture(&format!("{}.init.mp4", NAMES[which]));
        for (at, value) in edits {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        fuzz_boxes(&bytes);
        fuzz_boxes(&bytes[..cut.index(bytes.len())]);
    }
}
