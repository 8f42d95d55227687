//! The control plane: vendors' surfaces over one model of groups, channels, inputs and endpoints.
//!
//! A request is checked (`sign`), parsed into types that cannot be wrong, and done as one operation on
//! the model. What a running server makes of a change is not decided here.

mod desk;
pub mod model;
pub mod sign;
pub mod store;

pub use self::desk::{Change, ChangeError, Desk, Done, Effect, NoEffect};
