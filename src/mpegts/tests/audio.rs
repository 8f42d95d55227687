//! Sound in ADTS (ISO/IEC 14496-3 §1.A.3): frames and their times.

use super::*;

#[test]
fn the_time_is_that_of_the_first_audio_frame_to_start_in_a_packet() {
    let frames: Vec<Vec<u8>> = (0..6).map(|n| adts(50, n)).collect();
    let stream = frames.concat();
    let mut mux = Mux::with_streams(&[(0x0f, 257, b"\x0a\x04deu\x00")]);
    // Cut inside the third frame's header: that frame still belongs to the first time.
    mux.pes(257, &build::pes(9_000, None, &stream[..103], 103));
    mux.pes(257, &build::pes(20_000, None, &stream[103..220], 117));
    mux.pes(257, &build::pes_untimed(&stream[220..]));
    let events = demux(&mux.bytes, 188);
    // 1,024 samples at 48 kHz are 1,920 ticks; the fourth frame starts in the second PES packet.
    let pts: Vec<i64> = times(&events, 257).iter().map(|(pts, _)| *pts).collect();
    assert_eq!(pts, [9_000, 10_920, 12_840, 20_000, 21_920, 23_840]);
    assert_eq!(samples(&events, 257)[2].data, vec![2; 43]);
    assert_eq!(tracks(&events)[0].language.as_str(), "deu");
    assert_eq!(faults(&events), ["no_pts"]);
}

#[test]
fn audio_after_a_loss_waits_for_a_time_of_its_own() {
    let mut mux = Mux::with_streams(&[(0x0f, 257, &[])]);
    mux.pes(257, &build::pes(9_000, None, &adts(100, 1).repeat(3), 300));
    mux.lose_packet(257);
    mux.pes(257, &build::pes_untimed(&adts(100, 2).repeat(2)));
    mux.pes(257, &build::pes(50_000, None, &adts(100, 3).repeat(2), 200));
    let events = demux(&mux.bytes, 188);
    let pts: Vec<i64> = times(&events, 257).iter().map(|(pts, _)| *pts).collect();
    assert_eq!(pts, [9_000, 10_920, 12_840, 50_000, 51_920]);
    assert_eq!(faults(&events), ["continuity_broken", "no_pts"]);
}

#[test]
fn what_only_looks_like_a_header_does_not_change_the_track() {
    let mut mux = Mux::with_streams(&[(0x0f, 257, &[])]);
    let mut other_rate = adts(20, 0xaa);
    other_rate[2] = 0x50;
    let payload = [adts(40, 1), adts(40, 2), other_rate, adts(40, 3)].concat();
    mux.pes(257, &build::pes(9_000, None, &payload, payload.len() as u16));
    mux.pes(257, &build::pes(30_000, None, &adts(40, 4), 40));
    let events = demux(&mux.bytes, 188);
    assert_eq!(tracks(&events).len(), 1);
    assert_eq!(faults(&events), ["audio_unconfirmed"]);
    let last: Vec<i64> = times(&events, 257).iter().map(|(pts, _)| *pts).collect();
    assert_eq!(last, [9_000, 10_920, 30_000]);
}
