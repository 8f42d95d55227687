//! Worlds recorded, reels torn, rows read back.

mod disks;
mod stores;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use tempfile::TempDir;

use super::{
    Catalogue, Export, Loaded, LocalDisk, Reach, Reels, Shelf, Written, best, find, load, news,
};
use crate::isobmff::{SampleDefaults, Strictness, parse_chunk};
use crate::media::Codec;
use crate::media::codec::AvcConfig;
use crate::packager::tests::world::{Synthetic, World, config, rate};
use crate::packager::{RenditionId, Segment, SegmentContent, SegmentationKey, Snapshot};
use crate::units::MediaDuration;

const SPAN: MediaDuration = MediaDuration::from_secs(3600);
const ALL: Reach = Reach { rows: SPAN, media: SPAN };

type Listed = BTreeMap<(SegmentationKey, RenditionId), Vec<Arc<Segment>>>;

fn world() -> World {
    let mut video = Synthetic::video("", 360, rate(30, 1), 60);
    let sps = Bytes::from_static(&[0x67, 0x4d, 0, 0x1f, 0xf2, 0x80, 0xa0, 0x0b, 0x72]);
    let parsed = AvcConfig::parse(sps, vec![Bytes::from_static(&[0x68, 1])]).expect("an SPS");
    video.info.codec = Codec::Avc(parsed);
    let tracks = vec![video, Synthetic::audio(48_000)];
    World::new(config(&[(2, Some(500)), (6, None)]), tracks)
}

fn catalogue() -> Arc<Catalogue> {
    Arc::new(Catalogue::in_memory().expect("memory"))
}

fn shelf(folder: &Path, catalogue: &Arc<Catalogue>) -> Shelf {
    Shelf {
        channel: "g/c".to_owned(),
        folder: folder.to_owned(),
        catalogue: Arc::clone(catalogue),
        pages: Arc::default(),
        store: None,
    }
}

fn reels(shelf: &Shelf) -> Reels {
    Reels::new(shelf.clone(), Box::new(LocalDisk))
}

fn fresh(folder: &Path) -> Reels {
    reels(&shelf(folder, &catalogue()))
}

fn listed(snapshot: &Snapshot) -> Listed {
    let lists = snapshot
        .segmentations
        .iter()
        .flat_map(|(key, view)| view.renditions.iter().map(move |list| (*key, list)));
    lists
        .map(|(key, list)| ((key, list.rendition.id), list.rows.iter_from(0).cloned().collect()))
        .collect()
}

/// Records a world for so many seconds, with a pass every one of them. Gives everything it showed.
fn record(world: &mut World, reels: &mut Reels, written: &mut Written, seconds: i64) -> Listed {
    let mut shown = Listed::new();
    let from = world.now;
    for second in 1..=seconds {
        world.run_to(from + MediaDuration::from_secs(second));
        let Some(snapshot) = world.snapshots.last() else { continue };
        reels.append(&news(snapshot, written), written).expect("the disk takes it");
        reels.sync().expect("and keeps it");
        for (list, rows) in listed(snapshot) {
            let known = shown.entry(list).or_default();
            let last = known.last().map_or(0, |row| row.number);
            known.extend(rows.into_iter().filter(|row| row.number > last));
        }
    }
    shown
}

fn read(folder: &Path) -> Loaded {
    let refuse = |path: &Path, why: String| panic!("{}: {why}", path.display());
    let found = find(folder, &mut { refuse }).expect("the folder can be read");
    load(&found, ALL, &mut { refuse })
}

