//! HLS that is pulled: playlists asked for again and again, what is new in them fetched, all of it
//! given to a session as if it had been pushed.
//!
//! | file | is |
//! | --- | --- |
//! | `places` | which of its places each source is read at, and what all list together |
//! | `tops` | what the sources have at their tops |
//! | `follow` | what to fetch of a playlist, and when to ask again |
//! | `fetch` | what a playlist lists is fetched and given |
//! | `client` | one GET |
//! | `name` | what the rungs are called |
//!
//! Every media playlist of every source is followed on a task of its own, up to [`PLAYLISTS_MAX`]; parts of
//! low-latency playlists are fetched as they are listed. A source that fails at one of its places is
//! read at the next; so is one that brings nothing new.

mod client;
mod fetch;
mod follow;
mod name;
mod places;
mod tops;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::task::JoinSet;
use url::Url;

use self::client::Client;
use self::follow::{Follow, Wanted};
use self::places::{Listed, Places};
use super::live::{Live, give};
use super::segmented::{Multivariant, Playlist, TEXT_MAX, read_playlist};
use crate::config::Pull as Sources;
use crate::packager::{InputId, SourceEvent};
use crate::runtime::{ChannelHandle, Feed, Origin, Shutdown};

/// Media playlists followed at a time; more are left alone.
pub const PLAYLISTS_MAX: usize = 16;
/// Failures in a row after which a playlist is looked for anew, from the top.
const FAILURES_MAX: u32 = 5;
/// The same where its source has another place.
const FAILURES_BEFORE_ANOTHER: u32 = 1;
/// How much longer the rungs that have come wait for one that is to be found at another place: what players
/// have ahead is more.
const MOVES: Duration = Duration::from_secs(4);
/// How long sources are waited for once one has answered; the others join when they can.
const TOGETHER: Duration = Duration::from_secs(2);
/// The first wait after a failure; it doubles up to the longest.
const BACKOFF_MIN: Duration = Duration::from_millis(500);
const BACKOFF_MAX: Duration = Duration::from_secs(10);
/// How often a segment is asked for.
const TRIES: u32 = 3;
/// How long the head of an answer may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// One input that is pulled.
#[derive(Debug)]
pub struct Pull {
    origin: Arc<Origin>,
    channel: Arc<ChannelHandle>,
    input: InputId,
    client: Client,
    /// Told when nothing is to be pulled any more.
    halt: Shutdown,
    live: Mutex<Arc<Live>>,
    places: Mutex<Places>,
    /// What is followed of the playlists at the top, by keys.
    top: Mutex<Option<(String, Multivariant)>>,
    /// What was read of each playlist, over all attempts: what was taken is not taken again.
    follows: Mutex<BTreeMap<Url, Follow>>,
    /// What of each playlist a session was promised and could not be had: it is fetched at another place.
    owed: Mutex<BTreeMap<Url, Owed>>,
    /// Whether the attempt that goes on has brought anything.
    brought: AtomicBool,
}

/// Why a source is read no more where it was.
#[derive(Debug)]
struct Broken {
    /// Its place among the sources.
    source: usize,
    why: String,
}

/// Why a playlist brought nothing.
#[derive(Debug)]
enum Failed {
    /// It was not to be had: it is asked for again.
    List(String),
    /// Something that it lists was not, and may be at another place.
    Object(String),
}

/// What was promised of a playlist and could not be had, and to whom.
type Owed = (Weak<Live>, Vec<Wanted>);

