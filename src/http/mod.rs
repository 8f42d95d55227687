//! HTTP for readers and operators: TLS, connections with deadlines, routes, replies, rendered manifests.
//!
//! What a request means is decided in `resolve`; here it is waited for, rendered once for everyone,
//! and sent. `reply` is the only place with status codes and cache headers.

mod admin;
mod body;
mod connection;
mod derived;
mod export;
mod growing;
mod negotiate;
mod page;
mod past;
mod proxy;
mod push_reply;
mod readers;
mod rendered;
mod reply;
mod server;
mod streams;
mod tls;

pub use admin::serve_admin;
pub use body::Body;
pub use derived::DerivedForms;
pub use page::{LoopPage, PageChannel, PageEndpoint};
pub use push_reply::PushReply;
pub use readers::serve_readers;
pub use rendered::{Rendered, Renderings};
pub use server::{Front, Opened, Served, accept, listen, serve};
pub use tls::{CertificateError, Tls};
