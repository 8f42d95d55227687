//! An object store: where reels go when they are whole.
//!
//! S3 and what is compatible, Google Cloud Storage, Azure, or a folder (`file://`). Everything here
//! waits for the network: not for a thread that serves.

use std::fs::File;
use std::io::{self, Read};
use std::ops::Range;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt};
use object_store::aws::AmazonS3Builder;
use object_store::azure::MicrosoftAzureBuilder;
use object_store::gcp::GoogleCloudStorageBuilder;
use object_store::local::LocalFileSystem;
use object_store::path::Path as Name;
use object_store::prefix::PrefixStore;
use object_store::{
    BackoffConfig, ClientOptions, Error, ObjectStore, ObjectStoreExt, ObjectStoreScheme,
    PutPayload, RetryConfig, WriteMultipart,
};
use thiserror::Error as ThisError;
use tokio::runtime::{Builder, Runtime};
use url::Url;

/// Bytes of an upload's piece: S3 takes none below 5 MiB but the last, and no more than 10,000.
const PIECE: usize = 8 << 20;
/// Pieces under way at a time.
const PIECES: usize = 4;
/// Objects asked for at a time where many are.
const AT_ONCE: usize = 64;
/// How long a request may take that readers wait for, with those that repeat it.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long one may take that brings a whole reel there or back.
const WHOLE: Duration = Duration::from_mins(5);
/// How long a connection may take to come about. A request that fails and took longer is one that the
/// store did not answer.
const CONNECT: Duration = Duration::from_secs(3);
/// How long readers are told at once that it does not answer, before it is asked again.
const PAUSE: Duration = Duration::from_secs(5);

/// An object and how many of its first bytes are wanted; all where nothing is said.
pub(super) type Object = (String, Option<u64>);

/// Why a store cannot be used.
#[derive(Debug, ThisError)]
pub enum StoreError {
    /// Its address is of none of the kinds that are known.
    #[error(
        "{0} is no store: s3://bucket/folder, gs://bucket/folder, az://container/folder and file:///folder are"
    )]
    Scheme(Url),
    /// What is said of it does not suffice.
    #[error("{0}")]
    Settings(#[from] Error),
    /// The system gives no thread.
    #[error("cannot start: {0}")]
    System(#[from] io::Error),
}

/// What a store's address does not say. What is not said here is taken from the environment, by the
/// names the provider's own tools use (`AWS_…`, `GOOGLE_…`, `AZURE_…`).
#[derive(Clone, Default, PartialEq, Eq)]
pub struct StoreSettings {
    /// Where a server that is compatible with S3 listens.
    pub endpoint: Option<Url>,
    /// Region of an S3 bucket.
    pub region: Option<String>,
    /// Id of an access key of S3.
    pub access_key_id: Option<String>,
    /// Its secret.
    pub secret_access_key: Option<String>,
}

impl std::fmt::Debug for StoreSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The key never prints.
        f.debug_struct("StoreSettings")
            .field("endpoint", &self.endpoint.as_ref().map(Url::as_str))
            .field("region", &self.region)
            .finish_non_exhaustive()
    }
}

/// An object store, and the threads that speak with it.
#[derive(Clone, Debug)]
pub struct Store {
    objects: Arc<dyn ObjectStore>,
    /// The same, for what may take long.
    patient: Arc<dyn ObjectStore>,
    /// Until when readers are told that it does not answer.
    silent: Arc<Mutex<Option<Instant>>>,
    threads: Arc<Threads>,
}

#[derive(Debug)]
struct Threads(Option<Runtime>);

impl Drop for Threads {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

fn other(error: Error) -> io::Error {
    let kind = match error {
        Error::NotFound { .. } => io::ErrorKind::NotFound,
        _ => io::ErrorKind::Other,
    };
    io::Error::new(kind, error)
}

impl Store {
    /// The store at `url`, whose path is the folder in it. Nothing is asked of it yet.
    ///
    /// # Errors
    /// [`StoreError`]: what is said of it makes no store.
    pub fn open(url: &Url, settings: &StoreSettings) -> Result<Self, StoreError> {
        let (scheme, folder) =
            ObjectStoreScheme::parse(url).map_err(|_| StoreError::Scheme(url.clone()))?;
        let folder = Name::parse(&folder).map_err(Error::from)?;
        let objects = |patience| {
            let objects = objects(url, &scheme, settings, patience)?;
            Ok::<_, StoreError>(Arc::new(PrefixStore::new(objects, folder.clone())))
        };
        Ok(Store::with(objects(PATIENCE)?, objects(WHOLE)?)?)
    }

