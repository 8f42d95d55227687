//! Sound against picture: in every container that goes out they lie as their encoder sent them.

use std::collections::BTreeMap;

use headwater::isobmff::{parse_fragment, parse_movie};
use headwater::media::{MediaKind, VariantName};
use headwater::mpegts::{Demuxer, DemuxerLimits, Event};

use crate::cmaf::cut;
use crate::playlist::{Playlist, media_playlists};
use crate::segments::{CMAF, DASH, HLS_FMP4, HLS_TS, ended, push_files};
use crate::ts::BFRAMES_25;
use crate::world::World;

/// 1 CMAF, 2 transport streams of both, 3 the same in parts, 4 each in its own.
const OUT: &str = r#"
[limits]
input_loss = "1s"
[[channel]]
group = "g"
name = "p"
  [[channel.endpoint]]
  name = "cmaf"
  protocol = "HLSDASH_CMAF"
  segment_duration = "1s"
  segment_num = 20
  open = true
  [[channel.endpoint]]
  name = "muxed"
  protocol = "HLS"
  segment_duration = "1s"
  segment_num = 20
  open = true
  [[channel.endpoint]]
  name = "parts"
  protocol = "LLHLS_TS"
  segment_duration = "1s"
  part_duration = "500ms"
  segment_num = 20
  open = true
  [[channel.endpoint]]
  name = "groups"
  protocol = "HLS"
  use_audio_rendition_groups = true
  segment_duration = "1s"
  segment_num = 20
  open = true
"#;
/// Files in the order they are pushed in.
type Push = &'static [(&'static str, &'static [u8])];
/// A frame of sound at 48 kHz, in microseconds.
const FRAME: i64 = 1024 * 1_000_000 / 48_000;

/// When each frame is presented, in microseconds, by its kind and what it holds. Frames that hold
/// the same are told apart by nothing and left out.
#[derive(Debug, Default)]
struct Frames(BTreeMap<(MediaKind, Vec<u8>), Option<i64>>);

impl Frames {
    fn add(&mut self, kind: MediaKind, data: &[u8], ticks: i64, timescale: u32) {
        let micros = i128::from(ticks) * 1_000_000 / i128::from(timescale);
        let micros = i64::try_from(micros).expect("within ages");
        let known = self.0.entry((kind, data.to_vec())).or_insert(Some(micros));
        *known = known.filter(|at| *at == micros);
    }

    fn add_packets(&mut self, bytes: &[u8]) {
        let mut demuxer = Demuxer::new(VariantName::default(), DemuxerLimits::default());
        demuxer.push(bytes);
        demuxer.end_of_body();
        let mut tracks = BTreeMap::new();
        while let Some(event) = demuxer.poll_event() {
            match event {
                Event::Track(info) => drop(tracks.insert(info.id, info)),
                Event::Sample(id, sample) => {
                    let info = &tracks[&id];
                    self.add(info.kind(), &sample.data, sample.pts, info.timescale.get());
                }
                Event::LeftOut(_) | Event::Fault(_) => {}
            }
        }
    }

    /// A header and the chunks it is of.
    fn add_boxes(&mut self, header: &[u8], chunks: &[Vec<u8>]) {
        let tracks = parse_movie(header).expect("a header");
        let edits = edits(header);
        for chunk in chunks {
            let defaults = |id| tracks.iter().find(|t| t.track_id == id).expect("known").defaults;
            for part in parse_fragment(chunk, &defaults).expect("a chunk") {
                let nth = tracks.iter().position(|t| t.track_id == part.track_id).expect("known");
                let kind = tracks[nth].codec.as_ref().expect("carried").kind();
                let timescale = tracks[nth].timescale.get();
                let shift = edits[nth].0 * i64::from(timescale) / 1000 - edits[nth].1;
                let mut dts = part.base_decode_time.expect("tfdt").cast_signed() + shift;
                for sample in &part.samples {
                    let pts = dts + i64::from(sample.composition_offset);
                    let data = &chunk[sample.data.clone()];
                    self.add(kind, data, pts, timescale);
                    dts += i64::from(sample.duration);
                }
            }
        }
    }

    /// Files of a push, each header with the media whose name has the same `stream`.
    fn add_files(&mut self, files: Push) {
        let mut boxes: BTreeMap<&str, (Vec<u8>, Vec<Vec<u8>>)> = BTreeMap::new();
        let mut packets: BTreeMap<&str, Vec<u8>> = BTreeMap::new();
        for (name, body) in files {
            let (_, ending) = name.rsplit_once('.').unwrap_or((name, ""));
            if ending == "ts" {
                packets.entry(&name[..3]).or_default().extend_from_slice(body);
            } else if ["m4s", "mp4"].contains(&ending) {
                let stream = name.split_once("stream").map_or("", |(_, rest)| &rest[..1]);
                let (header, chunks) = cut(body);
                let known = boxes.entry(stream).or_default();
                known.0.extend(header);
                known.1.extend(chunks);
            }
        }
        for packets in packets.values() {
            self.add_packets(packets);
        }
        for (header, chunks) in boxes.values() {
            self.add_boxes(header, chunks);
        }
    }
}

