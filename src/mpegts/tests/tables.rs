//! Programme tables (ISO/IEC 13818-1 §2.4.4): what they announce, change and get wrong.

use super::*;

#[test]
fn languages_come_from_the_map() {
    let events = demux(&fixture("two-languages.ts"), 1 << 20);
    let languages: Vec<_> = tracks(&events).iter().map(|t| t.language.as_str()).collect();
    assert_eq!(languages, ["und", "eng", "fra"]);
    assert!(tracks(&events).iter().all(|track| track.variant.as_str().is_empty()));
}

#[test]
fn two_programmes_are_two_rungs() {
    let events = demux(&fixture("two-programs.ts"), 1 << 20);
    let mut rungs: Vec<_> = tracks(&events).iter().map(|t| (t.id.0, t.variant.as_str())).collect();
    rungs.sort_unstable();
    assert_eq!(rungs, [(0x100, "p1"), (0x101, "p1"), (0x102, "p2"), (0x103, "p2")]);
}

#[test]
fn tables_and_settings_last_from_body_to_body() {
    let bytes = fixture("bframes-25.ts");
    let whole = demux(&bytes, 1 << 20);
    let mut demuxer = demuxer();
    let mut events = Vec::new();
    // A PES packet without a length ends with its body, so bodies are cut where frames begin.
    let starts =
        (188..bytes.len()).step_by(188).filter(|at| bytes[at + 1] == 0x41 && bytes[at + 2] == 0);
    let cuts: Vec<usize> = [0].into_iter().chain(starts.step_by(40)).chain([bytes.len()]).collect();
    for pair in cuts.windows(2) {
        demuxer.push(&bytes[pair[0]..pair[1]]);
        demuxer.end_of_body();
        events.extend(drain(&mut demuxer));
    }
    assert_eq!(tracks(&events).len(), 2);
    assert_eq!(times(&events, 0x100), times(&whole, 0x100));
}

#[test]
fn what_is_not_carried_on_is_reported_once() {
    let streams: &[(u8, u16, &[u8])] =
        &[(0x02, 300, &[]), (0x11, 301, &[]), (0x06, 302, b"\x05\x04Opus")];
    let mut mux = Mux::with_streams(streams);
    mux.section(4096, &build::pmt(1, streams));
    mux.section(4096, &build::pmt(1, &[streams[0], (0x06, 303, &[])]));
    let left = |pid, stream_type, name| Event::LeftOut(LeftOut { pid, stream_type, name });
    assert_eq!(
        demux(&mux.bytes, 188),
        [
            left(300, 0x02, Some("MPEG-2 video")),
            left(301, 0x11, Some("AAC in LATM")),
            left(302, 0x06, Some("Opus")),
            left(303, 0x06, None)
        ]
    );
    let sentence = LeftOut { pid: 302, stream_type: 6, name: Some("Opus") }.to_string();
    assert_eq!(
        sentence,
        "elementary stream 302 of type 0x06 (Opus) is not carried from a transport stream: H.264, HEVC, AAC in ADTS, AC-3, Enhanced AC-3 and MP3 are"
    );
}

#[test]
fn programmes_come_and_go_with_the_pat() {
    let (sps, pps) = sets("bframes-25.ts");
    let units = annexb(&[&sps, &pps, IDR]);
    let mut mux = Mux::with_streams(&[(0x1b, 256, &[])]);
    mux.pes(256, &build::pes(0, None, &units, 0));
    mux.section(0, &build::pat(1, &[(1, 4096), (2, 4097)]));
    mux.section(4097, &build::pmt(2, &[(0x1b, 512, &[])]));
    mux.pes(512, &build::pes(0, None, &units, 0));
    mux.pes(256, &build::pes(3_600, None, &units, 0));
    mux.section(0, &build::pat(2, &[(2, 4097)]));
    mux.pes(256, &build::pes(7_200, None, &units, 0));
    mux.pes(512, &build::pes(3_600, None, &units, 0));
    let events = demux(&mux.bytes, 188);
    let named: Vec<_> = tracks(&events).iter().map(|t| (t.id.0, t.variant.as_str())).collect();
    // Frames end when the next begins: the last ones are given under the newest name.
    assert_eq!(named, [(256, "p1"), (512, "")]);
    assert_eq!(samples(&events, 256).len(), 2);
    assert_eq!(samples(&events, 512).len(), 2);
}

#[test]
fn limits_on_programmes_and_streams_hold() {
    let limits = DemuxerLimits { programs: 2, streams: 1, ..DemuxerLimits::default() };
    let mut demuxer = Demuxer::new(VariantName::default(), limits);
    let mut mux = Mux::default();
    mux.section(0, &build::pat(0, &[(1, 4096), (2, 4097), (3, 4098)]));
    mux.section(4096, &build::pmt(1, &[(0x1b, 256, &[]), (0x0f, 257, &[])]));
    mux.section(4098, &build::pmt(3, &[(0x1b, 258, &[])]));
    demuxer.push(&mux.bytes);
    demuxer.end_of_body();
    assert_eq!(faults(&drain(&mut demuxer)), ["too_many_programs", "too_many_streams"]);
}

#[test]
fn a_table_whose_counter_stands_still_is_no_fault_and_its_changes_are_seen() {
    let mut mux = Mux::default();
    mux.section(0, &build::pat(0, &[(1, 4096)]));
    for stream_type in [0x02, 0x02, 0x02, 0x02, 0x99] {
        mux.section(4096, &build::pmt(1, &[(stream_type, 256, &[])]));
        mux.last()[3] = 0x10;
    }
    let left = |stream_type, name| Event::LeftOut(LeftOut { pid: 256, stream_type, name });
    let all = [left(0x02, Some("MPEG-2 video")), left(0x99, None)];
    assert_eq!(demux(&mux.bytes, 188), all);
}

#[test]
fn a_wrong_checksum_is_reported_and_the_table_ignored() {
    let mut mux = Mux::with_streams(&[]);
    let mut pmt = build::pmt(1, &[(0x24, 256, &[])]);
    pmt[13] ^= 1;
    mux.section(4096, &pmt);
    assert_eq!(faults(&demux(&mux.bytes, 188)), ["psi_checksum"]);
}
