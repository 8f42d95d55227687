//! Packets (ISO/IEC 13818-1 §2.4.3): times, losses, duplicates, damage.

use super::*;

#[test]
fn a_wrap_goes_on_beyond_33_bits_on_every_track() {
    let events = demux(&fixture("wrap.ts"), 1 << 20);
    for pid in [0x100, 0x101] {
        let times = times(&events, pid);
        assert!(times.first().unwrap().1 < 1 << 33 && times.last().unwrap().1 > 1 << 33);
    }
}

#[test]
fn a_reference_of_another_stream_decides_the_turn() {
    let mut demuxer = demuxer();
    demuxer.set_reference(7 << 33);
    demuxer.push(&fixture("bframes-25.ts"));
    assert_eq!(times(&drain(&mut demuxer), 0x100)[0].1, (7 << 33) + 126_000);
    assert!(demuxer.reference().unwrap() > (7 << 33) + 126_000);
}

#[test]
fn a_lost_packet_costs_the_frame_it_belonged_to() {
    let bytes = fixture("bframes-25.ts");
    let whole = demux(&bytes, 1 << 20);
    let lost = (0..bytes.len() / 188)
        .filter(|n| bytes[n * 188 + 1..n * 188 + 3] == [0x01, 0x00])
        .nth(100)
        .unwrap();
    let mut damaged = bytes.clone();
    damaged.drain(lost * 188..(lost + 1) * 188);
    let events = demux(&damaged, 1000);
    assert_eq!(faults(&events), ["continuity_broken"]);
    assert_eq!(samples(&events, 0x100).len(), samples(&whole, 0x100).len() - 1);
    assert_eq!(samples(&events, 0x101), samples(&whole, 0x101));
}

#[test]
fn duplicates_change_nothing() {
    let bytes = fixture("bframes-25.ts");
    let doubled: Vec<u8> = bytes.chunks(188).flat_map(|p| [p, p].concat()).collect();
    assert_eq!(demux(&doubled, 999), demux(&bytes, 999));
}

#[test]
fn garbage_inside_a_frame_costs_that_frame() {
    let bytes = fixture("bframes-25.ts");
    let whole = demux(&bytes, 1 << 20);
    let mut garbled = bytes;
    let inside = 300 * 188 + 90;
    garbled.splice(inside..inside, [0x33; 50]);
    let events = demux(&garbled, 700);
    assert_eq!(faults(&events)[0], "sync_lost");
    let (before, after) = (samples(&whole, 0x100), samples(&events, 0x100));
    assert!(after.len() + 1 >= before.len());
    assert!(after.iter().all(|sample| before.contains(sample)));
}

#[test]
fn packets_of_192_and_204_bytes_are_refused_by_name() {
    let bytes = fixture("bframes-25.ts");
    for (before, after, size) in [(4, 0, 192), (0, 16, 204)] {
        let foreign: Vec<u8> = bytes
            .chunks(188)
            .flat_map(|p| [&vec![1; before], p, &vec![2; after]].concat())
            .collect();
        assert_eq!(demux(&foreign, 5000), [Event::Fault(Fault::PacketSize(size))]);
    }
}

#[test]
fn a_frame_beyond_the_limit_is_left_out() {
    let (sps, pps) = sets("bframes-25.ts");
    let mut mux = Mux::with_streams(&[(0x1b, 256, &[])]);
    let long = [IDR, &[0x55; 5000]].concat();
    for (n, slice) in [IDR, &long, IDR].iter().enumerate() {
        let units = annexb(&[&sps, &pps, slice]);
        mux.pes(256, &build::pes(3_600 * n as u64, None, &units, 0));
    }
    let limits = DemuxerLimits { pes_bytes: 4000, ..DemuxerLimits::default() };
    let mut demuxer = Demuxer::new(VariantName::default(), limits);
    demuxer.push(&mux.bytes);
    demuxer.end_of_body();
    let events = drain(&mut demuxer);
    assert_eq!(faults(&events), ["pes_too_long"]);
    assert_eq!(times(&events, 256), [(0, 0), (7_200, 7_200)]);
}

#[test]
fn damaged_and_scrambled_packets_are_reported() {
    let (sps, pps) = sets("bframes-25.ts");
    let mut mux = Mux::with_streams(&[(0x1b, 256, &[])]);
    let units = annexb(&[&sps, &pps, IDR]);
    mux.pes(256, &build::pes(0, None, &units, 0));
    for n in 1..3 {
        mux.pes(256, &build::pes(3_600 * n, None, &units, 0));
        mux.last()[3] |= 0x80;
    }
    mux.pes(256, &build::pes(10_800, None, &units, 0));
    mux.pes(256, &build::pes(14_400, None, &units, 0));
    mux.last()[1] |= 0x80;
    mux.pes(256, &build::pes(18_000, None, &units, 0));
    let events = demux(&mux.bytes, 188);
    assert_eq!(faults(&events), ["scrambled", "transport_error", "continuity_broken"]);
    assert_eq!(times(&events, 256), [(18_000, 18_000)]);
}

#[test]
fn an_announced_discontinuity_is_no_fault() {
    let (sps, pps) = sets("bframes-25.ts");
    let units = annexb(&[&sps, &pps, IDR]);
    let mut mux = Mux::with_streams(&[(0x1b, 256, &[])]);
    mux.pes(256, &build::pes(0, None, &units, 0));
    mux.lose_packet(256);
    mux.pes(256, &build::pes(900_000, None, &units, 0));
    mux.last()[5] |= 0x80;
    let events = demux(&mux.bytes, 188);
    assert_eq!(faults(&events), [""; 0]);
    assert_eq!(times(&events, 256), [(0, 0), (900_000, 900_000)]);
}
