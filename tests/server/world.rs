//! A server for a test, and the clock it lives by.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use headwater::config::{Channel, Config};
use headwater::packager::{SegmentationKey, SegmentationView, Snapshot};
use headwater::runtime::{ChannelHandle, Clock, Desired, DrivenClock, Launch, Server, ServerError};
use headwater::units::{MediaDuration, Monotonic, Now, WallTime};
use tempfile::TempDir;

use crate::client::{Connection, PATIENCE, Reply};

/// Two rungs and audio, eight seconds, a sync sample a second.
const LOOP: &[u8] = include_bytes!("../../fixtures/loop/two-rungs.mp4");
/// The demo's: sixteen seconds of about a megabit.
const LARGE: &[u8] = include_bytes!("../../fixtures/demo/demo.mp4");
/// Where the driven clock begins: a whole number of loops since the epoch, and 200 ms.
const BEGINNING_MS: i64 = 1_800_000_000_200;

/// The segmentation of `LISTENERS`' low-latency endpoints in these tests.
pub(crate) const LOW: SegmentationKey = SegmentationKey::new(1000, Some(500));

/// What every configuration begins with.
pub(crate) const LISTENERS: &str = r#"
[egress]
listen = "127.0.0.1:0"
workers = 1
[ingest]
http = "127.0.0.1:0"
[admin]
listen = "127.0.0.1:0"
"#;

/// A loop in four forms: 1 low-latency, 2 HLS, 3 DASH, 4 both.
pub(crate) const LOOPED: &str = r#"
[[channel]]
group = "g"
name = "c"
loop = "loop.mp4"
  [[channel.endpoint]]
  name = "low"
  protocol = "LLHLS_CMAF"
  segment_duration = "1s"
  part_duration = "500ms"
  segment_num = 12
  open = true
  [[channel.endpoint]]
  name = "hls"
  protocol = "HLS_CMAF"
  segment_duration = "2s"
  segment_num = 4
  open = true
  [[channel.endpoint]]
  name = "dash"
  protocol = "DASH_CMAF"
  segment_duration = "2s"
  window = "10s"
  open = true
  [[channel.endpoint]]
  name = "both"
  protocol = "HLSDASH_CMAF"
  segment_duration = "2s"
  segment_num = 4
  window = "10s"
  open = true
"#;

/// A configuration whose lists do not go on over a restart: what state alone keeps is all there is.
pub(crate) fn cold(sections: &str) -> String {
    format!("[store]\nkeep_lists = false\n{sections}")
}

/// A server, ended in order when it is dropped.
#[derive(Debug)]
pub(crate) struct World {
    server: Option<Server>,
    pub(crate) clock: Option<Arc<DrivenClock>>,
    _folder: Arc<TempDir>,
}

impl Drop for World {
    fn drop(&mut self) {
        if let Some(server) = self.server.take() {
            server.stop();
        }
    }
}

pub(crate) fn folder() -> Arc<TempDir> {
    Arc::new(tempfile::tempdir().expect("a temporary folder"))
}

fn launch(config: &str, folder: &Arc<TempDir>, clock: Clock) -> Result<Server, ServerError> {
    let config = Config::parse(config).expect("a valid configuration");
    let loops = if config.channels.iter().any(|c| c.loop_file == Some(PathBuf::from("large.mp4"))) {
        (PathBuf::from("large.mp4"), LARGE)
    } else {
        (PathBuf::from("loop.mp4"), LOOP)
    };
    let folder = folder.path().to_owned();
    Server::start(Launch { config, folder, clock, embedded: Some(loops), page: None })
}

impl World {
    /// A server whose clock stands at the beginning until a test moves it. `limits` may hold
    /// sections too: `LISTENERS` stand before it.
    pub(crate) fn driven(sections: &str) -> Self {
        World::driven_in(&folder(), 0, sections)
    }

    /// The same in a folder that another server may have used, so much later.
    pub(crate) fn driven_in(folder: &Arc<TempDir>, later_ms: i64, sections: &str) -> Self {
        let wall = WallTime((BEGINNING_MS + later_ms) * 1_000_000);
        let clock = DrivenClock::new(Now { mono: Monotonic(1_000_000_000), wall });
        let driven = Clock::Driven(Arc::clone(&clock));
        let sections = if sections.contains("[egress]") {
            sections.to_owned()
        } else {
            format!("{LISTENERS}{sections}")
        };
        let server = launch(&sections, folder, driven).expect("the server starts");
        World { server: Some(server), clock: Some(clock), _folder: Arc::clone(folder) }
    }