/// Pulls `sources` into an input until it is halted; then its source is lost, if the server goes on.
pub async fn run(
    sources: Sources,
    input: InputId,
    origin: Arc<Origin>,
    channel: Arc<ChannelHandle>,
    halt: Shutdown,
) {
    let places = Places::new(sources.into());
    let client = match Client::new() {
        Ok(client) => client,
        Err(error) => return refuse(&channel, input, &places.url(0), &error.to_string()),
    };
    let moves = if places.have_others() { MOVES } else { Duration::ZERO };
    let live = Mutex::new(Live::new(&origin, &channel, input, moves));
    let (places, top, follows) = (Mutex::new(places), Mutex::default(), Mutex::default());
    let (owed, brought) = (Mutex::default(), AtomicBool::default());
    let pull =
        Pull { origin, channel, input, client, halt, live, places, top, follows, owed, brought };
    let pull = Arc::new(pull);
    let watching = tokio::spawn(Arc::clone(&pull).watch());
    let mut backoff = BACKOFF_MIN;
    loop {
        let broken = pull.attempt().await;
        for broken in &broken {
            pull.leave(broken);
        }
        // Where something came it may be tried again at once.
        if pull.brought.swap(false, Ordering::Relaxed) {
            backoff = BACKOFF_MIN;
            if !broken.is_empty() && locked(&pull.places).have_others() && !pull.halt.begun() {
                continue;
            }
        }
        if !pull.wait(backoff).await {
            break;
        }
        backoff = (backoff * 2).min(BACKOFF_MAX);
    }
    // It ends when it sees that it is halted; where it panicked that has been said.
    let _ = watching.await;
    if pull.origin.shutdown.begun() {
        return;
    }
    let source = pull.live().session.lock().await.source();
    pull.channel.feed(Feed { source, events: vec![SourceEvent::Lost] }).await;
}

