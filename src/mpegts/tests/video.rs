//! Pictures: frames, parameter sets, sync samples (ISO/IEC 14496-10).

use super::*;

#[test]
fn frames_are_the_ones_ffprobe_reads() {
    for name in FIXTURES {
        let events = demux(&fixture(&format!("{name}.ts")), 4096);
        assert_eq!(faults(&events), [""; 0], "{name}");
        let list = String::from_utf8(fixture(&format!("{name}.packets"))).unwrap();
        let mut expected: BTreeMap<u32, Vec<Vec<&str>>> = BTreeMap::new();
        for line in list.lines() {
            let fields: Vec<&str> = line.split(' ').collect();
            let pid = u32::from_str_radix(fields[0].trim_start_matches("0x"), 16).unwrap();
            expected.entry(pid).or_default().push(fields);
        }
        assert_eq!(tracks(&events).len(), expected.len(), "{name}");
        for (pid, lines) in expected {
            let track = tracks(&events).into_iter().find(|t| t.id.0 == pid).unwrap();
            let audio = track.kind() == MediaKind::Audio;
            // ffprobe counts the ADTS header.
            let header = if matches!(track.codec, Codec::Aac(_)) { 7 } else { 0 };
            let got = samples(&events, pid);
            assert_eq!(got.len(), lines.len(), "{name} {pid}");
            for (n, (sample, line)) in got.iter().zip(&lines).enumerate() {
                let near = |time: i64, text: &str| {
                    // ffprobe rounds audio frame by frame; its times wrap.
                    let tolerance = i64::from(audio);
                    let off = time - text.parse::<i64>().unwrap() + tolerance;
                    off.rem_euclid(1 << 33) <= 2 * tolerance
                };
                assert!(near(sample.pts, line[1]), "{name} {pid} {n}: pts {} {line:?}", sample.pts);
                assert!(near(sample.dts, line[2]), "{name} {pid} {n}: dts {} {line:?}", sample.dts);
                assert_eq!(sample.sync, line[3] == "K", "{name} {pid} {n}");
                let size: usize = line[4].parse().unwrap();
                if audio {
                    assert_eq!(sample.data.len(), size - header, "{name} {pid} {n}");
                } else {
                    check_units(sample, &track.codec);
                }
            }
            assert!(got.windows(2).all(|pair| pair[0].dts < pair[1].dts), "{name} {pid}");
        }
    }
}

/// A video sample is NAL units with 4-byte lengths, none of them a parameter set or delimiter.
fn check_units(sample: &Sample, codec: &Codec) {
    let mut rest = &sample.data[..];
    while let Some((length, after)) = rest.split_first_chunk() {
        let (unit, next) = after.split_at(u32::from_be_bytes(*length) as usize);
        let first = unit[0];
        let right = match codec {
            Codec::Hevc(_) => matches!(first >> 1, 0..=31 | 39 | 40),
            _ => matches!(first & 0x1f, 1 | 5 | 6),
        };
        assert!(right, "NAL unit header {first:#04x}");
        rest = next;
    }
    assert!(rest.is_empty());
}

#[test]
fn settings_come_from_the_bitstream() {
    for (name, frames, seconds) in
        [("bframes-25", 25, 1), ("bframes-2997", 30_000, 1001), ("bframes-30", 30, 1)]
    {
        let events = demux(&fixture(&format!("{name}.ts")), 1 << 20);
        let Codec::Avc(avc) = &tracks(&events)[0].codec else { panic!("video leads") };
        assert_eq!((avc.width, avc.height), (320, 180));
        assert_eq!(avc.frame_rate, FrameRate::new(frames, seconds));
        let Codec::Aac(aac) = &tracks(&events)[1].codec else { panic!("audio follows") };
        assert_eq!((aac.sample_rate, aac.channels, aac.object_type), (48_000, 1, 2));
    }
}

