//! What makes the core run: clocks, one task a channel, the files their state is in, and the server
//! that puts all of it together and takes it down in order.

mod archivist;
mod channel;
mod channel_task;
mod channels;
mod clock;
mod effect;
mod feeders;
mod leaving;
mod loop_source;
mod origin;
mod plan;
mod porter;
mod reload;
mod server;
mod shutdown;
mod slate;
mod state_file;
mod streams;
mod supervisor;
mod sweep;

pub use channel::{ChannelHandle, Feed, Inputs, Shown};
pub use clock::{Clock, DrivenClock};
pub use origin::{ChannelSet, Fronts, Origin, WaitPlace};
pub use plan::{Endpoints, Entrance};
pub use reload::Reload;
pub use server::{Launch, Server, ServerError, certificate_faults};
pub use shutdown::Shutdown;
pub use state_file::StateError;
pub use streams::{Destination, StreamName, Streams, Unpackaged};
pub use supervisor::{Desired, NotApplied};