/// Notes where operators look why nothing comes.
fn refuse(channel: &ChannelHandle, input: InputId, url: &Url, why: &str) {
    // What is secret in a URL stands before the host or behind the path.
    let (scheme, host, path) = (url.scheme(), url.host_str().unwrap_or_default(), url.path());
    let why = format!("cannot pull {scheme}://{host}{path}: {why}");
    let (group, name) = (&channel.group, &channel.name);
    tracing::warn!(group, channel = name, input = input.0, why, "a source was not reached");
    channel.status.refused(input.0, why);
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Pull {
    /// The session that lives.
    fn live(&self) -> Arc<Live> {
        Arc::clone(&locked(&self.live))
    }

    /// Tells sessions how time passes: where one is over, the next begins.
    async fn watch(self: Arc<Self>) {
        while !self.halt.begun() {
            self.live().watch(&self.origin, &self.channel, &self.halt).await;
            if self.halt.begun() {
                return;
            }
            let moves = if locked(&self.places).have_others() { MOVES } else { Duration::ZERO };
            *locked(&self.live) = Live::new(&self.origin, &self.channel, self.input, moves);
        }
    }

    /// False where it is halted.
    async fn wait(&self, time: Duration) -> bool {
        let until = self.origin.clock.now().mono.after(time);
        tokio::select! {
            () = self.origin.clock.sleep_until(until) => true,
            () = self.halt.wait() => false,
        }
    }

    /// False where it is halted or what is waited for is `lost`.
    async fn wait_unless(&self, time: Duration, lost: &Shutdown) -> bool {
        tokio::select! {
            waited = self.wait(time) => waited && !lost.begun(),
            () = lost.wait() => false,
        }
    }

    /// Says why a source is read no more where it was, and has it read at its next place.
    fn leave(&self, Broken { source, why }: &Broken) {
        if self.halt.begun() {
            return;
        }
        let mut places = locked(&self.places);
        let url = places.url(*source);
        places.go_on(*source);
        drop(places);
        refuse(&self.channel, self.input, &url, why);
    }

    /// Reads what is at the top of each source and follows what they list, until all have ended or one is
    /// lost. Gives those that are to be read at another place.
    async fn attempt(self: &Arc<Self>) -> Vec<Broken> {
        let sources = locked(&self.places).to_read();
        let (tops, broken) = self.tops(&sources).await;
        if tops.is_empty() {
            return broken;
        }
        let (listed, together, missing) = locked(&self.places).list(&tops);
        *locked(&self.top) = together.map(|all| (tops[0].base.to_string(), all));
        let known = locked(&self.places).keys();
        locked(&self.follows).retain(|key, _| known.contains(key));
        locked(&self.owed).retain(|key, _| known.contains(key));
        for broken in &broken {
            self.leave(broken);
        }
        let (mut followers, mut seekers) = (JoinSet::new(), JoinSet::new());
        let lost = Shutdown::default();
        for one in listed {
            followers.spawn(Arc::clone(self).follow(one, lost.clone()));
        }
        for source in missing {
            seekers.spawn(Arc::clone(self).seek(source, lost.clone()));
        }
        self.channel.status.connected(self.input.0);
        let mut failed: BTreeMap<usize, Broken> = BTreeMap::new();
        while let Some(one) = followers.join_next().await {
            // The others end what they are at: what one has listed is not to be left unfetched.
            match one {
                Ok(Ok(())) => continue,
                Ok(Err(broken)) => drop(failed.entry(broken.source).or_insert(broken)),
                Err(panicked) => tracing::error!(%panicked, "a playlist is followed no more"),
            }
            lost.begin();
        }
        // Where all have ended they may begin anew, whatever is still looked for.
        lost.begin();
        while seekers.join_next().await.is_some() {}
        self.channel.status.disconnected(self.input.0);
        failed.into_values().collect()
    }

    /// Follows one media playlist to its end, until it has failed too often, or until another is lost.
    async fn follow(self: Arc<Self>, listed: Listed, lost: Shutdown) -> Result<(), Broken> {
        let mut follow = locked(&self.follows).remove(&listed.key).unwrap_or_default();
        let followed = self.follow_on(&listed, &mut follow, &lost).await;
        locked(&self.follows).insert(listed.key, follow);
        followed.map_err(|why| Broken { source: listed.source, why })
    }

    async fn follow_on(
        &self,
        listed: &Listed,
        follow: &mut Follow,
        lost: &Shutdown,
    ) -> Result<(), String> {
        let has_others = locked(&self.places).of(listed.source) > 1;
        let most = if has_others { FAILURES_BEFORE_ANOTHER } else { FAILURES_MAX };
        let mut failures = 0;
        let (mut query, mut wait) = (String::new(), Duration::ZERO);
        let mut new_at = self.origin.clock.now().mono;
        while self.wait_unless(wait, lost).await {
            match self.reload(listed, follow, &query, lost).await {
                Ok(brought) => {
                    failures = 0;
                    if follow.ended {
                        return Ok(());
                    }
                    let now = self.origin.clock.now().mono;
                    if brought {
                        new_at = now;
                    } else if has_others && !lost.begun() && now.since(new_at) > follow.stale() {
                        return Err("nothing new is listed".to_owned());
                    }
                    (query, wait) = follow.next_request(brought);
                }
                Err(Failed::Object(why)) => return Err(why),
                Err(Failed::List(why)) if failures == most => return Err(why),
                Err(Failed::List(_)) => {
                    (query, wait) = (String::new(), BACKOFF_MIN * 2_u32.pow(failures));
                    failures += 1;
                }
            }
        }
        Ok(())
    }

    /// Asks for a playlist once and fetches what is new in it. Gives whether anything was.
    async fn reload(
        &self,
        listed: &Listed,
        follow: &mut Follow,
        query: &str,
        lost: &Shutdown,
    ) -> Result<bool, Failed> {
        let mut url = listed.url.clone();
        if !query.is_empty() {
            let before = url.query().map_or(String::new(), |before| format!("{before}&"));
            url.set_query(Some(&format!("{before}{query}")));
        }
        let text = self.client.text(&url, TEXT_MAX, follow.patience());
        let (base, text) = tokio::select! {
            text = text => text.map_err(|error| Failed::List(error.to_string()))?,
            () = self.halt.wait() => return Ok(false),
            () = lost.wait() => return Ok(false),
        };
        let playlist = match read_playlist(&text) {
            Ok(Playlist::Media(playlist)) => playlist,
            Ok(Playlist::Multivariant(_)) => {
                let why = "a multivariant playlist stands where a media playlist should";
                return Err(Failed::List(why.to_owned()));
            }
            Err(error) => return Err(Failed::List(error.to_string())),
        };
        let live = self.live();
        let mut wanted = self.settle(&live, &listed.key, &playlist, &base).await;
        let (units, new) = follow.take(&playlist, &base);
        wanted.extend(new);
        let mut session = live.session.lock().await;
        if let Some((base, top)) = &*locked(&self.top) {
            session.expect_pulled(base, top);
        }
        let now = self.origin.clock.now();
        let taken = session.take_pulled(now, listed.key.as_str(), &listed.name, &units);
        give(&self.channel, &mut session).await;
        drop(session);
        live.called.notify_one();
        taken.map_err(|refusal| Failed::List(refusal.to_string()))?;
        self.fetch_all(&live, listed, wanted).await.map_err(Failed::Object)?;
        if !units.segments.is_empty() {
            self.brought.store(true, Ordering::Relaxed);
            locked(&self.places).is_back(listed.source);
        }
        Ok(!units.segments.is_empty())
    }
}
