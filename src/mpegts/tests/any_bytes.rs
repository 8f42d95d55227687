//! Any split, any corruption and foreign files.

use std::path::PathBuf;

use proptest::prelude::*;

use super::*;

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn any_split_gives_the_same_events(
        name in prop::sample::select(&FIXTURES[..]),
        cuts in prop::collection::vec(1_usize..3000, 1..8),
        flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        holes in prop::collection::vec((any::<prop::sample::Index>(), 1_usize..400), 0..3),
    ) {
        let mut bytes = fixture(&format!("{name}.ts"));
        bytes.truncate(60_000);
        for (at, value) in flips {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        for (at, length) in holes {
            let at = at.index(bytes.len());
            bytes.drain(at..(at + length).min(bytes.len()));
        }
        let mut demuxer = demuxer();
        let mut rest = &bytes[..];
        for cut in cuts.iter().cycle() {
            let (piece, after) = rest.split_at((*cut).min(rest.len()));
            demuxer.push(piece);
            rest = after;
            if rest.is_empty() {
                break;
            }
        }
        demuxer.end_of_body();
        prop_assert_eq!(drain(&mut demuxer), demux(&bytes, usize::MAX));
    }

    #[test]
    fn corruption_never_panics_and_memory_stays_bounded(
        name in prop::sample::select(&FIXTURES[..]),
        seed in any::<u64>(),
        rate in 1_u64..2000,
    ) {
        let mut bytes = fixture(&format!("{name}.ts"));
        mutate(&mut bytes, seed, rate);
        fuzz_demuxer(&bytes);
    }
}

/// Changes about one byte in `rate`; half of the changes leave sync bytes alone, or all would be
/// lost in framing.
fn mutate(bytes: &mut Vec<u8>, seed: u64, rate: u64) {
    let mut state = seed | 1;
    for (at, byte) in bytes.iter_mut().enumerate() {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        if state.is_multiple_of(rate) && (at % 188 != 0 || state & 1 << 40 != 0) {
            *byte = (state >> 32) as u8;
        }
    }
    bytes.truncate(bytes.len().saturating_sub((state % 188) as usize));
}

#[test]
fn mutated_fixtures_and_foreign_files_do_no_harm() {
    let mut inputs: Vec<Vec<u8>> =
        FIXTURES.iter().map(|name| fixture(&format!("{name}.ts"))).collect();
    if let Some(media) = std::env::var_os("HEADWATER_MEDIA") {
        for folder in ["fuzz", "ts"] {
            files(&Path::new(&media).join(folder), &mut inputs);
        }
        assert!(inputs.len() > FIXTURES.len(), "HEADWATER_MEDIA holds neither fuzz nor ts");
    }
    for (n, input) in inputs.into_iter().enumerate() {
        fuzz_demuxer(&input);
        for seed in 0..3 {
            let mut mutated = input.clone();
            mutate(&mut mutated, seed * 1_000 + n as u64, 10 << (4 * seed));
            fuzz_demuxer(&mutated);
        }
        // Bytes that are no packets, as the payload of every kind of stream.
        for (video, audio) in [(0x1b, 0x0f), (0x24, 0x81), (0x24, 0x03)] {
            let mut mux = Mux::with_streams(&[(video, 256, &[]), (audio, 257, &[])]);
            for part in input.chunks(1500).take(200) {
                mux.pes(256, &build::pes(0, None, part, 0));
                mux.pes(257, &build::pes(0, None, part, 0));
                mux.section(4096, part);
            }
            fuzz_demuxer(&mux.bytes);
        }
    }
}

fn files(folder: &Path, into: &mut Vec<Vec<u8>>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            files(&path, into);
        } else {
            into.push(fs::read(&path).unwrap());
        }
    }
}
