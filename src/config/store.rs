//! Where state and media are kept.

use std::path::PathBuf;

use url::Url;

use super::fault::{Fault, Problem};
use super::section::Section;
use super::value;
use crate::archive::StoreSettings;

/// Least and most that reels may take of the disk where they go to an object store.
const SPOOL: (usize, usize) = (64 << 20, 1 << 50);

/// Where state and media are kept.
#[derive(Clone, Debug, PartialEq)]
pub struct Store {
    /// Folder, as written: relative to the configuration file's.
    pub path: PathBuf,
    /// Whether what lists show is kept there, so that they go on over a restart.
    pub keep_lists: bool,
    /// Where reels go when they are whole; `None` where they stay in the folder.
    pub objects: Option<ObjectStore>,
}

/// An object store that the archive is kept in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectStore {
    /// Its address: what it is, its bucket, and the folder in that.
    pub url: Url,
    /// What the address does not say.
    pub settings: StoreSettings,
    /// Bytes that reels may take of the disk.
    pub spool: usize,
}

impl Default for Store {
    fn default() -> Self {
        Store { path: PathBuf::from("var"), keep_lists: true, objects: None }
    }
}

impl Store {
    /// What reels may take of the disk where nothing is said.
    pub const SPOOL: usize = 20 << 30;

    pub(super) fn read(mut section: Section<'_>, faults: &mut Vec<Fault>) -> Self {
        let s = &mut section;
        let path = s.or("path", &Store::default().path, value::path);
        let keep_lists = s.or("keep_lists", &Store::default().keep_lists, value::boolean);
        let url = s.get("url", value::store_url).good();
        let settings = StoreSettings {
            endpoint: s.get("endpoint", value::web_url).good(),
            region: s.get("region", value::word).good(),
            access_key_id: s.get("access_key_id", value::word).good(),
            secret_access_key: s.get("secret_access_key", value::word).good(),
        };
        let spool = s.or("spool", &Store::SPOOL, value::size(SPOOL.0, SPOOL.1));
        if url.as_ref().is_none_or(|url| url.scheme() != "s3") {
            let of_s3 = [
                ("endpoint", settings.endpoint.is_some()),
                ("region", settings.region.is_some()),
                ("access_key_id", settings.access_key_id.is_some()),
                ("secret_access_key", settings.secret_access_key.is_some()),
            ];
            for (key, _) in of_s3.into_iter().filter(|(_, there)| *there) {
                s.complain(key, Problem::OfS3);
            }
        }
        let keys = (settings.access_key_id.is_some(), settings.secret_access_key.is_some());
        let halves = ["access_key_id", "secret_access_key"];
        for (there, [key, missing]) in
            [((true, false), halves), ((false, true), [halves[1], halves[0]])]
        {
            if keys == there {
                s.complain(key, Problem::KeyIncomplete { missing });
            }
        }
        section.close(faults);
        let objects = url.map(|url| ObjectStore { url, settings, spool });
        Store { path, keep_lists, objects }
    }
}
