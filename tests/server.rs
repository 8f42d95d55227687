//! The whole server over loopback, through full URLs. Time is driven by the tests where media is not
//! pushed by a process of its own: it advances only when a test says so, and effects are waited for
//! by looking at the server's own state.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)]

#[path = "server/archive.rs"]
mod archive;
#[path = "server/client.rs"]
mod client;
#[path = "server/cmaf.rs"]
mod cmaf;
#[path = "server/control.rs"]
mod control;
#[path = "server/control_fields.rs"]
mod control_fields;
#[path = "server/epoch.rs"]
mod epoch;
#[path = "server/growing.rs"]
mod growing;
#[path = "server/guard.rs"]
mod guard;
#[path = "server/http.rs"]
mod http;
#[path = "server/ingest.rs"]
mod ingest;
#[path = "server/leaving.rs"]
mod leaving;
#[path = "server/life.rs"]
mod life;
#[path = "server/limits.rs"]
mod limits;
#[path = "server/live.rs"]
mod live;
#[path = "server/low_latency.rs"]
mod low_latency;
#[path = "server/playlist.rs"]
mod playlist;
#[path = "server/presentation.rs"]
mod presentation;
#[path = "server/process.rs"]
mod process;
#[path = "server/published.rs"]
mod published;
#[path = "server/pull.rs"]
mod pull;
#[path = "server/reload.rs"]
mod reload;
#[path = "server/rtmp.rs"]
mod rtmp;
#[path = "server/rtmp_client.rs"]
mod rtmp_client;
#[path = "server/runs.rs"]
mod runs;
#[path = "s3/server.rs"]
mod s3;
#[path = "server/segments.rs"]
mod segments;
#[path = "server/senders.rs"]
mod senders;
#[path = "server/skew.rs"]
mod skew;
#[path = "server/slate.rs"]
mod slate;
#[path = "server/stores.rs"]
mod stores;
#[path = "server/streams.rs"]
mod streams;
#[path = "server/time_shift.rs"]
mod time_shift;
#[path = "server/tls.rs"]
mod tls;
#[path = "server/transport_streams.rs"]
mod transport_streams;
#[path = "server/ts.rs"]
mod ts;
#[path = "server/twins.rs"]
mod twins;
#[path = "server/unknown.rs"]
mod unknown;
#[path = "server/window.rs"]
mod window;
#[path = "server/world.rs"]
mod world;
