//! The control plane: vendors' surfaces over one model of groups, channels, inputs and endpoints.
//!
//! A request is checked (`sign`), parsed by its surface (`alibaba`, `huawei`, `native`) into types that
//! cannot be wrong, and done as one operation on the model: planned, committed to the store, put into
//! force by an [`Effect`]. What a running server makes of a change is not decided here.

mod alibaba;
mod control;
mod desk;
mod http;
mod huawei;
pub mod model;
mod native;
mod random;
pub mod sign;
pub mod store;

pub use self::control::Control;
pub use self::desk::{Change, ChangeError, Desk, Done, Effect, NoEffect};
pub use self::http::{router, serves};
