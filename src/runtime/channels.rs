//! The channels of a configuration, made.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use url::Url;

use super::archivist::Archive;
use super::channel::{ChannelHandle, ChannelTask, Parts};
use super::clock::Clock;
use super::origin::{channel_config, endpoint_rules, kept};
use super::server::ServerError;
use super::state_file::{StateError, StateFiles};
use crate::archive::{Catalogue, Pages, Shelf};
use crate::config::{self, Config, PullUrl};
use crate::ingest::programme::{self, Programme};
use crate::observe::Metrics;
use crate::packager::{ChannelConfig, InputId, Lists};
use crate::resolve::EndpointRules;
use crate::units::MediaDuration;

/// An input that is pulled, and from where.
pub(super) type Pull = (Arc<ChannelHandle>, InputId, Url);
/// A channel and its slate.
pub(super) type Slate = (Arc<ChannelHandle>, Arc<Programme>);

/// What channels are made from.
pub(super) struct Launched<'a> {
    pub(super) config: &'a Config,
    pub(super) folder: &'a Path,
    pub(super) embedded: Option<&'a (PathBuf, &'static [u8])>,
}

/// The channels of a server, and what feeds and keeps them.
#[derive(Default)]
pub(super) struct Channels {
    pub(super) handles: Vec<Arc<ChannelHandle>>,
    pub(super) tasks: Vec<(ChannelTask, Option<Arc<Programme>>)>,
    pub(super) pulls: Vec<Pull>,
    pub(super) slates: Vec<Slate>,
    pub(super) archives: Vec<(Arc<ChannelHandle>, Archive)>,
}

impl Channels {
    pub(super) fn make(
        from: &Launched<'_>,
        metrics: &Metrics,
        clock: &Clock,
    ) -> Result<Self, ServerError> {
        let Launched { config, folder, embedded } = *from;
        let store = folder.join(&config.store.path);
        let files = StateFiles::open(&store)?;
        let reaches_back = |e: &config::Endpoint| kept(e, &config.limits).is_positive();
        let mut endpoints = config.channels.iter().flat_map(|channel| &channel.endpoints);
        let keeps = config.store.keep_lists || endpoints.any(reaches_back);
        let shelves = keeps.then(|| Shelves::open(&store)).transpose()?;
        let mut made = Channels::default();
        for channel in &config.channels {
            let read = |path: &Option<PathBuf>| {
                let read = |path| load(&channel.name.to_string(), path, folder, embedded);
                path.as_deref().map(read).transpose()
            };
            let programme = read(&channel.loop_file)?;
            let slate = read(&channel.slate)?;
            let (group, name) = (channel.group.to_string(), channel.name.to_string());
            let (file, state) = files.channel(&group, &name)?;
            let core = channel_config(channel, &config.limits);
            let shifted = channel.endpoints.iter().any(reaches_back);
            let shelves = shelves.as_ref().filter(|_| shifted || config.store.keep_lists);
            let shelf = shelves.map(|shelves| shelves.of(&group, &name));
            let back = channel.endpoints.iter().map(|e| kept(e, &config.limits)).max();
            let keep = back.unwrap_or(MediaDuration::ZERO).max(core.kept());
            let opened = shelf.as_ref().map(|shelf| open_archive(shelf, &core, keep));
            let (archive, rows) = opened.transpose()?.unzip();
            let rows = rows.filter(|_| config.store.keep_lists);
            let parts = Parts {
                metrics: metrics.channel(&group, &name),
                group,
                name,
                endpoints: rules(channel, &config.limits),
                credentials: channel.inputs.clone(),
                whitelists: channel.whitelists.clone(),
                looped: programme.is_some(),
                pulled: [0, 1].map(|n: usize| channel.pulls[n].is_some()),
                config: core,
                derived_bytes: config.limits.derived_bytes,
                shelf,
                state,
                rows: rows.unwrap_or_default(),
                file,
            };
            let (handle, task) = ChannelHandle::new(parts, clock.clone());
            made.pulls.extend(pulls_of(channel, &handle));
            made.archives.extend(archive.map(|archive| (Arc::clone(&handle), archive)));
            made.slates.extend(slate.map(|slate| (Arc::clone(&handle), slate)));
            made.handles.push(handle);
            made.tasks.push((task, programme));
        }
        Ok(made)
    }
}

/// A channel's endpoints by their ordinals.
fn rules(channel: &config::Channel, limits: &config::Limits) -> BTreeMap<u32, EndpointRules> {
    channel.endpoints.iter().map(|e| (e.ordinal, endpoint_rules(e, limits))).collect()
}

/// Where the archives of all channels lie.
struct Shelves {
    folder: PathBuf,
    catalogue: Arc<Catalogue>,
    pages: Arc<Pages>,
}

impl Shelves {
    fn open(store: &Path) -> Result<Self, ServerError> {
        let folder = store.join("archive");
        let path = folder.join("catalogue.sqlite3");
        let catalogue = Catalogue::open(&path)
            .map_err(|error| ServerError::State(StateError::Io { path, error }))?;
        Ok(Shelves { folder, catalogue: Arc::new(catalogue), pages: Arc::default() })
    }

    fn of(&self, group: &str, name: &str) -> Shelf {
        Shelf {
            channel: format!("{group}/{name}"),
            folder: self.folder.join(group).join(name),
            catalogue: Arc::clone(&self.catalogue),
            pages: Arc::clone(&self.pages),
        }
    }
}

fn open_archive(
    shelf: &Shelf,
    config: &ChannelConfig,
    keep: MediaDuration,
) -> Result<(Archive, Lists), ServerError> {
    let read = Archive::open(shelf, config, keep);
    let at = |error| ServerError::State(StateError::Io { path: shelf.folder.clone(), error });
    read.map_err(at)
}

fn pulls_of(channel: &config::Channel, handle: &Arc<ChannelHandle>) -> Vec<Pull> {
    let pull = |(n, from): (u8, &Option<PullUrl>)| {
        Some((Arc::clone(handle), InputId(n), from.as_ref()?.url().clone()))
    };
    (1..).zip(&channel.pulls).filter_map(pull).collect()
}

fn load(
    channel: &str,
    path: &Path,
    folder: &Path,
    embedded: Option<&(PathBuf, &'static [u8])>,
) -> Result<Arc<Programme>, ServerError> {
    let refused = |error| ServerError::Programme {
        channel: channel.to_owned(),
        path: path.to_owned(),
        error,
    };
    if let Some((_, bytes)) = embedded.filter(|(known, _)| known == path) {
        return Ok(Arc::new(programme::read(bytes).map_err(refused)?));
    }
    let bytes = std::fs::read(folder.join(path)).map_err(|error| ServerError::LoopFile {
        channel: channel.to_owned(),
        path: path.to_owned(),
        error,
    })?;
    Ok(Arc::new(programme::read(&bytes).map_err(refused)?))
}
