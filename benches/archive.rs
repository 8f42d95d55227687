//! What thirty days behind live cost: the start, and lists of an hour of them.
//!
//! `cargo bench --bench archive`. A synthetic archive of 100 channels of thirty days is made (two
//! renditions, segments of two seconds, reels of five minutes, no media), a server is started on it,
//! and lists of one hour are rendered: from the archive with pages that were not read before, with
//! pages that were, from an archive of one day, and from memory; by turns, medians, and their ratios.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use flate2::Compression;
use flate2::write::GzEncoder;
use headwater::archive::synthetic::{REEL, Synthetic};
use headwater::archive::{Catalogue, Shelf, Stretch};
use headwater::config::Config;
use headwater::packager::{PastLists, Period, SegmentationKey, Snapshot, past};
use headwater::resolve::{
    EndpointRules, PastManifest, PastView, Reach, Shift, Span, ViewKind, render, render_past,
};
use headwater::runtime::{Clock, Launch, Server};
use headwater::units::MediaTime;

/// Fewer by `cargo bench --bench archive -- N`.
const CHANNELS: usize = 100;
const DAY: i64 = 86_400_000;
const HOUR: i64 = 3_600_000;
const TURNS: usize = 21;
const KEY: SegmentationKey = SegmentationKey::new(2000, None);
const PROGRAMME: &[u8] = include_bytes!("../fixtures/demo/demo.mp4");
const LISTENERS: &str = "[egress]\nlisten = \"127.0.0.1:0\"\n[ingest]\nhttp = \"127.0.0.1:0\"\n\
                         [admin]\nlisten = \"127.0.0.1:0\"\n";

fn channel(name: &str, source: &str) -> String {
    format!(
        "[[channel]]\ngroup = \"bench\"\nname = \"{name}\"\n{source}\n  [[channel.endpoint]]\n  \
         name = \"long\"\n  protocol = \"HLSDASH_CMAF\"\n  segment_duration = \"2s\"\n  window = \"1h\"\n  \
         segment_num = 100\n  timeshift_days = 30\n  open = true\n"
    )
}

fn start(folder: &Path, config: &str) -> Server {
    let config = Config::parse(config).expect("a configuration");
    let embedded = Some((PathBuf::from("demo.mp4"), PROGRAMME));
    let (folder, clock) = (folder.to_owned(), Clock::system());
    Server::start(Launch { config, folder, clock, embedded, page: None }).expect("it starts")
}

/// A Period with its tracks, and their names.
fn seed() -> (Arc<Period>, Vec<String>) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let config = format!("{LISTENERS}{}", channel("seed", "loop = \"demo.mp4\""));
    let server = start(folder.path(), &config);
    loop {
        thread::sleep(Duration::from_millis(100));
        let snapshot = server.origin.channel("bench", "seed").expect("it is there").snapshot();
        let Some(view) = snapshot.segmentations.get(&KEY) else { continue };
        let names = view.period.tracks.iter().map(|track| {
            let list = view.rendition(track.rendition)?;
            (!list.rows.is_empty()).then(|| list.rendition.name.clone())
        });
        if let Some(names) = names.collect::<Option<Vec<_>>>() {
            let period = Arc::clone(&view.period);
            server.stop();
            return (period, names);
        }
    }
}

fn shelf(folder: &Path, catalogue: &Arc<Catalogue>, name: &str) -> Shelf {
    Shelf {
        channel: format!("bench/{name}"),
        folder: folder.join("var/archive/bench").join(name),
        catalogue: Arc::clone(catalogue),
        pages: Arc::default(),
        store: None,
    }
}

fn name(n: usize) -> String {
    format!("c{n:03}")
}

/// Days of channels; of the first every reel is there, of the others the newest.
fn archive(folder: &Path, channels: usize, days: i64, to: i64, of: &(Arc<Period>, Vec<String>)) {
    let path = folder.join("var/archive/catalogue.sqlite3");
    let catalogue = Arc::new(Catalogue::open(&path).expect("opened"));
    for n in 0..channels {
        let wanted = Synthetic {
            key: KEY,
            from: to - days * DAY,
            to,
            reel: REEL.floor_millis(),
            chunk: 100_000,
            files: if n == 0 { usize::MAX } else { 4 },
        };
        let shelf = shelf(folder, &catalogue, &name(n));
        shelf.synthesize(&of.0, &of.1, wanted).expect("written");
    }
}

fn status(address: SocketAddr, path: &str) -> u16 {
    let mut stream = TcpStream::connect(address).expect("connected");
    let request = format!("GET {path} HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).expect("sent");
    let mut answer = String::new();
    let _ = stream.read_to_string(&mut answer);
    answer.get(9..12).and_then(|status| status.parse().ok()).unwrap_or(0)
}

/// Kilobytes in memory.
fn resident() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(0)
}

fn gzip(text: &str) -> usize {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text.as_bytes()).expect("memory");
    encoder.finish().expect("memory").len()
}

fn lists_of(rows: std::collections::BTreeMap<String, Stretch>) -> PastLists {
    rows.into_iter().map(|(name, of)| (name, (of.rendition, of.rows))).collect()
}

