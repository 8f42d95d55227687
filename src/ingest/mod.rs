//! What comes in: parsers and sessions that open nothing, and thin listeners round them.
//!
//! | file | is |
//! | --- | --- |
//! | `auth` | what an encoder must show: a pure check |
//! | `path` | where encoders push: a pure parser |
//! | `rung` | one rung's transport stream, over all bodies it is pushed in |
//! | `push` | the listener of HTTP push |
//! | `segmented` | segments that are pushed: HLS, DASH, CMAF ingest |
//! | `programme` | the loop source's file |

mod auth;
mod path;
pub mod programme;
mod push;
mod rung;
pub mod segmented;

pub use auth::{Algorithm, Nonces, REALM};
pub use path::IngestPath;
pub use push::{Rungs, Segments, serve_encoders};
