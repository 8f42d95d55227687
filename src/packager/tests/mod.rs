//! The core as a whole: scenarios in, snapshots out.

mod breaks;
mod clock;
mod configure;
mod cuts;
mod inputs;
mod invariants;
mod low_latency;
mod muxed;
mod nominal;
mod readers;
mod restart;
mod robustness;
mod slate;
mod table;
mod twins;
pub(crate) mod world;