/// One list of an hour from the archive.
fn from_archive(shelf: &Shelf, rules: &EndpointRules, list: &str, from: i64) -> Arc<str> {
    let to = from + HOUR;
    let rows = shelf.rows(&KEY.into(), (from, to), Some(list)).expect("read");
    let shift = Shift { start: Some(from), end: Some(to), ..Shift::default() };
    let span = Span { from, to, reach: Reach::Until(to) };
    let what = PastManifest::Media(list.to_owned());
    let view = PastView { what, shift, span, now: to + DAY };
    render_past(rules, &view, lists_of(rows), None).expect("rendered").text
}

/// The live list of an hour, from rows in memory.
fn in_memory(shelf: &Shelf, from: i64) -> Snapshot {
    let rows = lists_of(shelf.rows(&KEY.into(), (from, from + HOUR), None).expect("read"));
    let view = past(KEY, rows, None, MediaTime::from_millis(from), |_| true).expect("rows");
    Snapshot { segmentations: [(KEY, view)].into(), ..Snapshot::default() }
}

fn timed<T>(work: impl FnOnce() -> T) -> (T, f64) {
    let began = Instant::now();
    let made = work();
    (made, began.elapsed().as_secs_f64() * 1000.0)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn main() {
    if std::env::args().any(|argument| argument == "--test") {
        return;
    }
    let channels = std::env::args().find_map(|argument| argument.parse().ok()).unwrap_or(CHANNELS);
    let of = seed();
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("after 1970");
    let to = i64::try_from(now.as_millis()).expect("before the year 292 million");
    let to = to - to % REEL.floor_millis();
    let (long, short) = (tempfile::tempdir(), tempfile::tempdir());
    let (long, short) = (long.expect("a folder"), short.expect("a folder"));
    let ((), made) = timed(|| archive(long.path(), channels, 30, to, &of));
    archive(short.path(), 1, 1, to, &of);
    println!("an archive of {channels} channels and 30 days, made in {:.1} s", made / 1000.0);

    let configured: String = (0..channels).map(|n| channel(&name(n), "")).collect();
    let before = resident();
    let (server, began) = timed(|| start(long.path(), &format!("{LISTENERS}{configured}")));
    let ((), first) = timed(|| {
        for n in 0..channels {
            let (start, end) = (to / 1000 - 540, to / 1000 - 60);
            let asked = format!("/v1/bench/1/{}/manifest.m3u8?start={start}&end={end}", name(n));
            assert_eq!(status(server.egress, &asked), 200, "{asked}");
        }
    });
    println!("start {began:.0} ms; then a first manifest of each channel {first:.0} ms together");
    println!("memory of it all {} MiB", (resident() - before) / 1024);

    let handle = server.origin.channel("bench", &name(0)).expect("it is there");
    let shown = handle.shown();
    let rules: &EndpointRules = &shown.endpoints[&1].rules;
    let kept = handle.shelf().expect("an archive");
    let snapshot = in_memory(kept, to - HOUR);
    let rendition = snapshot.segmentations[&KEY].renditions[0].rendition.clone();
    let live =
        || render(&snapshot, rules, ViewKind::Media { rendition: rendition.id, skip: false });
    let day = Catalogue::open(&short.path().join("var/archive/catalogue.sqlite3"));
    let of_a_day = shelf(short.path(), &Arc::new(day.expect("opened")), &name(0));
    let mut times: [Vec<f64>; 5] = Default::default();
    let mut packed: [Vec<f64>; 2] = Default::default();
    for turn in 0..TURNS {
        let from = to - 29 * DAY + i64::try_from(turn).expect("few") * DAY + 1000;
        // The first of a stretch waits for the disk; what that costs is the disk's.
        let unread = Shelf { pages: Arc::default(), ..kept.clone() };
        times[4].push(timed(|| from_archive(&unread, rules, &rendition.name, from)).1);
        let cold = Shelf { pages: Arc::default(), ..kept.clone() };
        let (text, took) = timed(|| from_archive(&cold, rules, &rendition.name, from));
        times[0].push(took);
        let (_, took) = timed(|| from_archive(&cold, rules, &rendition.name, from));
        times[1].push(took);
        let fresh = Shelf { pages: Arc::default(), ..of_a_day.clone() };
        let within = to - 20 * HOUR + i64::try_from(turn).expect("few") * 60_000;
        from_archive(&of_a_day, rules, &rendition.name, within);
        times[2].push(timed(|| from_archive(&fresh, rules, &rendition.name, within)).1);
        let (alive, took) = timed(live);
        times[3].push(took);
        let alive = alive.expect("a list");
        let segments = |text: &str| text.matches("#EXTINF").count();
        assert!(segments(&text) >= 1800 && segments(&alive) >= 1790, "{}", segments(&alive));
        packed[0].push(timed(|| gzip(&text)).1);
        packed[1].push(timed(|| gzip(&alive)).1);
    }
    let [cold, warm, short, memory, unread] = times.map(median);
    let [old, new] = packed.map(median);
    println!("a list of one hour (1,800 segments), milliseconds:");
    println!("  from memory                     {memory:.2}");
    println!("  of 30 days, pages in memory     {warm:.2}   × {:.2}", warm / memory);
    println!("  of 30 days, pages read          {cold:.2}   × {:.2}", cold / memory);
    println!("  the same, first from the disk   {unread:.2}   × {:.2}", unread / memory);
    println!("  of 1 day, pages read            {short:.2}   × {:.2} of 30 days'", cold / short);
    println!("  gzip: memory {new:.2}, past {old:.2}");
    println!("  with gzip, pages read           × {:.2}", (cold + old) / (memory + new));
    server.stop();
}
