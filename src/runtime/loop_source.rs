//! The loop source: a file played endlessly on the wall clock.
//!
//! Turn k starts at epoch = k × length, so that every process plays the same frame at the same
//! moment. A loop whose length is whole in every track's frames is seamless and brings absolute
//! time; any other begins a Period a turn.

use std::sync::Arc;

use super::channel::{ChannelHandle, Feed};
use super::clock::Clock;
use super::shutdown::Shutdown;
use crate::ingest::programme::Programme;
use crate::media::Sample;
use crate::packager::{SourceEvent, SourceId};
use crate::units::{MediaDuration, MediaTime, Monotonic, Now};

/// How far in the past a loop begins, so that a channel plays at once: under the minute within
/// which absolute time is believed.
const BACKLOG: MediaDuration = MediaDuration::from_secs(45);
/// Samples handed over at a time while catching up.
const BATCH: usize = 256;

/// One loop, and where it has come to.
#[derive(Debug)]
pub(super) struct LoopSource {
    programme: Arc<Programme>,
    source: SourceId,
    /// Track and sample in the order of their ends within a turn.
    order: Vec<(MediaDuration, usize, usize)>,
    /// When turn 0 starts.
    origin: MediaTime,
    /// Whether its times are absolute.
    absolute: bool,
    turn: i64,
    next: usize,
}

impl LoopSource {
    /// A loop. A seamless one begins so far in the past that a channel has a full list at once; any
    /// other begins now: its Periods are put behind each other as they arrive.
    pub(super) fn new(programme: Arc<Programme>, source: SourceId, now: Now) -> Self {
        let backlog = if programme.is_seamless() { BACKLOG } else { MediaDuration::ZERO };
        let absolute = programme.is_seamless();
        let mut begun = LoopSource::starting_at(programme, source, MediaTime::from_millis(0));
        begun.absolute = absolute;
        let since = now.wall.media_time().since_epoch() - backlog;
        begun.turn = since.div_floor(begun.programme.length());
        let into = since - begun.programme.length().times(begun.turn);
        begun.next = begun.order.partition_point(|(end, ..)| *end <= into);
        begun
    }

    /// A loop whose first turn starts at `origin`; its times are absolute.
    pub(super) fn starting_at(
        programme: Arc<Programme>,
        source: SourceId,
        origin: MediaTime,
    ) -> Self {
        let mut order = Vec::new();
        for (t, track) in programme.tracks.iter().enumerate() {
            for (s, sample) in track.samples.iter().enumerate() {
                let end = sample.dts + i64::from(sample.duration.unwrap_or(0));
                order.push((MediaDuration::new(end, track.info.timescale), t, s));
            }
        }
        order.sort_by_key(|(end, track, sample)| (*end, *track, *sample));
        LoopSource { programme, source, order, origin, absolute: true, turn: 0, next: 0 }
    }

    fn announce(&self) -> Feed {
        let mut events = Vec::new();
        for track in &self.programme.tracks {
            events.push(SourceEvent::Track(track.info.clone()));
            if self.absolute {
                let (track, epoch) = (track.info.id, self.origin);
                events.push(SourceEvent::Anchor { track, media: 0, epoch });
            }
        }
        Feed { source: self.source, events }
    }

    /// When the next sample is whole.
    fn due(&self) -> MediaTime {
        let (end, ..) = self.order[self.next];
        self.origin + self.programme.length().times(self.turn) + end
    }

    /// The samples that are whole by now, [`BATCH`] at most.
    fn take(&mut self, now: Now) -> Feed {
        let mut events = Vec::new();
        while events.len() < BATCH && self.due() <= now.wall.media_time() {
            let (_, track, sample) = self.order[self.next];
            let track = &self.programme.tracks[track];
            let sample = &track.samples[sample];
            let shift = if self.programme.is_seamless() {
                self.turn * i64::try_from(track.length).unwrap_or(i64::MAX)
            } else {
                self.programme.length().times(self.turn).rescale(track.info.timescale).ticks()
            };
            let (dts, pts) = (sample.dts + shift, sample.pts + shift);
            events.push(SourceEvent::Sample(track.info.id, Sample { dts, pts, ..sample.clone() }));
            self.next += 1;
            if self.next == self.order.len() {
                self.next = 0;
                self.turn += 1;
                if !self.programme.is_seamless() {
                    events.push(SourceEvent::Break);
                }
            }
        }
        Feed { source: self.source, events }
    }

    /// Plays until shutdown.
    pub(super) async fn run(self, channel: Arc<ChannelHandle>, clock: Clock, shutdown: Shutdown) {
        channel.status.connected(self.source.input.0);
        self.play(&channel, &clock, &shutdown).await;
    }

    /// Plays until shutdown, or until it is dropped.
    pub(super) async fn play(
        mut self,
        channel: &ChannelHandle,
        clock: &Clock,
        shutdown: &Shutdown,
    ) {
        if !channel.feed(self.announce()).await {
            return;
        }
        loop {
            let now = clock.now();
            let feed = self.take(now);
            if !feed.events.is_empty() {
                if !channel.feed(feed).await {
                    return;
                }
                continue;
            }
            let wait = (self.due() - now.wall.media_time()).to_std();
            tokio::select! {
                () = clock.sleep_until(Monotonic(now.mono.0).after(wait)) => {}
                () = shutdown.wait() => return,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::programme::read;
    use crate::packager::InputId;
    use crate::units::WallTime;

    const FILE: &[u8] =
        include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/loop/two-rungs.mp4"));

    #[test]
    fn a_loop_with_a_seam_begins_now_and_a_seamless_one_in_the_past() {
        let mut programme = read(FILE).expect("the fixture");
        let source = SourceId { input: InputId(1), session: 1 };
        let now = Now { mono: Monotonic(1), wall: WallTime(1_789_123_457_000_000_000) };
        let late = |programme: &Programme| {
            let begun = LoopSource::new(Arc::new(programme.clone()), source, now);
            now.wall.media_time() - begun.due()
        };
        assert!(late(&programme) > MediaDuration::from_secs(44));
        let audio = &mut programme.tracks[2];
        audio.samples.truncate(300);
        audio.length = 300 * 1024;
        assert!(late(&programme) < MediaDuration::from_millis(50));
    }
}
