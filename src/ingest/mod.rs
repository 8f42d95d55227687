//! What comes in: one module a protocol, each a pure parser or session and a thin listener.

pub mod programme;
