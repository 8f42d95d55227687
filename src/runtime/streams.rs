//! Streams that are published by RTMP find the channels they are for: those of OTT channels by their
//! URLs, live streams by the package configuration that matches them.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwap;
use sha2::{Digest, Sha256};
use tokio::sync::Mutex as Turn;

use super::channel::ChannelHandle;
use super::origin::Origin;
use super::supervisor::Desired;
use crate::api::model::effective::{self, LIVE_GROUP, live_channel};
use crate::api::model::live::{ForStreams, Package, matching};
use crate::config::{Channel, Limits, Name};
use crate::media::VariantName;
use crate::resolve::{Protocol, Published, PublishedError};

/// Channels of live streams at a time. Beyond it one that nobody publishes makes way.
const LIVE_MAX: usize = 1_000;
/// The share of `limits.ingest_connections` that streams may have which nobody packages.
const UNPACKAGED_SHARE: usize = 4;

/// What the control plane asks for, as it stands now, and the channels of streams that were published.
#[derive(Debug)]
pub struct Streams {
    desired: ArcSwap<effective::Desired>,
    live: Mutex<Live>,
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
}

#[derive(Clone, Debug)]
struct LiveChannel {
    channel: Channel,
    /// Whether `{stream}_{rung}` are rungs of it.
    ladder: bool,
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

impl Live {
    /// Puts a channel in, in the place of the one that has not been published for longest where there
    /// are too many. False where all are being published.
    fn put(
        &mut self,
        name: Name,
        mut channel: LiveChannel,
        is_idle: impl Fn(&Name) -> bool,
    ) -> bool {
        if self.channels.len() >= LIVE_MAX && !self.channels.contains_key(&name) {
            let idle = self.channels.iter().filter(|(name, _)| is_idle(name));
            let oldest = idle.min_by_key(|(_, live)| live.published).map(|(name, _)| name.clone());
            let Some(oldest) = oldest else { return false };
            self.channels.remove(&oldest);
        }
        self.published += 1;
        channel.published = self.published;
        self.channels.insert(name, channel);
        true
    }
}

impl Streams {
    pub(super) fn new(limits: Limits) -> Self {
        Streams {
            desired: ArcSwap::default(),
            live: Mutex::default(),
            turn: Turn::default(),
            unpackaged: Arc::default(),
            limits,
        }
    }

    /// From now on this is asked for.
    pub(super) fn ask(&self, desired: effective::Desired) {
        self.desired.store(Arc::new(desired));
    }

    fn live(&self) -> MutexGuard<'_, Live> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes the server's channels those that are asked for.
    pub(super) async fn put_into_force(&self, origin: &Origin) {
        let _turn = self.turn.lock().await;
        let mut channels = self.desired.load().channels.clone();
        channels.extend(self.live().channels.values().map(|live| live.channel.clone()));
        if let Err(failed) = origin.desire(Desired::Api, channels).await {
            for why in failed {
                tracing::error!(%why, "what the control plane asks for cannot be put into force");
            }
        }
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
        let shift = matching(&desired.shifts, host, app, name).map(|shift| &shift.form);
        let names = Name::parse(LIVE_GROUP).zip(stream.channel());
        let Some((group, name)) = names else { return Destination::Unknown };
        let mut channel = live_channel((group, name.clone()), &package.form, shift, &self.limits);
        for endpoint in &mut channel.endpoints {
            match stream.published(endpoint.protocol) {
                Ok(published) => endpoint.published = published,
                Err(why) => return Destination::Unplayable(why),
            }
        }
        let is_idle = |name: &Name| {
            let channel = origin.channel(LIVE_GROUP, name.as_str());
            channel.is_none_or(|channel| channel.publishers.is_idle())
        };
        if !self.live().put(name.clone(), live_of(channel, package), is_idle) {
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
            let ladder = self.live().channels.get(&name).is_some_and(|live| live.ladder);
            if ladder { Some((origin.channel(LIVE_GROUP, name.as_str())?, rung)) } else { None }
        })
    }
}

fn live_of(channel: Channel, package: &Package) -> LiveChannel {
    LiveChannel { channel, ladder: !package.form.ignore_transcode, published: 0 }
}
