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
//! | `disk` | files: append, cut back, find, remove |
//! | `load` | rows read back |

mod disk;
mod load;
mod record;
mod recorder;
mod reel;
#[cfg(test)]
mod tests;

pub use disk::{Found, Reels, find};
pub use load::{Loaded, end, load};
pub use record::{RECORD, Record, RowRecord};
pub use recorder::{Batch, Written, news};
pub use reel::{Head, Periods, ReelError};
