//! CMAF tracks for the ingest tests, as an encoder sends them whose clock counts from the epoch.

use crate::ts::push;
use crate::world::World;

macro_rules! fixture {
    ($name:literal) => {
        include_bytes!(concat!("../../fixtures/segments/", $name)).as_slice()
    };
}

const VIDEO: &str = "Streams(v.cmfv)";
const AUDIO: &str = "Streams(a.cmfa)";
const VIDEO_TICKS: u64 = 12_800;
const AUDIO_TICKS: u64 = 48_000;
/// Ticks of a chunk of sound: 24 frames.
const AUDIO_CHUNK: u64 = 24 * 1024;

/// The header of a CMAF file and its chunks; what else stands between them is left out.
pub(crate) fn cut(file: &[u8]) -> (Vec<u8>, Vec<Vec<u8>>) {
    let (mut header, mut chunks, mut moof) = (Vec::new(), Vec::new(), 0);
    let mut at = 0;
    while at < file.len() {
        let size = u32::from_be_bytes(file[at..at + 4].try_into().unwrap()) as usize;
        match &file[at + 4..at + 8] {
            b"moov" => header = file[..at + size].to_vec(),
            b"moof" => moof = at,
            b"mdat" => chunks.push(file[moof..at + size].to_vec()),
            _ => {}
        }
        at += size;
    }
    (header, chunks)
}

/// Where a chunk's decode time stands, in 64 bits.
pub(crate) fn decode_time(chunk: &mut [u8]) -> &mut [u8; 8] {
    let tfdt = chunk.windows(4).position(|w| w == b"tfdt").expect("a decode time") + 4;
    assert_eq!(chunk[tfdt], 1, "a decode time of 64 bits");
    (&mut chunk[tfdt + 4..tfdt + 12]).try_into().expect("eight bytes")
}

/// The chunk at another decode time.
pub(crate) fn moved(chunk: &[u8], time: u64) -> Vec<u8> {
    let mut chunk = chunk.to_vec();
    *decode_time(&mut chunk) = time.to_be_bytes();
    chunk
}

/// Which picture an encoder sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Picture {
    /// 160x90, a chunk a second.
    Large,
    /// 96x54, a chunk each two seconds, its times moved by an edit list.
    Small,
}

/// What is pushed of a second: tracks, and a body for each.
pub(crate) type Bodies = Vec<(&'static str, Vec<u8>)>;

/// An encoder: what it sends is a function of the time alone, so that two of it, or one that
/// starts anew, send the same.
#[derive(Debug)]
pub(crate) struct Encoder {
    large: (Vec<u8>, Vec<Vec<u8>>),
    small: (Vec<u8>, Vec<Vec<u8>>),
    audio: (Vec<u8>, Vec<Vec<u8>>),
}

impl Encoder {
    pub(crate) fn new() -> Self {
        let small = [
            fixture!("dash/chunk-stream1-00001.m4s"),
            fixture!("dash/chunk-stream1-00002.m4s"),
            fixture!("dash/chunk-stream1-00003.m4s"),
        ];
        let mut audio = cut(fixture!("cmaf/a.cmfa"));
        // The last is shorter.
        audio.1.pop();
        Encoder {
            large: cut(fixture!("cmaf/v.cmfv")),
            small: (
                fixture!("dash/init-stream1.m4s").to_vec(),
                small.iter().flat_map(|file| cut(file).1).collect(),
            ),
            audio,
        }
    }

    /// The headers, each a body of its own.
    pub(crate) fn headers(&self, picture: Picture) -> Bodies {
        vec![(VIDEO, self.picture(picture).0.clone()), (AUDIO, self.audio.0.clone())]
    }

    /// The chunks that are whole at the end of a second since the epoch.
    pub(crate) fn second(&self, picture: Picture, second: u64) -> Bodies {
        let mut bodies = self.video(picture, second);
        bodies.extend(self.sound(second));
        bodies
    }

    /// Those of the picture.
    pub(crate) fn video(&self, picture: Picture, second: u64) -> Bodies {
        let length = if picture == Picture::Large { 1 } else { 2 };
        if !(second + 1).is_multiple_of(length) {
            return Vec::new();
        }
        let (chunks, nth) = (&self.picture(picture).1, (second + 1) / length - 1);
        let chunk = &chunks[usize::try_from(nth).unwrap() % chunks.len()];
        vec![(VIDEO, moved(chunk, nth * length * VIDEO_TICKS))]
    }

    /// Those of the sound.
    pub(crate) fn sound(&self, second: u64) -> Bodies {
        let chunks = &self.audio.1;
        let whole = |end: u64| end * AUDIO_TICKS / AUDIO_CHUNK;
        let nths = whole(second)..whole(second + 1);
        let bodies = nths.map(|nth| {
            let chunk = &chunks[usize::try_from(nth).unwrap() % chunks.len()];
            (AUDIO, moved(chunk, nth * AUDIO_CHUNK))
        });
        bodies.collect()
    }

    fn picture(&self, picture: Picture) -> &(Vec<u8>, Vec<Vec<u8>>) {
        match picture {
            Picture::Large => &self.large,
            Picture::Small => &self.small,
        }
    }
}

/// Sends each body to an input of the channel `c`, one after the other.
pub(crate) async fn send(world: &World, input: u32, bodies: &Bodies) {
    for (track, body) in bodies {
        let path = format!("/v1/g/{input}/c/{track}");
        let reply = push(world, &path, body).await;
        assert_eq!(reply.status, 200, "{path}: {}", reply.text());
    }
}
