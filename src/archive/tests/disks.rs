//! Disks that fail, at any write, and processes that die there.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tempfile::TempDir;

use super::{Listed, catalogue, listed, same, shelf, world};
use crate::archive::{Disk, LocalDisk, Reach, Reels, Shelf, Written, load, news};
use crate::packager::tests::world::World;
use crate::units::MediaDuration;

const LONG: MediaDuration = MediaDuration::from_secs(3600);

/// Numbers that look random (xorshift64*).
#[derive(Clone, Debug)]
struct Chance(Arc<AtomicU64>);

impl Chance {
    fn next(&self, below: u64) -> u64 {
        let mut x = self.0.load(Ordering::Relaxed);
        x ^= x >> 12;
        x ^= x << 25;
        x ^= x >> 27;
        self.0.store(x, Ordering::Relaxed);
        (x.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % below
    }
}

/// A disk of which one operation in `one_in` fails: full, in the middle of a write, or broken.
#[derive(Debug)]
struct Faulty {
    chance: Chance,
    one_in: Arc<AtomicU64>,
}

impl Faulty {
    fn fails(&self) -> bool {
        let one_in = self.one_in.load(Ordering::Relaxed);
        one_in > 0 && self.chance.next(one_in) == 0
    }
}

fn full() -> io::Error {
    io::ErrorKind::StorageFull.into()
}

impl Disk for Faulty {
    fn create(&mut self, path: &Path) -> io::Result<File> {
        if self.fails() { Err(full()) } else { LocalDisk.create(path) }
    }

    fn write(&mut self, file: &mut File, bytes: &[u8]) -> io::Result<()> {
        if !self.fails() {
            return file.write_all(bytes);
        }
        let some = usize::try_from(self.chance.next(bytes.len() as u64 + 1)).unwrap_or(0);
        file.write_all(&bytes[..some])?;
        Err(full())
    }

    fn sync(&mut self, file: &File) -> io::Result<()> {
        if self.fails() { Err(io::Error::other("the disk is broken")) } else { file.sync_data() }
    }
}

struct Archiving {
    shelf: Shelf,
    reels: Reels,
    written: Written,
    chance: Chance,
    one_in: Arc<AtomicU64>,
    refused: u32,
}

impl Archiving {
    fn pass(&mut self, world: &World) {
        let news = news(world.latest(), &self.written);
        let kept = self.reels.append(&news, &mut self.written).and_then(|_| self.reels.sync());
        self.refused += u32::from(kept.is_err());
    }

    /// The process dies, and starts again: a torn tail is cut, and nothing is written twice.
    fn dies(&mut self) {
        let disk = Faulty { chance: self.chance.clone(), one_in: Arc::clone(&self.one_in) };
        self.reels = Reels::new(self.shelf.clone(), Box::new(disk));
        // A reel that came to nothing is passed over.
        let found = self.reels.recent(LONG, &mut |_, _| {}).expect("the folder can be read");
        let reach = Reach { rows: LONG, media: LONG };
        self.written = load(&found, reach, &mut |_, _| {}).written;
    }
}

/// What was read of a world's archive is what was shown; how many rows that is.
fn is_what_was_shown(shelf: &Shelf, shown: &Listed) -> usize {
    let mut count = 0;
    for ((key, id), rows) in shown {
        let name = if id.0 == 0 { "video" } else { "audio" };
        let found =
            shelf.rows(&(*key).into(), (0, i64::MAX), Some(name)).expect("the catalogue answers");
        for row in found.get(name).map_or(&[][..], |stretch| &stretch.rows) {
            let of = rows.iter().find(|r| r.number == row.number).expect("it was shown");
            let read = shelf.segment(&(*key).into(), name, row.number).expect("it is sound");
            if let Some((_, read)) = read {
                same(&read, of);
                count += 1;
            }
        }
    }
    count
}

fn survives(seed: u64) -> u32 {
    let folder = TempDir::new().expect("a folder");
    let shelf = shelf(folder.path(), &catalogue());
    let chance = Chance(Arc::new(AtomicU64::new(seed * 2 + 1)));
    let one_in = Arc::new(AtomicU64::new(0));
    let disk = Faulty { chance: chance.clone(), one_in: Arc::clone(&one_in) };
    let reels = Reels::new(shelf.clone(), Box::new(disk));
    let written = Written::default();
    let mut archiving = Archiving { shelf, reels, written, chance, one_in, refused: 0 };
    let mut world = world();
    let mut shown = Listed::new();
    for second in 1..=90 {
        world.run_until(second);
        if world.snapshots.is_empty() {
            continue;
        }
        for (list, rows) in listed(world.latest()) {
            let known = shown.entry(list).or_default();
            let last = known.last().map_or(0, |row| row.number);
            known.extend(rows.into_iter().filter(|row| row.number > last));
        }
        let sick = (20..40).contains(&second) || (60..75).contains(&second);
        archiving.one_in.store(if sick { 12 } else { 0 }, Ordering::Relaxed);
        archiving.pass(&world);
        if archiving.chance.next(15) == 0 {
            archiving.dies();
        }
        if second == 50 {
            archiving.pass(&world);
            is_what_was_shown(&archiving.shelf, &shown);
        }
    }
    // It has healed: what is still shown is there, whatever was lost meanwhile.
    archiving.pass(&world);
    is_what_was_shown(&archiving.shelf, &shown);
    for ((key, id), rows) in listed(world.latest()) {
        let name = if id.0 == 0 { "video" } else { "audio" };
        for row in rows.iter().filter(|row| !row.is_gap()) {
            let read = archiving.shelf.segment(&key.into(), name, row.number).expect("it is sound");
            let (_, read) = read.unwrap_or_else(|| panic!("seed {seed}: {name} {}", row.number));
            same(&read, row);
        }
    }
    archiving.refused
}

#[test]
fn a_disk_that_fails_at_any_write_costs_what_left_the_lists_meanwhile_and_nothing_else() {
    let refused: u32 = (1..=40).map(survives).sum();
    assert!(refused > 100, "{refused} passes failed");
}
