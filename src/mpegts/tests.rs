//! The demultiplexer over real encoders' streams, streams put together by hand, and garbage.

#![allow(clippy::panic, clippy::unwrap_used, reason = "a test may panic")]

mod any_bytes;
mod audio;
mod codecs;
mod packets;
mod tables;
mod video;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use super::build::{self, Mux};
use super::{Demuxer, DemuxerLimits, Event, Fault, LeftOut, fuzz_demuxer};
use crate::media::{Codec, MediaKind, Sample, TrackId, TrackInfo, VariantName};
use crate::units::FrameRate;

const FIXTURES: [&str; 8] = [
    "audio-441",
    "bframes-25",
    "bframes-2997",
    "bframes-30",
    "codecs",
    "two-languages",
    "two-programs",
    "wrap",
];

fn fixture(file: &str) -> Vec<u8> {
    fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/ts").join(file)).unwrap()
}

fn demuxer() -> Demuxer {
    Demuxer::new(VariantName::default(), DemuxerLimits::default())
}

fn drain(demuxer: &mut Demuxer) -> Vec<Event> {
    std::iter::from_fn(|| demuxer.poll_event()).collect()
}

/// The events of one body, pushed in pieces.
fn demux(bytes: &[u8], piece: usize) -> Vec<Event> {
    let mut demuxer = demuxer();
    bytes.chunks(piece).for_each(|piece| demuxer.push(piece));
    demuxer.end_of_body();
    drain(&mut demuxer)
}

fn samples(events: &[Event], pid: u32) -> Vec<&Sample> {
    let of_pid = |event| match event {
        &Event::Sample(TrackId(id), ref sample) if id == pid => Some(sample),
        _ => None,
    };
    events.iter().filter_map(of_pid).collect()
}

fn tracks(events: &[Event]) -> Vec<&TrackInfo> {
    events
        .iter()
        .filter_map(|e| if let Event::Track(track) = e { Some(track) } else { None })
        .collect()
}

fn faults(events: &[Event]) -> Vec<&'static str> {
    events
        .iter()
        .filter_map(|e| if let Event::Fault(f) = e { Some(f.name()) } else { None })
        .collect()
}

fn times(events: &[Event], pid: u32) -> Vec<(i64, i64)> {
    samples(events, pid).iter().map(|sample| (sample.pts, sample.dts)).collect()
}

/// NAL units behind start codes.
fn annexb(units: &[&[u8]]) -> Vec<u8> {
    units.iter().flat_map(|unit| [&[0, 0, 0, 1], *unit].concat()).collect()
}

/// The parameter sets of a fixture, whose frames last 3,600 ticks.
fn sets(name: &str) -> (Vec<u8>, Vec<u8>) {
    let events = demux(&fixture(name), 1 << 20);
    let mut codecs = tracks(&events).into_iter().map(|track| track.codec.clone());
    let avc = codecs.find_map(|c| if let Codec::Avc(avc) = c { Some(avc) } else { None });
    let avc = avc.unwrap();
    (avc.sps.to_vec(), avc.pps[0].to_vec())
}

const AUD: &[u8] = &[9, 0xf0];
const IDR: &[u8] = &[0x65, 0x88, 0x80];
const SLICE: &[u8] = &[0x41, 0x9a, 0x80];

/// AAC LC, 48 kHz, stereo: a frame of `length` bytes with its header.
fn adts(length: usize, fill: u8) -> Vec<u8> {
    let mut frame = vec![0xff, 0xf1, 0x4c, 0x80, 0, 0x1f, 0xfc];
    frame[3] |= (length >> 11) as u8 & 3;
    frame[4] = (length >> 3) as u8;
    frame[5] |= (length << 5) as u8;
    frame.resize(length, fill);
    frame
}