#[test]
fn pictures_before_parameter_sets_are_left_out_and_reported_once() {
    let (sps, pps) = sets("bframes-25.ts");
    let mut mux = Mux::with_streams(&[(0x1b, 256, &[])]);
    mux.pes(256, &build::pes(3_600, None, &annexb(&[AUD, SLICE]), 0));
    mux.pes(256, &build::pes(7_200, None, &annexb(&[AUD, &pps, SLICE]), 0));
    mux.pes(256, &build::pes(10_800, None, &annexb(&[AUD, &sps, IDR]), 0));
    mux.pes(256, &build::pes(14_400, None, &annexb(&[AUD, &[12, 0xff], SLICE]), 0));
    let events = demux(&mux.bytes, 188);
    assert_eq!(faults(&events), ["picture_before_parameter_sets"]);
    assert_eq!(times(&events, 256), [(10_800, 10_800), (14_400, 14_400)]);
    assert_eq!(samples(&events, 256)[0].data, [&[0, 0, 0, 3], IDR].concat());
    assert_eq!(samples(&events, 256)[1].data, [&[0, 0, 0, 3], SLICE].concat());
    assert!(samples(&events, 256)[0].sync && !samples(&events, 256)[1].sync);
}

#[test]
fn changed_parameter_sets_announce_the_track_before_the_frame_that_needs_them() {
    let (sps, pps) = sets("bframes-25.ts");
    let (other, other_pps) = sets("bframes-30.ts");
    let mut mux = Mux::with_streams(&[(0x1b, 256, &[])]);
    for (n, (sps, pps)) in [(&sps, &pps), (&sps, &pps), (&other, &other_pps)].iter().enumerate() {
        let units = annexb(&[AUD, sps, pps, IDR]);
        mux.pes(256, &build::pes(3_600 * n as u64, None, &units, 0));
    }
    let events = demux(&mux.bytes, 188);
    let kinds: Vec<bool> = events.iter().map(|e| matches!(e, Event::Track(_))).collect();
    assert_eq!(kinds, [true, false, false, true, false]);
    let Codec::Avc(avc) = &tracks(&events)[1].codec else { panic!("a video") };
    assert_eq!(avc.sps, other);
}

#[test]
fn two_pictures_in_one_packet_are_two_samples_where_the_frame_rate_is_known() {
    let (sps, pps) = sets("bframes-25.ts");
    let mut mux = Mux::with_streams(&[(0x1b, 256, &[])]);
    let units = annexb(&[AUD, &sps, &pps, IDR, AUD, SLICE, SLICE]);
    mux.pes(256, &build::pes(9_000, Some(5_400), &units, 0));
    let events = demux(&mux.bytes, 188);
    assert_eq!(faults(&events), [""; 0]);
    assert_eq!(times(&events, 256), [(9_000, 5_400), (12_600, 9_000)]);
    assert_eq!(samples(&events, 256)[1].data.len(), 14);
}

#[test]
fn broken_parameter_sets_are_reported_once_and_the_earlier_ones_stay() {
    let (sps, pps) = sets("bframes-25.ts");
    let mut mux = Mux::with_streams(&[(0x1b, 256, &[])]);
    mux.pes(256, &build::pes(0, None, &annexb(&[&sps, &pps, IDR]), 0));
    for n in 1..4 {
        let units = annexb(&[&[0x67, 1], &pps, IDR]);
        mux.pes(256, &build::pes(3_600 * n, None, &units, 0));
    }
    let events = demux(&mux.bytes, 188);
    assert_eq!(faults(&events), ["broken_parameter_sets"]);
    assert_eq!((tracks(&events).len(), samples(&events, 256).len()), (1, 4));
}

#[test]
fn open_gops_begin_with_a_sync_sample_too() {
    let events = demux(&fixture("open-gop.ts"), 1000);
    let syncs: Vec<i64> = events
        .iter()
        .filter_map(|event| match event {
            Event::Sample(_, sample) if sample.sync => Some(sample.pts),
            _ => None,
        })
        .collect();
    // A second apart as they are shown, though decoded before the pictures that lead them.
    assert!(syncs.len() == 5 && syncs.windows(2).all(|w| w[1] - w[0] == 90_000), "{syncs:?}");
}