    /// A server that plays the loop, once it does.
    pub(crate) async fn looped(sections: &str) -> Self {
        let world = World::driven(sections);
        world.settled().await;
        world
    }

    /// Whether a server with this configuration starts.
    pub(crate) fn starts(config: &str) -> Result<(), ServerError> {
        launch(config, &folder(), Clock::system()).map(Server::stop)
    }

    pub(crate) fn server(&self) -> &Server {
        self.server.as_ref().expect("it runs until it is dropped")
    }

    /// Has the channels of this configuration be the file's.
    pub(crate) async fn desire(&self, sections: &str) {
        let config = Config::parse(sections).expect("a valid configuration");
        self.desire_as(Desired::File, config.channels).await;
    }

    /// Has these channels be those that `source` wants.
    pub(crate) async fn desire_as(&self, source: Desired, channels: Vec<Channel>) {
        let applied = self.server().origin.desire(source, channels).await;
        applied.expect("nothing is wrong with them");
    }

    /// Ends the server in order.
    pub(crate) fn stop(mut self) {
        self.server.take().expect("it runs until now").stop();
    }

    pub(crate) fn egress(&self) -> SocketAddr {
        self.server().egress
    }

    pub(crate) async fn get(&self, path: &str) -> Reply {
        self.ask("GET", path, &[]).await
    }

    pub(crate) async fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> Reply {
        Connection::open(self.egress()).await.ask(method, path, headers).await
    }

    pub(crate) async fn admin(&self, path: &str) -> Reply {
        Connection::open(self.server().admin).await.get(path).await
    }

    /// The sum of the metrics whose name and labels begin so.
    pub(crate) fn metric(&self, begins: &str) -> i64 {
        let text = self.server().origin.metrics.scrape();
        let lines = text.lines().filter(|line| line.starts_with(begins));
        lines.map(|line| line.rsplit(' ').next().unwrap().parse::<i64>().unwrap()).sum()
    }

    pub(crate) fn channel(&self) -> Arc<ChannelHandle> {
        self.server().origin.channels().next().expect("one channel")
    }

    pub(crate) fn snapshot(&self) -> Arc<Snapshot> {
        self.channel().snapshot()
    }

    /// Waits, bounded, until the server's own state is as a test wants it.
    pub(crate) async fn until(&self, what: &str, mut done: impl FnMut(&World) -> bool) {
        until(what, || done(self)).await;
    }

    pub(crate) async fn waiters(&self, count: i64) {
        self.until(&format!("{count} requests wait"), |w| w.metric("headwater_waiters ") == count)
            .await;
    }

    /// Moves the clock.
    pub(crate) fn advance(&self, ms: u64) {
        self.clock.as_ref().expect("a driven clock").advance(Duration::from_millis(ms));
    }

    /// Moves the clock by half a second, a part, and waits for what the loop brings.
    pub(crate) async fn step(&self) {
        self.advance(500);
        self.settled().await;
    }

    /// Waits until the loop's media up to now is published: the clock stands 200 or 700 ms after a
    /// whole second, so that each list has a part for each half second of its open segment.
    pub(crate) async fn settled(&self) {
        let now = self.server().origin.clock.now().wall.millis();
        self.until("the loop's media is published", |world| {
            let snapshot = world.snapshot();
            !snapshot.segmentations.is_empty()
                && snapshot.segmentations.iter().all(|(key, view)| {
                    let segment = i64::from(key.segment_ms);
                    let into = usize::try_from(now.rem_euclid(segment)).expect("small");
                    has_come(view, now, segment, key.part_ms.map(|_| into / 500))
                })
        })
        .await;
    }
}

fn has_come(view: &SegmentationView, now: i64, segment_ms: i64, parts: Option<usize>) -> bool {
    let end = now - now.rem_euclid(segment_ms);
    view.renditions.iter().all(|list| {
        let ends = list.rows.last().map_or(0, |row| row.end_time().floor_millis());
        // Audio frames straddle the cut.
        let open = list.position().1.map_or(0, |(_, parts)| parts);
        (ends - end).abs() < 30 && parts.is_none_or(|parts| open == parts)
    })
}

/// Waits, bounded, until something is so. The only wait of these tests that looks again and again.
pub(crate) async fn until(what: &str, mut done: impl FnMut() -> bool) {
    let mut again = tokio::time::interval(Duration::from_millis(2));
    let all = async {
        while !done() {
            again.tick().await;
        }
    };
    assert!(tokio::time::timeout(PATIENCE, all).await.is_ok(), "in vain: {what}");
}

/// The duration of a test's seconds, for comparisons with media's.
pub(crate) fn seconds(s: i64) -> MediaDuration {
    MediaDuration::from_secs(s)
}
