//! One suite for every store, and stores that fail.

#[path = "../../../tests/s3/server.rs"]
mod s3;

use std::collections::BTreeSet;
use std::fmt;
use std::fs;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use futures_util::stream::BoxStream;
use futures_util::{StreamExt, TryStreamExt};
use object_store::memory::InMemory;
use object_store::path::Path as Name;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta,
    ObjectStore, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};
use tempfile::TempDir;
use url::Url;

use self::s3::S3;
use super::{Listed, catalogue, files, is_on, record, reels, shelf, whole, world};
use crate::archive::{Round, Shelf, Spool, Store, StoreSettings, Written, best};
use crate::packager::RenditionId;
use crate::packager::tests::world::World;
use crate::units::MediaDuration;

/// A store whose network can be cut: in the middle of an upload, too.
#[derive(Clone, Debug, Default)]
struct Failing {
    objects: Arc<InMemory>,
    cut: Arc<AtomicBool>,
}

impl Failing {
    fn ask(&self) -> Result<()> {
        if self.cut.load(Ordering::SeqCst) {
            return Err(Error::Generic { store: "test", source: "the network is cut".into() });
        }
        Ok(())
    }
}

impl fmt::Display for Failing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a store that fails")
    }
}

type Answer<'a, T> = std::pin::Pin<Box<dyn Future<Output = Result<T>> + Send + 'a>>;

impl ObjectStore for Failing {
    fn put_opts<'a: 'r, 'b: 'r, 'r>(
        &'a self,
        name: &'b Name,
        payload: PutPayload,
        options: PutOptions,
    ) -> Answer<'r, PutResult>
    where
        Self: 'r,
    {
        Box::pin(async move {
            self.ask()?;
            self.objects.put_opts(name, payload, options).await
        })
    }

    fn put_multipart_opts<'a: 'r, 'b: 'r, 'r>(
        &'a self,
        name: &'b Name,
        options: PutMultipartOptions,
    ) -> Answer<'r, Box<dyn MultipartUpload>>
    where
        Self: 'r,
    {
        Box::pin(async move {
            self.ask()?;
            self.objects.put_multipart_opts(name, options).await
        })
    }

    fn get_opts<'a: 'r, 'b: 'r, 'r>(
        &'a self,
        name: &'b Name,
        options: GetOptions,
    ) -> Answer<'r, GetResult>
    where
        Self: 'r,
    {
        Box::pin(async move {
            self.ask()?;
            self.objects.get_opts(name, options).await
        })
    }

    fn get_ranges<'a: 'r, 'b: 'r, 'c: 'r, 'r>(
        &'a self,
        name: &'b Name,
        ranges: &'c [Range<u64>],
    ) -> Answer<'r, Vec<Bytes>>
    where
        Self: 'r,
    {
        Box::pin(async move {
            self.ask()?;
            self.objects.get_ranges(name, ranges).await
        })
    }

    fn delete_stream(
        &self,
        names: BoxStream<'static, Result<Name>>,
    ) -> BoxStream<'static, Result<Name>> {
        let asked = self.clone();
        self.objects.delete_stream(
            names.and_then(move |n| std::future::ready(asked.ask().map(|()| n))).boxed(),
        )
    }

    fn list(&self, prefix: Option<&Name>) -> BoxStream<'static, Result<ObjectMeta>> {
        match self.ask() {
            Ok(()) => self.objects.list(prefix),
            Err(error) => futures_util::stream::iter([Err(error)]).boxed(),
        }
    }

    fn list_with_delimiter<'a: 'r, 'b: 'r, 'r>(
        &'a self,
        prefix: Option<&'b Name>,
    ) -> Answer<'r, ListResult>
    where
        Self: 'r,
    {
        Box::pin(async move {
            self.ask()?;
            self.objects.list_with_delimiter(prefix).await
        })
    }

    fn copy_opts<'a: 'r, 'b: 'r, 'c: 'r, 'r>(
        &'a self,
        from: &'b Name,
        to: &'c Name,
        options: CopyOptions,
    ) -> Answer<'r, ()>
    where
        Self: 'r,
    {
        Box::pin(async move {
            self.ask()?;
            self.objects.copy_opts(from, to, options).await
        })
    }
}