fn same(read: &Segment, shown: &Segment) {
    assert_eq!(
        (read.number, read.start, read.duration),
        (shown.number, shown.start, shown.duration)
    );
    assert_eq!((read.begins_period, read.first), (shown.begins_period, shown.first));
    assert_eq!(read.is_gap(), shown.is_gap());
    assert_eq!(read.body().concat(), shown.body().concat(), "I1: {}", read.number);
    assert_eq!(read.parts().len(), shown.parts().len());
    for (read, shown) in read.parts().iter().zip(shown.parts()) {
        assert_eq!(
            (read.start, read.duration, read.last),
            (shown.start, shown.duration, shown.last)
        );
        assert_eq!((read.first, read.independent), (shown.first, shown.independent));
        assert_eq!(read.body().concat(), shown.body().concat(), "I2");
    }
    let (a, b) = (&read.period, &shown.period);
    assert_eq!((a.id, a.ordinal, a.tracks.len()), (b.id, b.ordinal, b.tracks.len()));
    for (a, b) in a.tracks.iter().zip(&b.tracks) {
        assert_eq!((a.rendition, a.timescale, a.rate), (b.rendition, b.timescale, b.rate));
        assert_eq!((a.frame_rate, a.language, &a.init), (b.frame_rate, b.language, &b.init));
        assert_eq!(a.codec, b.codec);
    }
}

/// Every row that was read is one that was shown, without a hole. How many there are.
fn are_of(read: &Loaded, shown: &Listed) -> usize {
    let mut count = 0;
    for (key, lists) in &read.rows {
        for (rendition, rows) in lists {
            let shown = &shown[&(*key, *rendition)];
            for row in rows {
                let of = shown.iter().find(|s| s.number == row.number).expect("it was shown");
                same(row, of);
                count += 1;
            }
        }
    }
    count
}

fn total(shown: &Listed) -> usize {
    shown.values().map(Vec::len).sum()
}

#[test]
fn what_was_recorded_is_read_back() {
    let folder = TempDir::new().expect("a folder");
    let (mut reels, mut written) = (fresh(folder.path()), Written::default());
    let mut world = world();
    let mut shown = record(&mut world, &mut reels, &mut written, 60);
    // A restart of the encoder: another Period, another reel.
    world.source.session += 1;
    for track in &mut world.tracks {
        track.offset = track.offset + MediaDuration::from_secs(700);
        track.delivered = track.next..i64::MAX;
    }
    world.delay = world.delay - MediaDuration::from_secs(700);
    world.declare();
    for (list, rows) in record(&mut world, &mut reels, &mut written, 700) {
        let known = shown.entry(list).or_default();
        let last = known.last().map_or(0, |row| row.number);
        known.extend(rows.into_iter().filter(|row| row.number > last));
    }
    let read = read(folder.path());
    assert_eq!(are_of(&read, &shown), total(&shown));
    let periods = shown.values().flatten().map(|row| row.period.ordinal).max();
    assert_eq!(periods, Some(1));
    let reels = files(folder.path(), "mp4");
    assert!(reels.len() >= 8, "a reel is five minutes: {reels:?}");
}

fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let mut paths = Vec::new();
    for rendition in fs::read_dir(folder).expect("a folder") {
        let rendition = rendition.expect("an entry").path();
        for file in fs::read_dir(rendition).expect("a folder") {
            let path = file.expect("an entry").path();
            if path.extension().is_some_and(|e| e == ending) {
                paths.push(path);
            }
        }
    }
    paths
}

#[test]
fn a_lost_index_is_made_anew_from_the_boxes() {
    let folder = TempDir::new().expect("a folder");
    let (mut reels, mut written) = (fresh(folder.path()), Written::default());
    let shown = record(&mut world(), &mut reels, &mut written, 40);
    let before: Vec<Vec<u8>> =
        files(folder.path(), "idx").iter().map(|p| fs::read(p).expect("an index")).collect();
    for index in files(folder.path(), "idx") {
        fs::remove_file(index).expect("it is there");
    }
    assert_eq!(are_of(&read(folder.path()), &shown), total(&shown));
    let after: Vec<Vec<u8>> =
        files(folder.path(), "idx").iter().map(|p| fs::read(p).expect("an index")).collect();
    assert_eq!(before, after, "made as it was written");
}

