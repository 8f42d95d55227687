//! A pushed body's bytes as they come, with the deadlines of its connection.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use tokio::time::timeout;

use crate::http::PushReply;
use crate::ingest::segmented::Content;
use crate::observe::Limit;
use crate::runtime::{ChannelHandle, Origin};

/// One body.
#[derive(Debug)]
pub(super) struct Frames<'a> {
    origin: &'a Arc<Origin>,
    channel: &'a Arc<ChannelHandle>,
    body: &'a mut Incoming,
    /// What was read to tell what it is.
    begins: Bytes,
}

impl<'a> Frames<'a> {
    pub(super) fn new(
        origin: &'a Arc<Origin>,
        channel: &'a Arc<ChannelHandle>,
        body: &'a mut Incoming,
    ) -> Self {
        Frames { origin, channel, body, begins: Bytes::new() }
    }

    /// What the body is; nothing for an empty one.
    pub(super) async fn content(&mut self) -> Result<Option<Content>, PushReply> {
        let mut begins = BytesMut::new();
        let content = loop {
            let frame = self.read().await?;
            begins.extend_from_slice(frame.as_deref().unwrap_or_default());
            match Content::of(&begins, frame.is_none()) {
                _ if begins.is_empty() && frame.is_none() => return Ok(None),
                Some(content) => break content,
                None => {}
            }
        };
        self.begins = begins.freeze();
        Ok(Some(content))
    }

    /// The next bytes; nothing at the end.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, PushReply> {
        if self.begins.is_empty() {
            return self.read().await;
        }
        Ok(Some(std::mem::take(&mut self.begins)))
    }

    /// Why no more is taken.
    fn ending(&self) -> PushReply {
        if self.origin.shutdown.begun() { PushReply::Ending } else { PushReply::Removed }
    }

    async fn read(&mut self) -> Result<Option<Bytes>, PushReply> {
        let frame = tokio::select! {
            frame = timeout(self.origin.limits.ingest_silence, self.body.frame()) => frame,
            () = self.channel.ending.wait() => return Err(self.ending()),
        };
        match frame {
            Ok(Some(Ok(frame))) => {
                let bytes = frame.into_data().unwrap_or_default();
                self.channel.metrics.ingested(bytes.len());
                Ok(Some(bytes))
            }
            Ok(Some(Err(_))) => Err(PushReply::BrokenOff),
            Ok(None) => Ok(None),
            Err(_) => {
                self.origin.metrics.crossed(Limit::IngestSilence);
                Err(PushReply::Silent)
            }
        }
    }
}
