//! Other forms of what is stored: CMAF chunks in, a transport stream's segment or part out.
//!
//! Pure: which chunks make up an object is told by a [`Recipe`], and the same recipe gives the same
//! bytes. Which objects there are and what they are made of, `resolve` decides; when one is made
//! and how long it is kept, `http`. Packets are [`crate::mpegts::mux`]'s.
//!
//! | file | is |
//! | --- | --- |
//! | `recipe` | what an object is made of, and the making |
//! | `rate` | what a track's bit rate becomes |
//! | `units` | chunks into access units of one clock |
//! | `framing` | each codec's stream type and the bytes of its access units |

#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

mod framing;
mod rate;
mod recipe;
#[cfg(test)]
mod tests;
mod units;

pub use rate::in_transport_stream;
pub use recipe::{Recipe, Stretch, transport_stream};