#[test]
fn a_torn_tail_loses_what_was_not_whole_and_nothing_else() {
    let folder = TempDir::new().expect("a folder");
    let (mut reels, mut written) = (fresh(folder.path()), Written::default());
    let shown = record(&mut world(), &mut reels, &mut written, 30);
    drop(reels);
    let all = total(&shown);
    let media = files(folder.path(), "mp4");
    let mut most = [0; 3];
    for n in 0..=42_usize {
        let torn = TempDir::new().expect("a folder");
        for path in media.iter().chain(&files(folder.path(), "idx")) {
            let to = torn.path().join(path.strip_prefix(folder.path()).expect("below"));
            fs::create_dir_all(to.parent().expect("a folder")).expect("made");
            fs::copy(path, &to).expect("copied");
        }
        // The reel, its index or both are torn.
        for ending in [["mp4"].as_slice(), &["idx"], &["mp4", "idx"]][n % 3] {
            for path in files(torn.path(), ending) {
                let length = fs::metadata(&path).expect("a file").len();
                let kept = (length * n as u64 / 40).min(length);
                fs::OpenOptions::new()
                    .write(true)
                    .open(&path)
                    .expect("a file")
                    .set_len(kept)
                    .expect("cut");
            }
        }
        let found = find(torn.path(), &mut |_, _| {}).expect("the folder can be read");
        let read = load(&found, ALL, &mut |path, why| panic!("{}: {why}", path.display()));
        let count = are_of(&read, &shown);
        assert!(count <= all);
        assert!(n % 3 != 1 || count == all, "the reel alone says everything: {count} of {all}");
        assert!(count >= most[n % 3], "the more is there the more is read");
        most[n % 3] = count;
        // What is left is sound: it is read the same again.
        assert_eq!(are_of(&read_sound(torn.path()), &shown), count);
    }
    assert_eq!(most, [all; 3]);
}

fn read_sound(folder: &Path) -> Loaded {
    let found = find(folder, &mut |_, _| {}).expect("the folder can be read");
    load(&found, ALL, &mut |_, _| {})
}

#[test]
fn a_channel_goes_on_from_its_archive() {
    let folder = TempDir::new().expect("a folder");
    let (mut reels, mut written) = (fresh(folder.path()), Written::default());
    let mut world = world();
    let shown = record(&mut world, &mut reels, &mut written, 33);
    drop(reels);
    let loaded = read(folder.path());
    let last = world.latest().clone();
    world.restart_with(loaded.rows);
    for (list, rows) in listed(world.latest()) {
        let before = &listed(&last)[&list];
        assert_eq!(rows.last().map(|r| r.number), before.last().map(|r| r.number));
    }
    let (mut reels, mut written) = (fresh(folder.path()), loaded.written);
    let later = record(&mut world, &mut reels, &mut written, 30);
    let mut all = shown;
    for (list, rows) in later {
        let known = all.entry(list).or_default();
        let last = known.last().map_or(0, |row| row.number);
        known.extend(rows.into_iter().filter(|row| row.number > last));
    }
    assert_eq!(are_of(&read(folder.path()), &all), total(&all), "none twice, none missing");
}

#[test]
fn a_start_reads_the_media_of_the_live_edge_and_of_the_rest_the_rows() {
    let folder = TempDir::new().expect("a folder");
    let (mut reels, mut written) = (fresh(folder.path()), Written::default());
    let shown = record(&mut world(), &mut reels, &mut written, 320);
    let found = find(folder.path(), &mut |_, why| panic!("{why}")).expect("read");
    let reach = Reach { rows: SPAN, media: MediaDuration::from_secs(12) };
    let read = load(&found, reach, &mut |_, why| panic!("{why}"));
    for (key, lists) in &read.rows {
        let mut first = Vec::new();
        for (id, rows) in lists {
            assert_eq!(rows.len(), shown[&(*key, *id)].len());
            let stored = rows.iter().take_while(|row| row.is_stored()).count();
            for (read, shown) in rows.iter().zip(&shown[&(*key, *id)]).skip(stored) {
                same(read, shown);
            }
            first.push(rows[stored].number);
            let span = rows.last().expect("rows").end_time() - rows[stored].start_time();
            let most = MediaDuration::from_secs(13) + key.segment_duration();
            assert!(span >= reach.media && span <= most, "{span:?}");
        }
        first.dedup();
        assert_eq!(first.len(), 1, "what goes together is there together");
    }
}