    /// These objects.
    ///
    /// # Errors
    /// Where the system gives no thread.
    pub fn of(objects: impl ObjectStore) -> io::Result<Self> {
        let objects: Arc<dyn ObjectStore> = Arc::new(objects);
        Store::with(Arc::clone(&objects), objects)
    }

    fn with(objects: Arc<dyn ObjectStore>, patient: Arc<dyn ObjectStore>) -> io::Result<Self> {
        let threads = Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("store")
            .enable_all()
            .build()?;
        let (silent, threads) = (Arc::default(), Arc::new(Threads(Some(threads))));
        Ok(Store { objects, patient, silent, threads })
    }

    /// Has `work` done by the store's own thread, whatever thread this is.
    fn wait<T: Send + 'static>(
        &self,
        work: impl Future<Output = io::Result<T>> + Send + 'static,
    ) -> io::Result<T> {
        let closed = || io::Error::other("the store has been closed");
        let threads = self.threads.0.as_ref().ok_or_else(closed)?;
        let (done, answer) = std::sync::mpsc::sync_channel(1);
        threads.spawn(async move {
            // Nobody waits any more where this cannot be sent.
            let _ = done.send(work.await);
        });
        answer.recv().unwrap_or_else(|_| Err(closed()))
    }

    /// Has `work` done that a reader waits for. Where the store has not answered a moment ago it is not
    /// asked: every reader would wait for it in turn.
    fn ask<T: Send + 'static>(
        &self,
        work: impl Future<Output = io::Result<T>> + Send + 'static,
    ) -> io::Result<T> {
        let silent = || self.silent.lock().unwrap_or_else(PoisonError::into_inner);
        let (began, until) = (Instant::now(), *silent());
        if until.is_some_and(|until| began < until) {
            let why = "the store has not answered just now";
            return Err(io::Error::new(io::ErrorKind::TimedOut, why));
        }
        let done = self.wait(work);
        let failed = done.as_ref().is_err_and(|error| error.kind() != io::ErrorKind::NotFound);
        *silent() = (failed && began.elapsed() >= CONNECT).then(|| Instant::now() + PAUSE);
        done
    }

    /// Puts a file there under a name; one of this name is replaced.
    ///
    /// # Errors
    /// What the file or the store says. Nothing is there under the name then, or what was before.
    pub fn put(&self, name: &str, path: &Path) -> io::Result<()> {
        let (name, mut file) = (named(name)?, File::open(path)?);
        let mut piece = vec![0; PIECE];
        let mut next = move || {
            let mut length = 0;
            while length < PIECE {
                match file.read(&mut piece[length..])? {
                    0 => break,
                    more => length += more,
                }
            }
            io::Result::Ok(Bytes::copy_from_slice(&piece[..length]))
        };
        let objects = Arc::clone(&self.patient);
        self.wait(async move {
            let first = next()?;
            if first.len() < PIECE {
                let put = objects.put(&name, PutPayload::from_bytes(first)).await;
                return put.map(|_| ()).map_err(other);
            }
            let upload = objects.put_multipart(&name).await.map_err(other)?;
            let mut upload = WriteMultipart::new_with_chunk_size(upload, PIECE);
            let mut piece = first;
            while !piece.is_empty() {
                let room = upload.wait_for_capacity(PIECES).await.map_err(other);
                upload.put(piece);
                let more = room.and_then(|()| next());
                match more {
                    Ok(more) => piece = more,
                    Err(error) => {
                        // What is left of it costs room until the store's own rules take it away.
                        let _ = upload.abort().await;
                        return Err(error);
                    }
                }
            }
            upload.finish().await.map(|_| ()).map_err(other)
        })
    }

    /// All of an object.
    ///
    /// # Errors
    /// What the store says; [`io::ErrorKind::NotFound`] where it has none of this name.
    pub fn read(&self, name: &str) -> io::Result<Bytes> {
        let (name, objects) = (named(name)?, Arc::clone(&self.objects));
        self.ask(
            async move { objects.get(&name).await.map_err(other)?.bytes().await.map_err(other) },
        )
    }

    /// Bytes of an object; fewer where it ends before.
    ///
    /// # Errors
    /// As [`Store::read`].
    pub fn read_some(&self, name: &str, range: Range<u64>) -> io::Result<Bytes> {
        let (name, objects) = (named(name)?, Arc::clone(&self.objects));
        self.ask(async move { objects.get_range(&name, range).await.map_err(other) })
    }

    /// Several objects, each with its name; those that have left are passed over.
    ///
    /// # Errors
    /// What the store says.
    pub(super) fn read_all(&self, wanted: Vec<Object>) -> io::Result<Vec<(String, Bytes)>> {
        let objects = Arc::clone(&self.objects);
        let read = futures_util::stream::iter(wanted).map(move |(name, length)| {
            let objects = Arc::clone(&objects);
            async move {
                let at = named(&name)?;
                let read = match length {
                    Some(length) => objects.get_range(&at, 0..length).await,
                    None => match objects.get(&at).await {
                        Ok(found) => found.bytes().await,
                        Err(error) => Err(error),
                    },
                };
                match read {
                    Ok(bytes) => Ok(Some((name, bytes))),
                    Err(Error::NotFound { .. }) => Ok(None),
                    Err(error) => Err(other(error)),
                }
            }
        });
        let all = read.buffer_unordered(AT_ONCE).try_filter_map(async |found| Ok(found));
        self.wait(all.try_collect())
    }

    /// Copies an object into a file, which is there whole or not at all.
    ///
    /// # Errors
    /// What the store or the disk says.
    pub fn fetch(&self, name: &str, path: &Path) -> io::Result<()> {
        let from = named(name)?;
        let next = path.with_extension("part");
        let mut file = File::create(&next)?;
        let objects = Arc::clone(&self.patient);
        let file = self.wait(async move {
            let mut pieces = objects.get(&from).await.map_err(other)?.into_stream();
            while let Some(piece) = pieces.next().await {
                io::Write::write_all(&mut file, &piece.map_err(other)?)?;
            }
            Ok(file)
        })?;
        file.sync_all()?;
        std::fs::rename(next, path)
    }

    /// Removes an object, where it is there.
    ///
    /// # Errors
    /// What the store says.
    pub fn remove(&self, name: &str) -> io::Result<()> {
        let (name, objects) = (named(name)?, Arc::clone(&self.objects));
        self.wait(async move {
            match objects.delete(&name).await {
                Ok(()) | Err(Error::NotFound { .. }) => Ok(()),
                Err(error) => Err(other(error)),
            }
        })
    }

    /// The names of all objects in a folder and below it, in order, and their bytes.
    ///
    /// # Errors
    /// What the store says.
    pub fn list(&self, folder: &str) -> io::Result<Vec<(String, u64)>> {
        let folder = named(folder)?;
        let all = self.objects.list(Some(&folder));
        let all = all.map_ok(|found| (found.location.to_string(), found.size)).map_err(other);
        let mut all: Vec<(String, u64)> = self.wait(all.try_collect())?;
        all.sort();
        Ok(all)
    }
}

