//! The archive: what channels showed, on disk.
//!
//! A channel's chunks are appended, rendition by rendition, to [reels](reel): plain CMAF files of some
//! minutes, with a checksummed [index](record) beside each. What to append is [found](recorder) by
//! comparing what a channel shows with what has been written; a channel never waits for its archive.
//!
//! | file | is |
//! | --- | --- |
//! | `record` | a record of an index |
//! | `reel` | what a reel begins with, and an index made from its boxes |
//! | `recorder` | what is to be appended |
//! | `disk`, `open_reel`, `found` | files: append, cut back, find, remove |
//! | `load` | rows read back at the start |
//! | `catalogue` | which reel holds which time and numbers |
//! | `page`, `shelf` | rows and segments read for readers |
//! | `store`, `spool` | an object store, and the way of reels there |
//! | `place`, `writes` | where a reel is read from, and how it is written |
//! | `export` | a stretch as one MP4 |
//! | `synthetic` | archives without media, for benches and tests |

mod catalogue;
mod disk;
mod export;
mod found;
mod load;
mod open_reel;
mod page;
mod place;
mod record;
mod recorder;
mod reel;
mod shelf;
mod spool;
mod store;
#[doc(hidden)]
pub mod synthetic;
#[cfg(test)]
mod tests;
mod writes;

pub use catalogue::{Catalogue, Entry};
pub use disk::Reels;
pub use export::{Export, best};
pub use found::{Found, find};
pub use load::{Loaded, Reach, end, load};
pub use record::{RECORD, Record, RowRecord};
pub use recorder::{Batch, Written, news};
pub use reel::{Head, Periods, ReelError};
pub use shelf::{Pages, Shelf, Stretch, is_lost};
pub use spool::{Round, Spool};
pub use store::{Store, StoreError, StoreSettings};
pub use writes::{Disk, LocalDisk};