#[test]
fn reels_go_when_nothing_can_be_asked_for_that_they_hold() {
    let folder = TempDir::new().expect("a folder");
    let (mut reels, mut written) = (fresh(folder.path()), Written::default());
    let mut world = world();
    record(&mut world, &mut reels, &mut written, 20);
    // The picture goes on alone.
    world.tracks[1].delivered = 0..world.tracks[1].next;
    let keep = MediaDuration::from_secs(60);
    for _ in 0..8 {
        record(&mut world, &mut reels, &mut written, 100);
        reels.expire(keep).expect("the disk lets go");
    }
    let left = files(folder.path(), "mp4");
    let of = |name: &str| left.iter().filter(|p| p.to_string_lossy().contains(name)).count();
    assert_eq!(of("/audio/"), 0, "{left:?}");
    assert!((1..=2).contains(&of("/video/")), "{left:?}");
    assert_eq!(files(folder.path(), "idx").len(), left.len());
}

#[test]
fn what_a_failing_disk_refused_is_appended_when_it_has_healed() {
    let folder = TempDir::new().expect("a folder");
    let place = folder.path().join("channel");
    fs::write(&place, "in the way").expect("written");
    let (mut reels, mut written) = (fresh(&place), Written::default());
    let mut world = world();
    world.run_until(20);
    for _ in 0..3 {
        let refused = reels.append(&news(world.latest(), &written), &mut written);
        assert!(refused.is_err(), "no folder can be made there");
    }
    fs::remove_file(&place).expect("it was there");
    reels.append(&news(world.latest(), &written), &mut written).expect("the disk takes it");
    reels.sync().expect("and keeps it");
    let shown = listed(world.latest());
    assert_eq!(are_of(&read(&place), &shown), total(&shown));
}

#[test]
fn a_file_that_is_no_reel_is_left_as_it_is() {
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join("video").join("holiday.mp4");
    fs::create_dir_all(path.parent().expect("a folder")).expect("made");
    fs::write(&path, b"somebody's own").expect("written");
    let mut refused = 0;
    let found = find(folder.path(), &mut |_, _| refused += 1).expect("the folder can be read");
    assert_eq!((found.len(), refused), (0, 1));
    assert_eq!(fs::read(&path).expect("there"), b"somebody's own");
}

/// Every row by time and every segment by number, those that lie in two reels too.
fn is_on(shelf: &Shelf, shown: &Listed, world: &World) {
    let mut count = 0;
    for ((key, id), rows) in shown {
        let view = &world.latest().segmentations[key];
        let name = &view.rendition(*id).expect("a list").rendition.name;
        let (first, last) = (rows.first().expect("rows"), rows.last().expect("rows"));
        let (from, to) = (first.start_time().floor_millis(), last.end_time().floor_millis() + 1);
        let found = shelf.rows(&(*key).into(), (from, to), None).expect("read");
        let numbers = |rows: &[Arc<Segment>]| {
            rows.iter().map(|r| (r.number, r.start, r.duration, r.is_gap())).collect::<Vec<_>>()
        };
        assert_eq!(numbers(&found[name].rows), numbers(rows), "{name}");
        for row in rows.iter().filter(|row| !row.is_gap()) {
            let (_, read) =
                shelf.segment(&(*key).into(), name, row.number).expect("read").expect("there");
            same(&read, row);
            count += 1;
        }
        // A stretch within: what reaches into it, and nothing else.
        let middle = rows[rows.len() / 2].start_time().floor_millis() + 100;
        let found = shelf.rows(&(*key).into(), (middle, middle + 1), Some(name)).expect("read");
        assert_eq!(numbers(&found[name].rows), numbers(&rows[rows.len() / 2..=rows.len() / 2]));
        let period = shelf.period(name, first.period.id).expect("read").expect("there");
        assert_eq!(period.1.track(*id).map(|t| &t.init), first.period.track(*id).map(|t| &t.init));
        assert!(shelf.segment(&(*key).into(), name, last.number + 1).expect("read").is_none());
    }
    assert!(count > 700, "{count} segments");
}