/// What every store must do.
fn keeps_objects(store: &Store) {
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join("file");
    // In one request, in one piece of many, and over the end of one.
    for size in [0, 1, 5000, 8 << 20, (9 << 20) + 7] {
        let bytes: Vec<u8> = (0..size).map(|n: usize| (n % 251) as u8).collect();
        fs::write(&path, &bytes).expect("written");
        store.put("a/b/c.mp4", &path).expect("put");
        assert!(store.read("a/b/c.mp4").expect("read") == bytes, "{size}");
        let back = folder.path().join("back");
        store.fetch("a/b/c.mp4", &back).expect("fetched");
        assert!(fs::read(&back).expect("a file") == bytes);
        if size > 1000 {
            assert_eq!(store.read_some("a/b/c.mp4", 100..200).expect("read"), bytes[100..200]);
            let (end, more) = (size as u64, size as u64 + 1000);
            let tail = store.read_some("a/b/c.mp4", end - 10..more).expect("read");
            assert_eq!(tail, bytes[size - 10..], "fewer where it ends");
        }
    }
    fs::write(&path, b"index").expect("written");
    store.put("a/b/c.idx", &path).expect("put");
    store.put("a/bb/c.idx", &path).expect("put");
    let names = |folder| store.list(folder).expect("listed").into_iter().map(|(name, _)| name);
    assert_eq!(names("a/b").collect::<Vec<_>>(), ["a/b/c.idx", "a/b/c.mp4"]);
    assert_eq!(names("a").count(), 3);
    assert_eq!(names("z").count(), 0);
    for (length, bytes) in [(None, "index"), (Some(3), "ind")] {
        let wanted = ["a/b/c.idx", "a/b/none", "a/bb/c.idx"].map(|name| (name.to_owned(), length));
        let read = store.read_all(wanted.to_vec()).expect("read");
        let read: BTreeSet<(String, Bytes)> = read.into_iter().collect();
        assert_eq!(read.len(), 2);
        assert!(read.iter().all(|(_, read)| read == bytes), "{read:?}");
    }
    store.remove("a/b/c.mp4").expect("removed");
    store.remove("a/b/c.mp4").expect("and again");
    let gone = store.read("a/b/c.mp4").expect_err("gone");
    assert_eq!(gone.kind(), std::io::ErrorKind::NotFound);
    assert!(store.put("a/b/d", &folder.path().join("none")).is_err());
    for name in ["a/b/c.idx", "a/bb/c.idx"] {
        store.remove(name).expect("removed");
    }
    assert_eq!(names("a").count(), 0);
}

/// Rounds until nothing is left to do.
fn carry(spool: &Spool) -> Round {
    let mut all = Round { more: true, ..Round::default() };
    while all.more {
        let mut round = Round::default();
        spool.round(&mut round).expect("the store takes it");
        all.more = round.more || round.stored > 0;
        all.stored += round.stored;
        all.on_disk = round.on_disk;
        all.lost.extend(round.lost);
    }
    all
}

fn spool(root: &Path, shelf: &Shelf, store: &Store, bytes: u64) -> Spool {
    let (folder, catalogue) = (root.to_owned(), Arc::clone(&shelf.catalogue));
    Spool { folder, catalogue, store: store.clone(), bytes }
}

fn stored_shelf(root: &Path, store: &Store) -> Shelf {
    Shelf { store: Some(store.clone()), ..shelf(&root.join("g/c"), &catalogue()) }
}

/// All of two reels and more of each rendition, whole: the last ones are closed as a start does it.
fn recorded(shelf: &Shelf, seconds: i64) -> (World, Listed) {
    let mut world = world();
    let shown = record(&mut world, &mut reels(shelf), &mut Written::default(), seconds);
    let again = reels(shelf).recent(MediaDuration::from_secs(10), &mut |_, why| panic!("{why}"));
    assert_eq!(again.expect("read").len(), 2, "of each rendition the newest");
    (world, shown)
}

