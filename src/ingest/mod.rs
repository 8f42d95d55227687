//! What comes in: parsers and sessions that open nothing, and thin listeners round them.
//!
//! | file | is |
//! | --- | --- |
//! | `auth` | what an encoder must show: a pure check |
//! | `path` | where encoders push: a pure parser |
//! | `rung` | one rung's transport stream, over all bodies it is pushed in |
//! | `push` | the listener of HTTP push |
//! | `rtmp` | RTMP publish: a core that opens nothing, and its listener |
//! | `pull` | HLS that is fetched |
//! | `live` | a session of segments with its channel |
//! | `segmented` | segments that are pushed: HLS, DASH, CMAF ingest |
//! | `programme` | the loop source's file |

mod auth;
mod live;
mod path;
pub mod programme;
pub mod pull;
mod push;
pub mod rtmp;
mod rung;
pub mod segmented;

pub use auth::{Algorithm, Nonces, REALM};
pub use path::IngestPath;
pub use push::{Rungs, Segments, serve_encoders};
pub use rtmp::{Publishers, serve_publishers};