#[test]
fn a_shelf_gives_all_that_was_shown_and_its_catalogue_can_be_made_anew() {
    let folder = TempDir::new().expect("a folder");
    let (kept, mut written) = (shelf(folder.path(), &catalogue()), Written::default());
    let mut world = world();
    let shown = record(&mut world, &mut reels(&kept), &mut written, 640);
    is_on(&kept, &shown, &world);
    let anew = shelf(folder.path(), &catalogue());
    let recent = reels(&anew).recent(MediaDuration::from_secs(10), &mut |_, why| panic!("{why}"));
    assert_eq!(recent.expect("read").len(), 2, "of each rendition the newest");
    is_on(&anew, &shown, &world);
}

#[test]
fn a_chunk_that_rotted_is_not_served() {
    let folder = TempDir::new().expect("a folder");
    let (shelf, mut written) = (shelf(folder.path(), &catalogue()), Written::default());
    let shown = record(&mut world(), &mut reels(&shelf), &mut written, 30);
    for path in files(folder.path(), "mp4") {
        let mut bytes = fs::read(&path).expect("a reel");
        let middle = bytes.len() / 2;
        bytes[middle..middle + 64].iter_mut().for_each(|byte| *byte ^= 0xff);
        fs::write(&path, bytes).expect("written");
    }
    let (mut sound, mut refused) = (0, 0);
    for ((key, id), rows) in &shown {
        let name = if id.0 == 0 { "video" } else { "audio" };
        for row in rows {
            match shelf.segment(&(*key).into(), name, row.number) {
                Ok(Some((_, read))) => {
                    same(&read, row);
                    sound += 1;
                }
                Ok(None) => panic!("{name} {} is not there", row.number),
                Err(_) => refused += 1,
            }
        }
    }
    assert!(sound > 10 && (1..=8).contains(&refused), "{sound} sound, {refused} refused");
}

fn whole(export: &Export) -> Vec<u8> {
    let mut file = Vec::new();
    while (file.len() as u64) < export.length() {
        let bytes = export.read(file.len() as u64, export.length()).expect("it can be read");
        assert!(!bytes.is_empty(), "at {} of {}", file.len(), export.length());
        file.extend_from_slice(&bytes);
    }
    file
}

/// The payload of a row's chunks: its samples, one behind the other.
fn payload(row: &Segment) -> Vec<u8> {
    let SegmentContent::Media { chunks, .. } = &row.content else { return Vec::new() };
    let samples = chunks.iter().flat_map(|chunk| {
        let bytes = chunk.bytes.clone();
        let parsed = parse_chunk(&bytes, &SampleDefaults::default(), Strictness::Strict);
        let samples = parsed.expect("our own").samples.into_iter();
        samples.map(move |sample| bytes.slice(sample.data))
    });
    samples.collect::<Vec<_>>().concat()
}