/// What every store must do for an archive.
fn keeps_an_archive(store: &Store) {
    let root = TempDir::new().expect("a folder");
    let shelf = stored_shelf(root.path(), store);
    let (world, shown) = recorded(&shelf, 640);
    let key = world.key(6);
    let rows = &shown[&(key, RenditionId(0))];
    let stretch = (rows[40].start_time().floor_millis(), rows[60].start_time().floor_millis());
    let export = |shelf: &Shelf| {
        whole(&shelf.export(&key.into(), stretch, best).expect("read").expect("there"))
    };
    let before = export(&shelf);

    let done = carry(&spool(root.path(), &shelf, store, 1 << 30));
    assert!(done.stored > 0 && done.lost.is_empty());
    assert_eq!(files(&shelf.folder, "mp4").len(), 6, "there is room for them");
    is_on(&shelf, &shown, &world);
    // A page that was read from the disk serves on when the reel is in the store alone.
    let done = carry(&spool(root.path(), &shelf, store, 0));
    assert_eq!((done.stored, done.lost.len()), (0, 0));
    assert_eq!(files(&shelf.folder, "mp4").len() + files(&shelf.folder, "idx").len(), 0);
    is_on(&shelf, &shown, &world);
    assert!(export(&shelf) == before);
    let fresh = Shelf { pages: Arc::default(), ..shelf.clone() };
    is_on(&fresh, &shown, &world);

    // The disk is lost, and the catalogue with it.
    let other = TempDir::new().expect("a folder");
    let anew = stored_shelf(other.path(), store);
    let mut returned = reels(&anew);
    let recent = returned.recent(MediaDuration::from_secs(10), &mut |_, why| panic!("{why}"));
    assert_eq!(recent.expect("read").len(), 2, "the newest come back to the disk");
    assert_eq!(files(&anew.folder, "mp4").len(), 2);
    is_on(&anew, &shown, &world);
    assert!(export(&anew) == before);

    // What nobody can ask for any more leaves the store.
    assert_eq!(store.list("g/c").expect("listed").len(), 12);
    returned.expire(MediaDuration::from_secs(20)).expect("forgotten");
    carry(&spool(other.path(), &anew, store, 1 << 30));
    let left = store.list("g/c").expect("listed");
    assert_eq!(left.len(), 4, "{left:?}");
    returned.expire(MediaDuration::from_secs(-1)).expect("forgotten");
    carry(&spool(other.path(), &anew, store, 1 << 30));
    assert_eq!(store.list("g/c").expect("listed").len(), 0);
}

#[test]
fn a_store_in_memory_keeps_an_archive() {
    let store = Store::of(InMemory::new()).expect("threads");
    keeps_objects(&store);
    keeps_an_archive(&store);
}

#[test]
fn a_folder_keeps_an_archive() {
    let folder = TempDir::new().expect("a folder");
    let url = Url::from_directory_path(folder.path()).expect("a path");
    let store = Store::open(&url, &StoreSettings::default()).expect("a folder");
    keeps_objects(&store);
    keeps_an_archive(&store);
}

#[test]
fn s3_keeps_an_archive() {
    let s3 = S3::start();
    let settings = StoreSettings {
        endpoint: Some(s3.endpoint.parse().expect("a URL")),
        region: Some("us-east-1".to_owned()),
        access_key_id: Some("id".to_owned()),
        secret_access_key: Some("secret".to_owned()),
    };
    let url = "s3://headwater/some/folder".parse().expect("a URL");
    let store = Store::open(&url, &settings).expect("S3");
    keeps_objects(&store);
    keeps_an_archive(&store);
    let nowhere = "s3://no-such-bucket/x".parse().expect("a URL");
    let store = Store::open(&nowhere, &settings).expect("S3");
    let error = store.list("g").expect_err("there is none").to_string();
    assert!(error.contains("NoSuchBucket"), "{error}");
}

#[test]
fn an_outage_of_the_store_loses_nothing_that_the_spool_holds() {
    let failing = Failing::default();
    let store = Store::of(failing.clone()).expect("threads");
    let root = TempDir::new().expect("a folder");
    failing.cut.store(true, Ordering::SeqCst);
    let shelf = stored_shelf(root.path(), &store);
    let mut said = Vec::new();
    reels(&shelf).recent(MediaDuration::from_secs(10), &mut |_, why| said.push(why)).expect("read");
    assert!(said.iter().any(|why| why.contains("the network is cut")), "{said:?}");
    let mut world = world();
    let mut written = Written::default();
    let mut writing = reels(&shelf);
    let mut shown = record(&mut world, &mut writing, &mut written, 640);
    let spool = spool(root.path(), &shelf, &store, 1 << 30);
    for _ in 0..3 {
        let mut round = Round::default();
        spool.round(&mut round).expect_err("the network is cut");
        assert_eq!((round.stored, round.lost.len()), (0, 0));
    }
    failing.cut.store(false, Ordering::SeqCst);
    let done = carry(&spool);
    assert!(done.stored > 0 && done.lost.is_empty());
    assert_eq!(store.list("g/c").expect("listed").len(), 8, "two whole reels of each rendition");
    for (list, rows) in record(&mut world, &mut writing, &mut written, 20) {
        let known = shown.entry(list).or_default();
        let last = known.last().map_or(0, |row| row.number);
        known.extend(rows.into_iter().filter(|row| row.number > last));
    }
    // The reel that is being written is read from the disk, the others from the store.
    carry(&Spool { bytes: 0, ..spool });
    assert_eq!(files(&shelf.folder, "mp4").len(), 2);
    is_on(&shelf, &shown, &world);
    // An outage while readers ask is an error, and no answer that it is not there.
    failing.cut.store(true, Ordering::SeqCst);
    let fresh = Shelf { pages: Arc::default(), ..shelf };
    let first = shown[&(world.key(6), RenditionId(0))][0].number;
    assert!(fresh.segment(&world.key(6).into(), "video", first).is_err());
}

