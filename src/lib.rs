//! Headwater, a live packaging origin.
//!
//! ```text
//! ingest ──Sample──▶ timeline ──▶ chunker ──▶ segmentations ──Snapshot──▶ resolve ──▶ manifest, repackage ──▶ http
//! ```
//!
//! A live origin is a pure function from (configuration, samples, clock readings) to immutable
//! objects and snapshots; everything that touches a socket, a disk or a clock is a thin shell
//! round that function. A module uses only what stands on its own line or below it:
//!
//! | layer | modules | |
//! | --- | --- | --- |
//! | tests | [`fuzz`] | any bytes against what stands below |
//! | shell | [`main`](../headwater/index.html), [`runtime`], [`http`], [`ingest`], [`archive`], [`observe`], [`config`], [`api`], [`demo`] | sockets, disks, clocks |
//! | core, readers | [`resolve`], [`manifest`], [`repackage`] | pure; read a [`packager::Snapshot`] only |
//! | core | [`packager`] | the one mutable thing: [`packager::Channel`] |
//! | formats | [`isobmff`], [`mpegts`], [`media`] | bytes in, bytes out |
//! | vocabulary | [`units`] | times, durations, rates |
//!
//! `docs/architecture.md` is the guided tour, `docs/invariants.md` what may never break,
//! `docs/time.md` the rules of cuts, numbers and Periods.

#![cfg_attr(test, allow(clippy::panic, clippy::unwrap_used))]

pub mod api;
pub mod archive;
pub mod config;
pub mod demo;
#[doc(hidden)]
pub mod fuzz;
pub mod http;
pub mod ingest;
pub mod isobmff;
pub mod manifest;
pub mod media;
pub mod mpegts;
pub mod observe;
pub mod packager;
pub mod repackage;
pub mod resolve;
pub mod runtime;
pub mod units;
