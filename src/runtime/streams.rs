//! Streams that are published by RTMP find the channels they are for: those of OTT channels by their
//! URLs, live streams by the package configuration that matches them. Which live streams there are is
//! kept in a file: their lists, and their past, are there again after a restart.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwap;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tokio::sync::Mutex as Turn;

use super::channel::ChannelHandle;
use super::origin::Origin;
use super::supervisor::Desired;
use crate::api::model::effective::{self, LIVE_GROUP, live_channel};
use crate::api::model::live::{ForStreams, PackageForm, ShiftForm, matching};
use crate::config::{Channel, Limits, Name};
use crate::media::VariantName;
use crate::resolve::{Protocol, Published, PublishedError};

/// Channels of live streams at a time. Beyond it one that nobody publishes makes way.
const LIVE_MAX: usize = 1_000;
/// The file of live streams, in the store's folder.
const FILE: &str = "streams.json";
/// The share of `limits.ingest_connections` that streams may have which nobody packages.
const UNPACKAGED_SHARE: usize = 4;

/// What the control plane asks for, as it stands now, and the channels of streams that were published.
#[derive(Debug)]
pub struct Streams {
    desired: ArcSwap<effective::Desired>,
    live: Mutex<Live>,
    /// Where the live streams are kept.
    file: PathBuf,
    /// Who makes channels of what is asked for: one after the other, so that the last one's last.
    turn: Turn<()>,
    unpackaged: Arc<AtomicUsize>,
    limits: Limits,
}

/// The channels of live streams, by their names.
#[derive(Debug, Default)]
struct Live {
    channels: BTreeMap<Name, LiveChannel>,
    /// Publishes there have been.
    published: u64,
    /// Whether the file lacks any of it.
    unsaid: bool,
}

#[derive(Clone, Debug)]
struct LiveChannel {
    channel: Channel,
    stream: Stream,
}

/// A live stream as it was published last.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Stream {
    host: String,
    app: String,
    name: String,
    package: PackageForm,
    shift: Option<ShiftForm>,
    /// Which publish made it what it is.
    published: u64,
}

/// What becomes of a stream.
#[derive(Debug)]
pub enum Destination {
    /// It goes to a channel, as this rung.
    To(Arc<ChannelHandle>, VariantName),
    /// The control plane packages streams of this host, and not this one.
    Unpackaged(Unpackaged),
    /// There is no room for it.
    Full(String),
    /// Its name cannot stand in the URLs it would be played by.
    Unplayable(PublishedError),
    /// The control plane knows nothing of it.
    Unknown,
}

/// A place among the streams that nobody packages; given back when dropped.
#[derive(Debug)]
pub struct Unpackaged(Arc<AtomicUsize>);

impl Drop for Unpackaged {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A stream as it is published.
#[derive(Clone, Copy, Debug)]
pub struct StreamName<'a> {
    /// The host, without a port, in small letters.
    pub host: &'a str,
    /// The application.
    pub app: &'a str,
    /// The name.
    pub name: &'a str,
}

impl StreamName<'_> {
    /// The name of a live stream's channel: the same for the same stream, whatever letters it has.
    fn channel(&self) -> Option<Name> {
        let StreamName { host, app, name } = self;
        let digest: [u8; 32] = Sha256::digest(format!("{host}/{app}/{name}")).into();
        let (half, _) = digest.split_first_chunk()?;
        Name::parse(&format!("{:032x}", u128::from_be_bytes(*half)))
    }

    /// Where its manifests stand.
    fn published(&self, protocol: Protocol) -> Result<Vec<Published>, PublishedError> {
        let extensions = [(".m3u8", protocol.has_hls()), (".mpd", protocol.has_dash())];
        let stand = extensions.iter().filter(|(_, has)| *has);
        let path = |extension: &str| format!("/{}/{}{extension}", self.app, self.name);
        stand.map(|(extension, _)| Published::new(Some(self.host), &path(extension))).collect()
    }
}

