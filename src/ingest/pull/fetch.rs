//! What a playlist lists is fetched and given to the session. What a session was promised and one place does
//! not have is fetched at the next.

use std::sync::Arc;

use url::Url;

use super::client::FetchError;
use super::follow::{Follow, Wanted};
use super::places::Listed;
use super::{BACKOFF_MIN, FAILURES_BEFORE_ANOTHER, PATIENCE, Pull, TRIES, locked, refuse};
use crate::ingest::live::{Live, give};
use crate::ingest::segmented::MediaPlaylist;

impl Pull {
    /// What a session is owed of a playlist, as the playlist lists it now; what it does not list is given as
    /// broken off.
    pub(super) async fn settle(
        &self,
        live: &Arc<Live>,
        key: &Url,
        playlist: &MediaPlaylist,
        base: &Url,
    ) -> Vec<Wanted> {
        let Some((to, owed)) = locked(&self.owed).remove(key) else { return Vec::new() };
        // What a session was owed that has gone nobody waits for.
        if to.upgrade().is_none_or(|to| !Arc::ptr_eq(&to, live)) {
            return Vec::new();
        }
        let mut found = Vec::new();
        for one in owed {
            match Follow::settle(&one, playlist, base) {
                Some(there) => found.push(there),
                None => self.give(live, &one, None).await,
            }
        }
        found
    }

    /// Fetches one after the other, until one may be had at another place: it is owed then, and those after
    /// it.
    ///
    /// # Errors
    /// Why it could not be had here.
    pub(super) async fn fetch_all(
        &self,
        live: &Arc<Live>,
        listed: &Listed,
        wanted: Vec<Wanted>,
    ) -> Result<(), String> {
        let places = locked(&self.places).of(listed.source);
        let mut wanted = wanted.into_iter();
        while let Some(one) = wanted.next() {
            let Err(why) = self.fetch(live, &one, places).await else { continue };
            let missed = Wanted { missed: one.missed + 1, ..one };
            let owed = std::iter::once(missed).chain(wanted).collect();
            locked(&self.owed).insert(listed.key.clone(), (Arc::downgrade(live), owed));
            return Err(why);
        }
        Ok(())
    }

    /// Fetches a segment, a part or a header, and gives it to the session; what does not come at any of
    /// its `places` is given as broken off, so that it is not waited for.
    ///
    /// # Errors
    /// Where it did not come, and may at another place.
    async fn fetch(&self, live: &Live, wanted: &Wanted, places: usize) -> Result<(), String> {
        if wanted.header && live.session.lock().await.has_header(&wanted.key) {
            return Ok(());
        }
        let has_others = wanted.missed + 1 < places;
        let tries = if has_others { FAILURES_BEFORE_ANOTHER + 1 } else { TRIES };
        let mut failed = String::new();
        for attempt in 0..tries {
            if attempt > 0 && !self.wait(BACKOFF_MIN * attempt).await {
                return Ok(());
            }
            let fetched = tokio::select! {
                fetched = self.whole(wanted) => fetched,
                () = self.halt.wait() => return Ok(()),
            };
            match fetched {
                Ok(bytes) => {
                    self.give(live, wanted, Some(&bytes)).await;
                    return Ok(());
                }
                Err(error) => {
                    failed = error.to_string();
                    refuse(&self.channel, self.input, &wanted.url, &failed);
                }
            }
        }
        if has_others {
            return Err(failed);
        }
        self.give(live, wanted, None).await;
        Ok(())
    }

    /// Gives a session what it was promised, or that it does not come.
    async fn give(&self, live: &Live, wanted: &Wanted, body: Option<&[u8]>) {
        let mut session = live.session.lock().await;
        let now = self.origin.clock.now();
        let object = session.open(now, &wanted.key);
        // What is wrong with it is nobody's to answer for here: it is said where operators look.
        let pushed = session.push(now, object, body.unwrap_or(&[0]));
        let ended = session.end(now, object, body.is_some());
        give(&self.channel, &mut session).await;
        drop(session);
        live.called.notify_one();
        if let Err(refusal) = pushed.and(ended) {
            refuse(&self.channel, self.input, &wanted.url, &refusal.to_string());
        }
    }

    async fn whole(&self, wanted: &Wanted) -> Result<Vec<u8>, FetchError> {
        let limit = self.origin.limits.pending_bytes / 2;
        let mut answer = self.client.get(&wanted.url, wanted.range, limit, PATIENCE).await?;
        let mut body = Vec::new();
        while let Some(bytes) = answer.next().await? {
            self.channel.metrics.ingested(bytes.len());
            body.extend_from_slice(&bytes);
        }
        Ok(body)
    }
}
