//! What makes the core run: clocks, one task a channel, the files their state is in, and the server
//! that puts all of it together and takes it down in order.

mod archivist;
mod channel;
mod channels;
mod clock;
mod loop_source;
mod origin;
mod porter;
mod server;
mod shutdown;
mod slate;
mod state_file;

pub use channel::{ChannelHandle, Feed};
pub use clock::{Clock, DrivenClock};
pub use origin::{Fronts, Origin, WaitPlace};
pub use server::{Launch, Server, ServerError, certificate_faults};
pub use shutdown::Shutdown;
pub use state_file::StateError;