impl Stream {
    fn called(&self) -> StreamName<'_> {
        StreamName { host: &self.host, app: &self.app, name: &self.name }
    }

    /// The channel it is run as; `None` where it has no name that a channel can have.
    fn channel(&self, limits: &Limits) -> Option<Result<Channel, PublishedError>> {
        let names = Name::parse(LIVE_GROUP)?;
        let names = (names, self.called().channel()?);
        let mut channel = live_channel(names, &self.package, self.shift.as_ref(), limits);
        for endpoint in &mut channel.endpoints {
            match self.called().published(endpoint.protocol) {
                Ok(published) => endpoint.published = published,
                Err(why) => return Some(Err(why)),
            }
        }
        Some(Ok(channel))
    }
}

impl Live {
    /// Those that a file holds.
    ///
    /// # Errors
    /// What the disk says, or the file, where it is there.
    fn read(path: &Path, limits: &Limits) -> io::Result<Self> {
        let text = match std::fs::read(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Live::default()),
            Err(error) => return Err(error),
        };
        let streams: Vec<Stream> = serde_json::from_slice(&text)?;
        let mut live = Live::default();
        for stream in streams {
            live.published = live.published.max(stream.published);
            if let Some(Ok(channel)) = stream.channel(limits) {
                live.channels.insert(channel.name.clone(), LiveChannel { channel, stream });
            }
        }
        Ok(live)
    }

    /// Puts a channel in, in the place of the one that has not been published for longest where there
    /// are too many. False where all are being published.
    fn put(
        &mut self,
        channel: Channel,
        mut stream: Stream,
        is_idle: impl Fn(&Name) -> bool,
    ) -> bool {
        let name = channel.name.clone();
        if self.channels.len() >= LIVE_MAX && !self.channels.contains_key(&name) {
            let idle = self.channels.iter().filter(|(name, _)| is_idle(name));
            let oldest = idle.min_by_key(|(_, live)| live.stream.published);
            let Some(oldest) = oldest.map(|(name, _)| name.clone()) else { return false };
            self.channels.remove(&oldest);
        }
        self.published += 1;
        stream.published = self.published;
        self.channels.insert(name, LiveChannel { channel, stream });
        self.unsaid = true;
        true
    }
}

impl Streams {
    /// None asked for yet; live streams as the file in `folder` has them.
    pub(super) fn new(folder: &Path, limits: Limits) -> Self {
        let file = folder.join(FILE);
        let live = Live::read(&file, &limits).unwrap_or_else(|error| {
            let path = file.display();
            tracing::error!(%path, %error, "the live streams of the last life cannot be read");
            Live::default()
        });
        Streams {
            desired: ArcSwap::default(),
            live: Mutex::new(live),
            file,
            turn: Turn::default(),
            unpackaged: Arc::default(),
            limits,
        }
    }

    /// From now on this is asked for.
    pub(super) fn ask(&self, desired: effective::Desired) {
        self.desired.store(Arc::new(desired));
    }

    /// Forgets live streams of the last life that no configuration matches any more.
    pub(super) fn forget_unwanted(&self) {
        let desired = self.desired.load();
        self.live().channels.retain(|_, live| {
            let Stream { host, app, name, .. } = &live.stream;
            matching(&desired.packages, host, app, name).is_some()
        });
    }

    fn live(&self) -> MutexGuard<'_, Live> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes the server's channels those that are asked for.
    pub(super) async fn put_into_force(&self, origin: &Origin) {
        let _turn = self.turn.lock().await;
        if let Err(error) = tokio::task::block_in_place(|| self.keep()) {
            let path = self.file.display();
            tracing::error!(%path, %error, "live streams cannot be kept over a restart");
        }
        let mut channels = self.desired.load().channels.clone();
        channels.extend(self.live().channels.values().map(|live| live.channel.clone()));
        if let Err(failed) = origin.desire(Desired::Api, channels).await {
            for why in failed {
                tracing::error!(%why, "what the control plane asks for cannot be put into force");
            }
        }
    }

    /// Writes down which live streams there are, where that has changed.
    fn keep(&self) -> io::Result<()> {
        let streams = {
            let mut live = self.live();
            if !std::mem::take(&mut live.unsaid) {
                return Ok(());
            }
            let streams = live.channels.values().map(|channel| &channel.stream);
            serde_json::to_vec(&streams.collect::<Vec<_>>())?
        };
        let next = self.file.with_extension("next");
        std::fs::write(&next, streams)?;
        std::fs::File::open(&next)?.sync_all()?;
        std::fs::rename(&next, &self.file)
    }

