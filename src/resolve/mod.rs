//! Answers to readers, as pure functions: what an endpoint's protocol lists and who may read it.
//!
//! No socket, clock, lock or status code belongs here; `http` turns the answers into responses.

#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

pub mod absence;
mod access;
mod derived;
mod directives;
mod growing;
mod object;
mod past;
pub mod protocol;
mod published;
mod request;
mod resolution;
mod rules;
mod selection;
mod shift;

pub use absence::{Missing, NotNow};
pub use access::{
    AccessRules, AddressError, IpBlock, IpList, NoControl, Refused, Secret, SecretError, Viewer,
    client_address,
};
pub use derived::{Derived, DerivedName, recipe};
pub use directives::{DirectiveError, Directives};
pub use growing::{Growing, Growth};
pub use object::{ListId, Object, ObjectKind};
pub use past::{Archived, ArchivedFile, NoPast, PastManifest, PastText, PastView, render_past};
pub use protocol::{Container, Protocol, ProtocolError};
pub use published::{HOST_MAX, PATH_MAX, Published, PublishedError, Routes, requested_host};
pub use request::{EgressPath, File, Form, GENERATION, Leaf};
pub use resolution::{Arrival, BadRequest, Resolution, View, ViewKind, render, resolve};
pub use rules::EndpointRules;
pub use selection::Selection;
pub use shift::{
    DelayName, Names, Reach, RecordNames, Shift, ShiftError, ShiftRules, Span, TimeForm,
};
