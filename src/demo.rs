//! The demo: an embedded loop and three endpoints, for whoever has only Rust.

use std::fmt::Write;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use bytes::Bytes;
use tempfile::TempDir;

use crate::config::Config;
use crate::http::{LoopPage, PageChannel, PageEndpoint};
use crate::runtime::{Clock, Launch, Server};

/// Encoded by the commands in `fixtures/demo/make.sh`.
const PROGRAMME: &[u8] = include_bytes!("../fixtures/demo/demo.mp4");
/// The path by which the configuration names it.
const PATH: &str = "demo.mp4";
/// Seconds of the loop.
const LOOP_SECONDS: u32 = 16;
/// Frames a second of the loop.
const FRAME_RATE: u32 = 30;

// Its folder goes when it ends: there is nothing to go on from.
const CONFIG: &str = r#"
[store]
keep_lists = false
[[channel]]
group = "demo"
name = "loop"
loop = "demo.mp4"
  [[channel.endpoint]]
  name = "low-latency"
  protocol = "LLHLS_CMAF"
  segment_duration = "1s"
  part_duration = "500ms"
  segment_num = 10
  open = true
  [[channel.endpoint]]
  name = "hls"
  protocol = "HLS_CMAF"
  segment_duration = "4s"
  open = true
  [[channel.endpoint]]
  name = "both"
  protocol = "HLSDASH_CMAF"
  segment_duration = "2s"
  window = "30s"
  open = true
[[channel]]
group = "demo"
name = "yours"
  [[channel.endpoint]]
  name = "low-latency"
  protocol = "LLHLS_CMAF"
  segment_duration = "1s"
  part_duration = "500ms"
  segment_num = 10
  open = true
  [[channel.endpoint]]
  name = "both"
  protocol = "HLSDASH_CMAF"
  segment_duration = "2s"
  window = "30s"
  open = true
"#;

/// What the demo is started from, and the temporary folder its state lives in, which goes with it.
///
/// # Errors
/// Where there is no place for temporary files.
pub fn launch() -> io::Result<(Launch, TempDir)> {
    let folder = tempfile::Builder::new().prefix("headwater-demo-").tempdir()?;
    let config = Config::parse(CONFIG).map_err(|faults| io::Error::other(faults.to_string()))?;
    let launch = Launch {
        config,
        folder: folder.path().to_owned(),
        clock: Clock::system(),
        embedded: Some((PathBuf::from(PATH), PROGRAMME)),
        page: Some(page),
    };
    Ok((launch, folder))
}

/// What the demo prints: the page and every manifest.
#[must_use]
pub fn greeting(server: &Server) -> String {
    let mut text = format!("page http://{}/\n", server.egress);
    for channel in channels(server.egress, None) {
        for endpoint in channel.endpoints {
            for url in endpoint.urls {
                let _ = writeln!(text, "{} {url}", endpoint.protocol);
            }
        }
    }
    let _ = writeln!(text, "push {}", push(server.ingest));
    text
}

fn page(egress: SocketAddr, ingest: SocketAddr) -> Bytes {
    LoopPage {
        loop_seconds: LOOP_SECONDS,
        frame_rate: FRAME_RATE,
        channels: channels(egress, Some(ingest)),
    }
    .text()
}

fn push(ingest: SocketAddr) -> String {
    format!("http://{ingest}/v1/demo/1/yours/live.ts")
}

fn channels(egress: SocketAddr, ingest: Option<SocketAddr>) -> Vec<PageChannel> {
    let config = Config::parse(CONFIG).unwrap_or_default();
    let channels = config.channels.into_iter().map(|channel| {
        let (group, name) = (channel.group.to_string(), channel.name.to_string());
        let endpoints = channel.endpoints.iter().map(|e| {
            let base =
                format!("http://{egress}/v1/{group}/{}/{name}/{}", e.ordinal, e.manifest_name);
            let forms = [(e.protocol.has_hls(), "m3u8"), (e.protocol.has_dash(), "mpd")];
            let urls =
                forms.iter().filter(|(has, _)| *has).map(|(_, form)| format!("{base}.{form}"));
            PageEndpoint {
                name: e.name.to_string(),
                protocol: e.protocol.name(),
                urls: urls.collect(),
            }
        });
        let push_url = ingest.filter(|_| channel.loop_file.is_none()).map(push);
        PageChannel {
            endpoints: endpoints.collect(),
            push_url,
            group: group.clone(),
            name: name.clone(),
        }
    });
    channels.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::programme;

    #[test]
    fn the_embedded_loop_is_seamless_and_as_long_as_the_page_says() {
        let programme = programme::read(PROGRAMME).expect("our own file");
        assert!(programme.is_seamless());
        assert_eq!(programme.length().ceil_secs(), i64::from(LOOP_SECONDS));
        assert_eq!(programme.tracks.len(), 3);
    }

    #[test]
    fn the_demo_is_a_valid_configuration() {
        assert!(Config::parse(CONFIG).is_ok());
    }
}