#[test]
fn a_spool_that_is_full_gives_up_the_oldest_reels_and_lists_them_no_more() {
    let failing = Failing::default();
    let store = Store::of(failing.clone()).expect("threads");
    let root = TempDir::new().expect("a folder");
    let shelf = stored_shelf(root.path(), &store);
    let (_, shown) = recorded(&shelf, 640);
    failing.cut.store(true, Ordering::SeqCst);
    let all = shelf.catalogue.on_disk().expect("read");
    let spool = spool(root.path(), &shelf, &store, all - 1);
    let mut round = Round::default();
    spool.round(&mut round).expect_err("the network is cut");
    assert_eq!(round.lost.len(), 1, "no more than has to");
    assert!(!round.lost[0].exists());
    failing.cut.store(false, Ordering::SeqCst);
    carry(&spool);
    let lost = if round.lost[0].to_string_lossy().contains("video") { "video" } else { "audio" };
    for ((key, id), rows) in &shown {
        let name = if id.0 == 0 { "video" } else { "audio" };
        let (first, last) = (&rows[0], rows.last().expect("rows"));
        let stretch = (first.start_time().floor_millis(), last.end_time().floor_millis());
        let listed = shelf.rows(&(*key).into(), stretch, Some(name)).expect("read");
        let whole = listed[name].rows.len() == rows.len();
        assert_eq!(whole, name != lost, "{name}");
        for row in &listed[name].rows {
            // A row whose first chunks lay in the lost reel is answered as not there.
            let read = shelf.segment(&(*key).into(), name, row.number).expect("read");
            assert!(read.is_some() || row.number == listed[name].rows[0].number);
        }
    }
}

#[test]
fn a_reel_that_cannot_be_read_holds_up_no_other() {
    let store = Store::of(InMemory::new()).expect("threads");
    let root = TempDir::new().expect("a folder");
    let shelf = stored_shelf(root.path(), &store);
    recorded(&shelf, 640);
    let broken = files(&shelf.folder, "mp4").into_iter().next().expect("a reel");
    fs::remove_file(&broken).expect("removed");
    fs::create_dir(&broken).expect("a folder in its place");
    let spool = spool(root.path(), &shelf, &store, 0);
    let mut round = Round::default();
    spool.round(&mut round).expect_err("one cannot be read");
    assert_eq!(store.list("g/c").expect("listed").len(), 10, "the other five with their indexes");
    assert!(round.stored > 0 && round.lost.len() <= 1, "{round:?}");
}

#[test]
fn reels_that_are_finished_go_to_the_store_and_others_follow() {
    let store = Store::of(InMemory::new()).expect("threads");
    let root = TempDir::new().expect("a folder");
    let shelf = stored_shelf(root.path(), &store);
    let (mut world, mut written, mut writing) = (world(), Written::default(), reels(&shelf));
    let mut shown = record(&mut world, &mut writing, &mut written, 280);
    assert_eq!(carry(&spool(root.path(), &shelf, &store, 1 << 30)).stored, 0, "they are open");
    writing.finish().expect("finished");
    assert!(carry(&spool(root.path(), &shelf, &store, 1 << 30)).stored > 0);
    assert_eq!(store.list("g/c").expect("listed").len(), 4);
    for (list, rows) in record(&mut world, &mut writing, &mut written, 280) {
        let known = shown.entry(list).or_default();
        let last = known.last().map_or(0, |row| row.number);
        known.extend(rows.into_iter().filter(|row| row.number > last));
    }
    assert_eq!(files(&shelf.folder, "mp4").len(), 4);
    is_on(&shelf, &shown, &world);
}
