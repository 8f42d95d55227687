//! What the control plane asks for, put into force: its channels become the server's, and streams that
//! are published by RTMP find the channels they are for.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use sha2::{Digest, Sha256};
use tokio::sync::{Mutex as Turn, watch};

use super::channel::ChannelHandle;
use super::origin::Origin;
use super::supervisor::Desired;
use crate::api::model::effective::{self, LIVE_GROUP, live_channel};
use crate::api::model::live::matching;
use crate::api::{Change, Effect};
use crate::config::{Channel, Limits, Name};
use crate::media::VariantName;
use crate::resolve::Published;

/// Channels of live streams at a time: beyond it no new one is packaged.
const LIVE_MAX: usize = 10_000;

/// What the control plane asks for, as it stands now, and the channels of streams that were published.
#[derive(Debug)]
pub struct Streams {
    desired: ArcSwap<effective::Desired>,
    /// By name, with the streams they are of.
    live: Mutex<BTreeMap<Name, Live>>,
    /// Who makes channels of what is asked for: one after the other, so that the last one's last.
    turn: Turn<()>,
    limits: Limits,
}

/// A channel of a live stream.
#[derive(Clone, Debug)]
struct Live {
    channel: Channel,
    /// Whether `{stream}_{rung}` are rungs of it.
    ladder: bool,
}

/// What becomes of a stream.
#[derive(Debug)]
pub enum Destination {
    /// It goes to a channel, as this rung.
    To(Arc<ChannelHandle>, VariantName),
    /// The control plane packages streams of this host, and not this one.
    Unpackaged,
    /// The control plane knows nothing of it.
    Unknown,
}

/// The name of a live stream's channel: the same for the same stream, whatever letters it has.
fn name_of(domain: &str, app: &str, stream: &str) -> Option<Name> {
    let digest: [u8; 32] = Sha256::digest(format!("{domain}/{app}/{stream}")).into();
    let (half, _) = digest.split_first_chunk()?;
    Name::parse(&format!("{:032x}", u128::from_be_bytes(*half)))
}

impl Streams {
    pub(super) fn new(limits: Limits) -> Self {
        Streams {
            desired: ArcSwap::default(),
            live: Mutex::default(),
            turn: Turn::default(),
            limits,
        }
    }

    fn live(&self) -> std::sync::MutexGuard<'_, BTreeMap<Name, Live>> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes the server's channels those that are asked for.
    async fn put_into_force(&self, origin: &Origin) {
        let _turn = self.turn.lock().await;
        let mut channels = self.desired.load().channels.clone();
        channels.extend(self.live().values().map(|live| live.channel.clone()));
        if let Err(failed) = origin.desire(Desired::Api, channels).await {
            for why in failed {
                tracing::error!(%why, "what the control plane asks for cannot be put into force");
            }
        }
    }

    /// What becomes of a stream that is published to `app` of `host` (without a port).
    pub async fn publish(
        &self,
        origin: &Origin,
        host: &str,
        app: &str,
        stream: &str,
    ) -> Destination {
        let host = host.to_ascii_lowercase();
        let desired = self.desired.load_full();
        let pushed = desired.pushes.iter().find(|push| {
            push.domain.eq_ignore_ascii_case(&host) && push.app == app && push.stream == stream
        });
        if let Some(push) = pushed {
            let rung = push.rung.as_deref().and_then(VariantName::parse).unwrap_or_default();
            return match origin.channel(push.group.as_str(), push.channel.as_str()) {
                Some(channel) => Destination::To(channel, rung),
                None => Destination::Unknown,
            };
        }
        if let Some(place) = self.rung_of(origin, &host, app, stream) {
            return place;
        }
        let Some(package) = matching(&desired.packages, &host, app, stream) else {
            let known = desired.packages.iter().any(|p| p.streams.domain.as_str() == host);
            return if known { Destination::Unpackaged } else { Destination::Unknown };
        };
        let shift = matching(&desired.shifts, &host, app, stream);
        let names = Name::parse(LIVE_GROUP).zip(name_of(&host, app, stream));
        let Some((group, name)) = names else { return Destination::Unknown };
        let form = &package.form;
        let shift = shift.map(|shift| &shift.form);
        let mut channel = live_channel((group, name.clone()), form, shift, &self.limits);
        for endpoint in &mut channel.endpoints {
            let extensions =
                [(".m3u8", endpoint.protocol.has_hls()), (".mpd", endpoint.protocol.has_dash())];
            let paths = extensions.iter().filter(|(_, has)| *has);
            endpoint.published.extend(paths.filter_map(|(extension, _)| {
                Published::new(Some(&host), &format!("/{app}/{stream}{extension}")).ok()
            }));
        }
        {
            let mut live = self.live();
            if live.len() >= LIVE_MAX && !live.contains_key(&name) {
                return Destination::Unpackaged;
            }
            live.insert(name.clone(), Live { channel, ladder: !form.ignore_transcode });
        }
        self.put_into_force(origin).await;
        match origin.channel(LIVE_GROUP, name.as_str()) {
            Some(channel) => Destination::To(channel, VariantName::default()),
            None => Destination::Unpackaged,
        }
    }

    /// The channel of which a stream is a rung: `{stream}_{rung}` of one that takes its ladder.
    fn rung_of(&self, origin: &Origin, host: &str, app: &str, stream: &str) -> Option<Destination> {
        stream.rmatch_indices('_').find_map(|(at, _)| {
            let rung = VariantName::parse(&stream[at + 1..])?;
            let name = name_of(host, app, &stream[..at])?;
            let ladder = self.live().get(&name).is_some_and(|live| live.ladder);
            if !ladder || rung.as_str().is_empty() {
                return None;
            }
            Some(Destination::To(origin.channel(LIVE_GROUP, name.as_str())?, rung))
        })
    }
}

/// Takes changes, which never wait for what they ask for.
#[derive(Debug)]
pub(super) struct Asked {
    streams: Arc<Streams>,
    changed: watch::Sender<u64>,
}

impl Asked {
    /// One that takes changes for `streams`, and what tells of them.
    pub(super) fn new(streams: Arc<Streams>) -> (Self, watch::Receiver<u64>) {
        let (changed, changes) = watch::channel(0);
        (Asked { streams, changed }, changes)
    }
}

impl Effect for Asked {
    fn apply(&self, change: &Change) {
        self.streams.desired.store(Arc::new(change.desired.clone()));
        self.changed.send_replace(change.revision);
    }
}

/// Makes the server's channels those that are asked for, as long as it runs. Changes that come while
/// others are being made are made together.
pub(super) async fn put_into_force(mut changes: watch::Receiver<u64>, origin: Arc<Origin>) {
    let shutdown = origin.shutdown.clone();
    loop {
        changes.borrow_and_update();
        origin.streams.put_into_force(&origin).await;
        tokio::select! {
            changed = changes.changed() => if changed.is_err() { return },
            () = shutdown.wait() => return,
        }
    }
}