#[test]
fn an_export_holds_every_sample_of_its_stretch_and_begins_at_zero() {
    let folder = TempDir::new().expect("a folder");
    let (shelf, mut written) = (shelf(folder.path(), &catalogue()), Written::default());
    let mut world = world();
    let shown = record(&mut world, &mut reels(&shelf), &mut written, 400);
    let key = world.key(6);
    let video = &shown[&(key, RenditionId(0))];
    // Over the end of a reel.
    let (first, last) = (&video[40], &video[60]);
    let stretch = (first.start_time().floor_millis() + 1, last.start_time().floor_millis() + 1);
    let export = shelf.export(&key.into(), stretch, best).expect("read").expect("there");
    let file = whole(&export);
    assert_eq!(file.len() as u64, export.length());
    let size = file.len() as u64;
    let mut reader = mp4::Mp4Reader::read_header(std::io::Cursor::new(file), size).expect("an MP4");
    assert_eq!(reader.tracks().len(), 2);
    for (id, rendition) in [(1, RenditionId(0)), (2, RenditionId(1))] {
        let numbers = first.number..=last.number;
        let rows = shown[&(key, rendition)].iter().filter(|row| numbers.contains(&row.number));
        let rows: Vec<_> = rows.collect();
        let mut read = Vec::new();
        let (mut next, mut syncs) = (0, 0);
        for number in 1..=reader.sample_count(id).expect("a track") {
            let sample = reader.read_sample(id, number).expect("read").expect("there");
            assert_eq!(sample.start_time, next, "{id} {number}");
            next += u64::from(sample.duration);
            syncs += usize::from(sample.is_sync);
            read.extend_from_slice(&sample.bytes);
        }
        assert!(read == rows.iter().map(|row| payload(row)).collect::<Vec<_>>().concat(), "{id}");
        let ticks: i64 = rows.iter().map(|row| row.duration).sum();
        assert_eq!(next, ticks.unsigned_abs(), "{id}");
        assert!(id == 2 || syncs == 21 * 3, "{syncs} sync samples");
    }
    let edit = reader.tracks()[&1].trak.edts.as_ref().and_then(|e| e.elst.as_ref());
    assert_eq!(edit.map(|list| list.entries.len()), Some(1), "the picture begins at once");
    // Any part of it can be read on its own.
    let all = whole(&export);
    for at in (0..export.length()).step_by(export.length() as usize / 50) {
        let end = (at + 1000).min(export.length());
        let mut part = Vec::new();
        while at + (part.len() as u64) < end {
            part.extend_from_slice(&export.read(at + part.len() as u64, end).expect("read"));
        }
        assert!(part == all[at as usize..end as usize], "{at}");
    }
    let none = shelf.export(&key.into(), (0, 1000), best).expect("read");
    assert!(none.is_none());
}

#[test]
fn a_catalogue_that_refuses_hears_everything_when_it_has_healed() {
    let place = TempDir::new().expect("a folder");
    let path = place.path().join("catalogue.sqlite3");
    let kept = Arc::new(Catalogue::open(&path).expect("opened"));
    let folder = place.path().join("c");
    let shelf = shelf(&folder, &kept);
    let mut reels = reels(&shelf);
    let (mut world, mut written) = (world(), Written::default());
    let mut shown = record(&mut world, &mut reels, &mut written, 30);
    let there = files(&folder, "mp4");
    let sick = rusqlite::Connection::open(&path).expect("opened");
    sick.execute_batch("ALTER TABLE reel RENAME TO away").expect("renamed");
    world.run_until(34);
    reels.append(&news(world.latest(), &written), &mut written).expect("the reels are there");
    assert!(reels.sync().is_err(), "the catalogue refuses");
    // Another Period asks for other reels.
    world.encoder_returns(1);
    world.run_until(60);
    assert!(world.latest().segmentations.values().all(|view| view.period.ordinal > 0));
    assert!(reels.append(&news(world.latest(), &written), &mut written).is_err());
    assert!(reels.sync().is_err(), "it still does");
    assert_eq!(files(&folder, "mp4"), there, "no reel that nobody knows is left");
    sick.execute_batch("ALTER TABLE away RENAME TO reel").expect("renamed");
    reels.append(&news(world.latest(), &written), &mut written).expect("the disk takes it");
    reels.sync().expect("and the catalogue");
    for (list, rows) in listed(world.latest()) {
        let known = shown.entry(list).or_default();
        let last = known.last().map_or(0, |row| row.number);
        known.extend(rows.into_iter().filter(|row| row.number > last));
    }
    for ((key, id), rows) in &shown {
        let name = if id.0 == 0 { "video" } else { "audio" };
        for row in rows.iter().filter(|row| !row.is_gap()) {
            let read = shelf.segment(&(*key).into(), name, row.number).expect("read");
            same(&read.unwrap_or_else(|| panic!("{name} {} is lost", row.number)).1, row);
        }
    }
}
