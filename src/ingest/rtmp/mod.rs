//! RTMP publish: an ingest-only core that opens nothing, and a thin listener round it. Nothing here
//! plays, and nothing decides when media plays.
//!
//! ```text
//! bytes ─handshake─chunk─▶ messages ─session─┬─▶ command, amf: who publishes where (address)
//!                                            └─▶ tag ─▶ publication ─┬─▶ video ─┬─▶ track ─▶ events
//!                                                  (clock, metadata) └─▶ audio ─┘
//! ```
//!
//! RTMP 1.0 (Adobe 2012), FLV 10.1, AMF0, Enhanced RTMP v2 (Veovera 2026).

mod address;
mod aggregate;
mod amf;
mod audio;
mod chunk;
mod clock;
mod command;
mod fault;
mod fuzz;
mod handshake;
mod held;
mod listener;
mod metadata;
mod publication;
mod publishers;
mod refusal;
mod session;
mod tag;
#[cfg(test)]
mod tests;
mod track;
mod video;

#[doc(hidden)]
pub use fuzz::{fuzz_amf, fuzz_chunks, fuzz_tags};
pub use listener::serve_publishers;
pub use publishers::Publishers;
