//! What operators see: metrics, logs, and a sentence for each channel.

mod logging;
mod metrics;
mod status;

pub use logging::{LogFormat, start_logging};
pub use metrics::{ChannelMetrics, Handshake, Limit, Metrics};
pub use status::ChannelStatus;
