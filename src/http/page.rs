//! The demo's player page: one file, filled with the addresses of what plays.

use bytes::Bytes;
use serde::Serialize;

const PAGE: &str = include_str!("page/index.html");
/// What the page's script reads stands here.
const PLACE: &str = "{{HEADWATER}}";

/// What the page is told.
#[derive(Debug, Serialize)]
pub struct LoopPage {
    /// Length of the loop.
    pub loop_seconds: u32,
    /// Frames a second of the loop.
    pub frame_rate: u32,
    /// What plays.
    pub channels: Vec<PageChannel>,
}

/// One channel.
#[derive(Debug, Serialize)]
pub struct PageChannel {
    /// Its group.
    pub group: String,
    /// Its name.
    pub name: String,
    /// Its endpoints.
    pub endpoints: Vec<PageEndpoint>,
    /// Where an encoder may push, where one may.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub push_url: Option<String>,
}

/// One endpoint.
#[derive(Debug, Serialize)]
pub struct PageEndpoint {
    /// Its name.
    pub name: String,
    /// What it puts out.
    pub protocol: &'static str,
    /// Full URLs of its manifests.
    pub urls: Vec<String>,
}

impl LoopPage {
    /// The page's text.
    #[must_use]
    pub fn text(&self) -> Bytes {
        let told = serde_json::to_string(self).unwrap_or_default();
        // Within a script element only "</" could end it.
        Bytes::from(PAGE.replace(PLACE, &told.replace("</", "<\\/")))
    }
}
