//! What the sources have at their tops, each at the first of its places that answers.

use std::sync::Arc;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;

use super::client::FetchError;
use super::places::Top;
use super::{BACKOFF_MAX, Broken, PATIENCE, Pull, TOGETHER, locked};
use crate::ingest::segmented::{Playlist, TEXT_MAX, read_playlist};
use crate::runtime::Shutdown;

impl Pull {
    /// What these sources have at their tops, as far as it comes together.
    pub(super) async fn tops(&self, sources: &[usize]) -> (Vec<Top>, Vec<Broken>) {
        let (mut tops, mut broken) = (Vec::new(), Vec::new());
        let mut reading: FuturesUnordered<_> =
            sources.iter().map(|source| self.top(*source)).collect();
        let mut until = None;
        loop {
            let waited = async {
                match until {
                    Some(until) => self.origin.clock.sleep_until(until).await,
                    None => std::future::pending().await,
                }
            };
            let read = tokio::select! {
                read = reading.next() => read,
                () = waited => None,
            };
            match read {
                None => break,
                Some(Err(one)) => broken.push(one),
                Some(Ok(top)) => {
                    let now = self.origin.clock.now().mono;
                    until.get_or_insert(now.after(TOGETHER));
                    tops.push(top);
                }
            }
        }
        tops.sort_by_key(|top: &Top| top.source);
        (tops, broken)
    }

    /// What a source has at its top, at the first of its places that has anything.
    async fn top(&self, source: usize) -> Result<Top, Broken> {
        let places = locked(&self.places).of(source);
        for left in (0..places).rev() {
            let url = locked(&self.places).url(source);
            let text = tokio::time::timeout(PATIENCE, self.client.text(&url, TEXT_MAX, PATIENCE));
            let text = tokio::select! {
                text = text => text.unwrap_or(Err(FetchError::Late)),
                () = self.halt.wait() => Err(FetchError::Late),
            };
            let read = text.map_err(|error| error.to_string()).and_then(|(base, text)| {
                let playlist = read_playlist(&text).map_err(|error| error.to_string())?;
                Ok((base, playlist))
            });
            let broken = match read {
                Ok((base, Playlist::Multivariant(all))) => {
                    return Ok(Top { source, base, all: Some(all) });
                }
                Ok((base, Playlist::Media(_))) => return Ok(Top { source, base, all: None }),
                Err(why) => Broken { source, why },
            };
            if left == 0 || self.halt.begun() {
                return Err(broken);
            }
            self.leave(&broken);
        }
        Err(Broken { source, why: "it has no place".to_owned() })
    }

    /// Waits until a source can be read again: then all are to be listed anew.
    pub(super) async fn seek(self: Arc<Self>, source: usize, lost: Shutdown) {
        while self.wait_unless(BACKOFF_MAX, &lost).await {
            let read = tokio::select! {
                read = self.top(source) => read,
                () = lost.wait() => break,
            };
            match read {
                Ok(_) => {
                    locked(&self.places).is_back(source);
                    lost.begin();
                }
                Err(broken) => self.leave(&broken),
            }
        }
    }
}
