//! Channels made from their configuration: their state, their archive, what feeds them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::sync::mpsc;

use super::archivist::Archive;
use super::channel::{ChannelHandle, Inputs};
use super::channel_task::{ChannelTask, Order};
use super::clock::Clock;
use super::plan::Plan;
use super::porter::Porter;
use super::server::ServerError;
use super::state_file::{StateError, StateFiles};
use super::sweep::Sweep;
use crate::archive::{Catalogue, Shelf, Spool, Store};
use crate::config::{self, Config, Pull};
use crate::ingest::programme::{self, Programme};
use crate::observe::Metrics;
use crate::packager::{ChannelConfig, Lists};
use crate::units::MediaDuration;

/// Orders that wait for a channel's task.
const ORDERS: usize = 4;

/// What channels are made with.
#[derive(Debug)]
pub(super) struct Maker {
    pub(super) limits: config::Limits,
    keep_lists: bool,
    folder: PathBuf,
    store: PathBuf,
    embedded: Option<(PathBuf, &'static [u8])>,
    files: StateFiles,
    objects: Option<config::ObjectStore>,
    shelves: Option<Shelves>,
    metrics: Metrics,
    clock: Clock,
}

/// What feeds a channel but encoders.
#[derive(Clone, Debug)]
pub(super) struct Feeders {
    /// Its loop, by its path.
    pub(super) programme: Option<(PathBuf, Arc<Programme>)>,
    /// What plays while all inputs are silent.
    pub(super) slate: Option<(PathBuf, Arc<Programme>)>,
    /// What inputs 1 and 2 are pulled from.
    pub(super) pulls: [Option<Pull>; 2],
}

/// A channel that is made, and does not run yet.
#[derive(Debug)]
pub(super) struct Made {
    pub(super) handle: Arc<ChannelHandle>,
    pub(super) task: ChannelTask,
    pub(super) orders: mpsc::Sender<Order>,
    pub(super) feeders: Feeders,
    pub(super) archive: Option<Archive>,
}

impl Maker {
    pub(super) fn new(
        config: &Config,
        folder: &Path,
        embedded: Option<(PathBuf, &'static [u8])>,
        metrics: Metrics,
        clock: Clock,
    ) -> Result<Self, ServerError> {
        let store = folder.join(&config.store.path);
        Ok(Maker {
            limits: config.limits.clone(),
            keep_lists: config.store.keep_lists,
            folder: folder.to_owned(),
            files: StateFiles::open(&store)?,
            store,
            embedded,
            objects: config.store.objects.clone(),
            shelves: None,
            metrics,
            clock,
        })
    }

    /// Makes a channel. What it shows at once is what is still there of its last life.
    pub(super) fn make(
        &mut self,
        channel: &config::Channel,
        by_name: bool,
    ) -> Result<Made, ServerError> {
        let feeders = self.feeders(channel)?;
        let (group, name) = (channel.group.to_string(), channel.name.to_string());
        let (file, state) = self.files.channel(&group, &name)?;
        let plan = Plan::of(channel, by_name, &self.limits, state.as_ref(), &BTreeMap::new());
        let shelf = self.shelf(&group, &name, &plan)?;
        let opened = shelf.as_ref().map(|shelf| open_archive(shelf, &plan.config, plan.keep));
        let (archive, rows) = opened.transpose()?.unzip();
        let rows = rows.filter(|_| self.keep_lists).unwrap_or_default();
        let metrics = self.metrics.channel(&group, &name);
        let inputs = Inputs::of(channel);
        let derived = self.limits.derived_bytes;
        let (handle, feeds) = ChannelHandle::new((group, name), metrics, inputs, derived);
        if let Some(shelf) = shelf {
            handle.put_shelf(shelf);
        }
        let (orders, ordered) = mpsc::channel(ORDERS);
        let task = ChannelTask::new(
            Arc::clone(&handle),
            (feeds, ordered),
            plan,
            (state, rows, file),
            (self.clock.clone(), self.limits.clone()),
        );
        Ok(Made { handle, task, orders, feeders, archive })
    }

    /// What removes what channels have left behind; `None` while none has had an archive.
    pub(super) fn sweep(&self) -> Option<Sweep> {
        self.shelves.as_ref().map(|shelves| shelves.sweep.clone())
    }

    /// What feeds a channel.
    pub(super) fn feeders(&self, channel: &config::Channel) -> Result<Feeders, ServerError> {
        let read = |path: &Option<PathBuf>| {
            let name = channel.name.to_string();
            let read = |path: &PathBuf| {
                let read = load(&name, path, &self.folder, self.embedded.as_ref());
                read.map(|programme| (path.clone(), programme))
            };
            path.as_ref().map(read).transpose()
        };
        Ok(Feeders {
            programme: read(&channel.loop_file)?,
            slate: read(&channel.slate)?,
            pulls: channel.pulls.clone(),
        })
    }

    /// The archive of a channel that has had none, where its endpoints need one now, and how far
    /// back archives of such a channel are kept.
    pub(super) fn rearchive(
        &mut self,
        channel: &config::Channel,
        handle: &ChannelHandle,
    ) -> Result<(Option<Archive>, MediaDuration), ServerError> {
        let plan = Plan::of(channel, false, &self.limits, None, &BTreeMap::new());
        if handle.shelf().is_some() {
            return Ok((None, plan.keep));
        }
        let shelf = self.shelf(&handle.group, &handle.name, &plan)?;
        let Some(shelf) = shelf else { return Ok((None, plan.keep)) };
        let (archive, _) = open_archive(&shelf, &plan.config, plan.keep)?;
        handle.put_shelf(shelf);
        Ok((Some(archive), plan.keep))
    }

    fn shelf(
        &mut self,
        group: &str,
        name: &str,
        plan: &Plan,
    ) -> Result<Option<Shelf>, ServerError> {
        if !self.keep_lists && !plan.reaches_back {
            return Ok(None);
        }
        let shelves = match &mut self.shelves {
            Some(shelves) => shelves,
            none => none.insert(Shelves::open(&self.store, self.objects.as_ref(), &self.metrics)?),
        };
        Ok(Some(shelves.sweep.shelf(group, name)))
    }
}

/// Where the archives of all channels lie.
#[derive(Debug)]
struct Shelves {
    sweep: Sweep,
    /// What carries reels to the store when they are whole.
    _porter: Option<Porter>,
}

impl Shelves {
    fn open(
        store: &Path,
        objects: Option<&config::ObjectStore>,
        metrics: &Metrics,
    ) -> Result<Self, ServerError> {
        let folder = store.join("archive");
        let path = folder.join("catalogue.sqlite3");
        let catalogue = Catalogue::open(&path)
            .map_err(|error| ServerError::State(StateError::Io { path, error }))?;
        let (catalogue, mut shelves) = (Arc::new(catalogue), (None, None));
        if let Some(objects) = objects {
            let store = Store::open(&objects.url, &objects.settings).map_err(|error| {
                ServerError::Store { url: objects.url.to_string(), error: Box::new(error) }
            })?;
            let spool = Spool {
                folder: folder.clone(),
                catalogue: Arc::clone(&catalogue),
                store: store.clone(),
                bytes: objects.spool as u64,
            };
            let porter = Porter::start(spool, metrics.clone()).map_err(ServerError::System)?;
            shelves = (Some(store), Some(porter));
        }
        let (store, porter) = shelves;
        let sweep = Sweep { folder, catalogue, pages: Arc::default(), store };
        Ok(Shelves { sweep, _porter: porter })
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