    /// The rung of an OTT channel that is pushed to this URL.
    #[must_use]
    pub fn pushed(
        &self,
        origin: &Origin,
        stream: StreamName<'_>,
    ) -> Option<(Arc<ChannelHandle>, VariantName)> {
        let desired = self.desired.load();
        let push = desired.pushes.iter().find(|push| {
            push.domain.eq_ignore_ascii_case(stream.host)
                && push.app == stream.app
                && push.stream == stream.name
        })?;
        let rung = push.rung.as_deref().and_then(VariantName::parse).unwrap_or_default();
        Some((origin.channel(push.group.as_str(), push.channel.as_str())?, rung))
    }

    /// What becomes of a live stream. Its channel is made where there is none yet.
    pub async fn publish(&self, origin: &Origin, stream: StreamName<'_>) -> Destination {
        let desired = self.desired.load_full();
        let StreamName { host, app, name } = stream;
        let package = matching(&desired.packages, host, app, name);
        // A configuration for just this stream says that it is one of its own.
        let own = package.is_some_and(|package| package.streams().stream.as_str() == name);
        if !own && let Some((channel, rung)) = self.rung_of(origin, stream) {
            return Destination::To(channel, rung);
        }
        let Some(package) = package else {
            let known = desired.packages.iter().any(|p| p.streams.domain.as_str() == host);
            return if known { self.unpackaged() } else { Destination::Unknown };
        };
        let shift = matching(&desired.shifts, host, app, name).map(|shift| shift.form);
        let (package, published) = (package.form, 0);
        let stream = Stream {
            host: host.to_owned(),
            app: app.to_owned(),
            name: name.to_owned(),
            package,
            shift,
            published,
        };
        let channel = match stream.channel(&self.limits) {
            Some(Ok(channel)) => channel,
            Some(Err(why)) => return Destination::Unplayable(why),
            None => return Destination::Unknown,
        };
        let is_idle = |name: &Name| {
            let channel = origin.channel(LIVE_GROUP, name.as_str());
            channel.is_none_or(|channel| channel.publishers.is_idle())
        };
        let name = channel.name.clone();
        if !self.live().put(channel, stream, is_idle) {
            return Destination::Full(format!(
                "{LIVE_MAX} live streams are being published, as many as may be"
            ));
        }
        self.put_into_force(origin).await;
        match origin.channel(LIVE_GROUP, name.as_str()) {
            Some(channel) => Destination::To(channel, VariantName::default()),
            None => Destination::Full("the stream's channel could not be made".to_owned()),
        }
    }

    /// A place for a stream that nobody packages. There are few: it brings nothing, and what it sends
    /// takes the place of what does.
    fn unpackaged(&self) -> Destination {
        let most = (self.limits.ingest_connections / UNPACKAGED_SHARE).max(1);
        let place = Unpackaged(Arc::clone(&self.unpackaged));
        let before = place.0.fetch_add(1, Ordering::Relaxed);
        if before < most {
            return Destination::Unpackaged(place);
        }
        Destination::Full(format!(
            "no package configuration matches this stream, and {most} such are published, as many as may be"
        ))
    }

    /// The channel of which a stream is a rung: `{stream}_{rung}` of one that takes its ladder.
    fn rung_of(
        &self,
        origin: &Origin,
        stream: StreamName<'_>,
    ) -> Option<(Arc<ChannelHandle>, VariantName)> {
        stream.name.rmatch_indices('_').find_map(|(at, _)| {
            let (whole, rung) = (&stream.name[..at], &stream.name[at + 1..]);
            let rung = VariantName::parse(rung).filter(|rung| !rung.as_str().is_empty())?;
            let name = StreamName { name: whole, ..stream }.channel()?;
            let ladder = |live: &LiveChannel| !live.stream.package.ignore_transcode;
            if self.live().channels.get(&name).is_some_and(ladder) {
                Some((origin.channel(LIVE_GROUP, name.as_str())?, rung))
            } else {
                None
            }
        })
    }
}
