//! Every body over its corpus, `fixtures/fuzz/{body}`, over fixtures of its kind, and over mutations
//! of both. What a fuzzer finds becomes a file of the corpus.

use std::fs;
use std::hash::{BuildHasher, RandomState};
use std::path::Path;

use proptest::prelude::*;

use super::{
    channel, config, directives, isobmff, mpd, pes, playlist, rtmp_amf, rtmp_chunks, rtmp_tags,
    transport_stream, url,
};

/// The files of folders below `fixtures`, by name.
fn corpus(folders: &[&str]) -> Vec<Vec<u8>> {
    let mut paths = Vec::new();
    for folder in folders {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
        let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{folder:?}: {error}"));
        paths.extend(entries.map(|entry| entry.unwrap().path()).filter(|path| path.is_file()));
    }
    paths.sort();
    paths.iter().map(|path| fs::read(path).unwrap()).collect()
}

/// Chance, the same every time.
fn next(state: &mut u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state
}

/// Changes, removes, repeats and joins.
fn mutated(input: &[u8], other: &[u8], state: &mut u64) -> Vec<u8> {
    let mut bytes = input.to_vec();
    for _ in 0..=next(state) % 4 {
        let at = next(state) as usize % (bytes.len() + 1);
        let length = (next(state) % 16) as usize;
        let end = (at + length).min(bytes.len());
        match next(state) % 6 {
            0 => drop(bytes.drain(at..end)),
            1 => {
                let piece = bytes[at..end].to_vec();
                bytes.splice(at..at, piece);
            }
            2 => {
                let from = next(state) as usize % (other.len() + 1);
                let piece = &other[from..(from + 4 * length).min(other.len())];
                bytes.splice(at..at, piece.iter().copied());
            }
            3 => bytes.truncate(at),
            _ => {
                let value = next(state) as u8;
                bytes[at..end].iter_mut().take(2).for_each(|byte| *byte = value);
            }
        }
    }
    bytes
}

/// Each input as it is, and so many times changed.
fn drive(body: fn(&[u8]), folders: &[&str], times: usize) {
    let inputs = corpus(folders);
    assert!(!inputs.is_empty(), "{folders:?} are empty");
    // The full tier has the time for more, each time others.
    let full = std::env::var("HEADWATER_FULL").is_ok_and(|v| v == "1");
    let (times, mut state) = if full {
        (times * 50, RandomState::new().hash_one(0_u8) | 1)
    } else {
        (times, 0x9e37_79b9_7f4a_7c15)
    };
    println!("chance begins at {state}");
    for (n, input) in inputs.iter().enumerate() {
        body(input);
        let other = &inputs[(n + 1) % inputs.len()];
        let mut last = input.clone();
        for _ in 0..times {
            // Now and then a change of a change.
            let from = if next(&mut state).is_multiple_of(3) { &last } else { input };
            let changed = mutated(from, other, &mut state);
            body(&changed);
            last = changed;
        }
    }
}

#[test]
fn transport_streams_do_no_harm() {
    drive(transport_stream, &["fixtures/ts"], 2);
}

#[test]
fn pes_packets_do_no_harm() {
    drive(pes, &["fixtures/fuzz/pes", "fixtures/ts"], 40);
}

#[test]
fn boxes_do_no_harm() {
    drive(isobmff, &["fixtures/fuzz/isobmff"], 500);
}

#[test]
fn playlists_do_no_harm() {
    drive(playlist, &["fixtures/fuzz/playlist"], 300);
}

#[test]
fn mpds_do_no_harm() {
    drive(mpd, &["fixtures/fuzz/mpd"], 300);
}

#[test]
fn rtmp_connections_do_no_harm() {
    drive(rtmp_chunks, &["fixtures/fuzz/rtmp_chunks"], 300);
}

#[test]
fn rtmp_values_do_no_harm() {
    drive(rtmp_amf, &["fixtures/fuzz/rtmp_amf"], 1000);
}

#[test]
fn rtmp_tags_do_no_harm() {
    drive(rtmp_tags, &["fixtures/fuzz/rtmp_tags"], 1000);
}

#[test]
fn urls_do_no_harm() {
    drive(url, &["fixtures/fuzz/url"], 2000);
}

#[test]
fn directives_do_no_harm() {
    drive(directives, &["fixtures/fuzz/directives"], 2000);
}

#[test]
fn configurations_do_no_harm() {
    drive(config, &["fixtures/fuzz/config", "config"], 150);
}

#[test]
fn sequences_of_operations_do_no_harm() {
    drive(channel, &["fixtures/fuzz/channel"], 60);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_do_no_harm(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        for body in [
            transport_stream, pes, isobmff, playlist, mpd, url, directives, config, channel,
            rtmp_chunks, rtmp_amf, rtmp_tags,
        ] {
            body(&bytes);
        }
    }
}