/// What each track's edit list says: how many milliseconds of nothing come first, and how many
/// ticks its media begins with that are not shown.
fn edits(header: &[u8]) -> Vec<(i64, i64)> {
    let find = |bytes: &[u8], kind: &[u8]| bytes.windows(4).position(|w| w == kind);
    let number = |bytes: &[u8]| i64::from(i32::from_be_bytes(bytes.try_into().unwrap()));
    let movie = find(header, b"mvhd").expect("a movie") + 16;
    let mut tracks = Vec::new();
    let mut rest = header;
    while let Some(at) = find(rest, b"trak") {
        rest = &rest[at + 4..];
        let own = &rest[..find(rest, b"trak").unwrap_or(rest.len())];
        let (mut nothing, mut hidden) = (0, 0);
        if let Some(at) = find(own, b"elst") {
            assert_eq!((own[at + 4], number(&header[movie..movie + 4])), (0, 1000));
            let count = usize::try_from(number(&own[at + 8..at + 12])).unwrap();
            for edit in own[at + 12..].chunks_exact(12).take(count) {
                match number(&edit[4..8]) {
                    -1 => nothing += number(&edit[..4]),
                    begins => hidden = begins,
                }
            }
        }
        tracks.push((nothing, hidden));
    }
    tracks
}

/// Everything an endpoint's playlists list.
async fn listed(world: &World, endpoint: u32) -> Frames {
    let base = format!("/v1/g/{endpoint}/p/");
    let text = world.get(&format!("{base}manifest.m3u8")).await.text();
    let mut frames = Frames::default();
    for media in media_playlists(&text) {
        let folder = format!("{base}{}", media.trim_end_matches("media.m3u8"));
        let list = Playlist::read(&world.get(&format!("{base}{media}")).await.text(), None);
        let mut bodies = Vec::new();
        for entry in &list.entries {
            assert!(!entry.gap, "{list:?}");
            bodies.push(world.get(&format!("{folder}{}", entry.uri)).await.body);
        }
        let map = &list.entries[0].map;
        if map.is_empty() {
            frames.add_packets(&bodies.concat());
        } else {
            let header = world.get(&format!("{folder}{map}")).await.body;
            let chunks: Vec<_> = bodies.iter().flat_map(|body| cut(body).1).collect();
            frames.add_boxes(&header, &chunks);
        }
    }
    frames
}

/// By how much the frames of a kind were moved, at least and at most, and how many are known.
fn moved(sent: &Frames, given: &Frames, kind: MediaKind) -> (i64, i64, usize) {
    let of = given.0.iter().filter(|((of, _), _)| *of == kind);
    let moves: Vec<i64> = of.filter_map(|(key, at)| Some((*at)? - (*sent.0.get(key)?)?)).collect();
    let (least, most) = (moves.iter().min(), moves.iter().max());
    (*least.expect("frames"), *most.expect("frames"), moves.len())
}

/// Robustness 19: with edit lists and priming, B-frames and none, whatever comes in and goes out.
#[tokio::test]
async fn sound_and_picture_lie_apart_as_they_were_sent_to_a_frame_in_every_container() {
    let forms: [(&str, Push); 5] = [
        ("transport stream", &[("live.ts", BFRAMES_25)]),
        ("HLS", HLS_TS),
        ("HLS in fragments", HLS_FMP4),
        ("DASH", DASH),
        ("CMAF", CMAF),
    ];
    for (form, files) in forms {
        let world = World::driven(OUT);
        push_files(&world, files).await;
        ended(&world).await;
        let mut sent = Frames::default();
        sent.add_files(files);
        for endpoint in 1..=4 {
            let given = listed(&world, endpoint).await;
            let video = moved(&sent, &given, MediaKind::Video);
            let audio = moved(&sent, &given, MediaKind::Audio);
            assert!(video.2 >= 70 && audio.2 >= 100, "{form}, {endpoint}: {video:?} {audio:?}");
            let skew = (audio.1 - video.0).max(video.1 - audio.0);
            assert!(skew <= FRAME + 50, "{form}, {endpoint}: {skew} µs: {video:?} {audio:?}");
        }
    }
}