/// The objects of the provider that an address names, each request within `patience`.
fn objects(
    url: &Url,
    scheme: &ObjectStoreScheme,
    settings: &StoreSettings,
    patience: Duration,
) -> Result<Arc<dyn ObjectStore>, StoreError> {
    let options = ClientOptions::new()
        .with_timeout(patience)
        .with_connect_timeout(CONNECT)
        .with_allow_http(settings.endpoint.as_ref().is_some_and(|e| e.scheme() == "http"));
    let retry =
        RetryConfig { backoff: BackoffConfig::default(), max_retries: 3, retry_timeout: patience };
    Ok(match scheme {
        ObjectStoreScheme::AmazonS3 => {
            let mut s3 = AmazonS3Builder::from_env()
                .with_url(url.as_str())
                .with_client_options(options)
                .with_retry(retry);
            if let Some(endpoint) = &settings.endpoint {
                s3 = s3.with_endpoint(endpoint.as_str().trim_end_matches('/'));
            }
            if let Some(region) = &settings.region {
                s3 = s3.with_region(region);
            }
            if let Some(id) = &settings.access_key_id {
                s3 = s3.with_access_key_id(id);
            }
            if let Some(secret) = &settings.secret_access_key {
                s3 = s3.with_secret_access_key(secret);
            }
            Arc::new(s3.build()?)
        }
        ObjectStoreScheme::GoogleCloudStorage => Arc::new(
            GoogleCloudStorageBuilder::from_env()
                .with_url(url.as_str())
                .with_client_options(options)
                .with_retry(retry)
                .build()?,
        ),
        ObjectStoreScheme::MicrosoftAzure => Arc::new(
            MicrosoftAzureBuilder::from_env()
                .with_url(url.as_str())
                .with_client_options(options)
                .with_retry(retry)
                .build()?,
        ),
        ObjectStoreScheme::Local => Arc::new(LocalFileSystem::new().with_fsync(true)),
        _ => return Err(StoreError::Scheme(url.clone())),
    })
}

fn named(name: &str) -> io::Result<Name> {
    Name::parse(name).map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))
}
