//! The channel's clock: source times in, ticks since the Unix epoch out (docs/time.md: Clock).

use super::chunker::Timed;
use crate::media::{MediaKind, Sample, TrackInfo};
use crate::units::{MediaDuration, MediaTime, Timescale};

/// A step forward longer than this is a hole or a jump, not a late frame.
const FORWARD_MAX: MediaDuration = MediaDuration::from_millis(500);
/// A step backward longer than this is a jump, not jitter.
const BACKWARD_MAX: MediaDuration = MediaDuration::from_millis(100);

/// How an input's own clock lies on the channel's.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mapping {
    /// Added to a source time gives the time since the Unix epoch.
    pub(super) offset: MediaDuration,
    /// Whether the source said so itself.
    pub(super) absolute: bool,
}

impl Mapping {
    /// Absolute time where the source brings it: `media` stands for `epoch`. `None` where that
    /// would put the newest media more than a minute from the moment it arrived.
    pub(super) fn anchored(
        (media, epoch): (MediaTime, MediaTime),
        newest: MediaTime,
        arrival: MediaTime,
    ) -> Option<Self> {
        let mapping = Mapping { offset: epoch - media, absolute: true };
        let apart = (mapping.apply(newest) - arrival).abs();
        (apart <= MediaDuration::from_secs(60)).then_some(mapping)
    }

    /// The newest media received stands for the moment it arrived, in whole milliseconds, but the
    /// first of it never lies before `floor`, the end of what is there.
    pub(super) fn by_arrival(
        newest: MediaTime,
        arrival: MediaTime,
        first: MediaTime,
        floor: Option<MediaTime>,
    ) -> Self {
        let offset = MediaDuration::from_millis((arrival - newest).floor_millis());
        Mapping { offset, absolute: false }.after(first, floor)
    }

    /// The same, or so much later that `first` does not lie before `floor`. It claims no absolute
    /// time: cuts and numbers are counted from where it begins.
    pub(super) fn after(self, first: MediaTime, floor: Option<MediaTime>) -> Self {
        let lifted = floor
            .filter(|floor| self.apply(first) < *floor)
            .map(|floor| MediaDuration::from_millis((floor - first).floor_millis() + 1));
        Mapping { offset: lifted.unwrap_or(self.offset), absolute: false }
    }

    /// A source time on the channel's clock.
    pub(super) fn apply(&self, source: MediaTime) -> MediaTime {
        source + self.offset
    }
}

/// What a sample turns into.
#[derive(Debug)]
pub(super) enum Placed {
    /// A sample on the channel's clock; `repaired` where its decode time had to be moved.
    At(Timed, Repaired),
    /// It overlaps what is there and is dropped.
    Overlaps,
    /// Time jumped: a Period must begin.
    Jump,
}

/// Whether a decode time had to be moved up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Repaired {
    No,
    Yes,
}

/// One track on the channel's clock.
#[derive(Debug)]
pub(super) struct TrackClock {
    source: Timescale,
    media: Timescale,
    kind: MediaKind,
    /// Nominal frame in media ticks.
    frame: i64,
    /// Length of the newest audio frame where its source tells it; Opus frames differ.
    length: Option<i64>,
    /// Decode to presentation distance of the newest sync sample, source ticks: video decode times
    /// are moved by it, so that a sync sample's composition time is its decode time.
    delay: i64,
    /// Decode time of the newest sample, source ticks.
    last_source: Option<i64>,
    /// Added to this track's source times alone, where its clock jumped and the others' did not.
    shift: MediaDuration,
    last_dts: Option<i64>,
}

impl TrackClock {
    pub(super) fn new(info: &TrackInfo, frame: MediaDuration, shift: MediaDuration) -> Self {
        let media = info.codec.media_timescale(info.timescale);
        let frame = match info.codec.sound() {
            Some(sound) => i64::from(sound.frame_length),
            None => frame.rescale(media).ticks(),
        };
        TrackClock {
            source: info.timescale,
            media,
            kind: info.kind(),
            frame: frame.max(1),
            length: None,
            delay: 0,
            last_source: None,
            shift,
            last_dts: None,
        }
    }

    /// Ticks of [`Timed`].
    pub(super) fn timescale(&self) -> Timescale {
        self.media
    }

    /// Nominal frame in media ticks.
    pub(super) fn frame(&self) -> i64 {
        self.frame
    }

    fn ticks(&self, mapping: &Mapping, source_ticks: i64) -> i64 {
        let source = MediaTime::new(source_ticks, self.source) + self.shift;
        mapping.apply(source).rescale(self.media).ticks()
    }

    /// Whether a sample lies where another was placed, or before.
    pub(super) fn is_past(&self, mapping: &Mapping, sample: &Sample) -> bool {
        let dts = self.ticks(mapping, sample.dts.saturating_add(self.delay));
        let length = self.length.unwrap_or(self.frame);
        self.last_dts.is_some_and(|last| dts * 2 < last * 2 + length)
    }

    /// By how much a sample's decode time is moved. A sync sample that repeats a decode time or
    /// goes back behind one lies on its composition time as any does, but what its distance is
    /// says nothing of the samples after it.
    fn delay_of(&mut self, sample: &Sample) -> i64 {
        let rises = self.last_source.is_none_or(|last| sample.dts > last);
        self.last_source = Some(sample.dts);
        if !sample.sync || self.kind != MediaKind::Video {
            return self.delay;
        }
        let delay = sample.pts.saturating_sub(sample.dts);
        if rises {
            self.delay = delay;
        }
        delay
    }

    /// Places a sample on the channel's clock.
    pub(super) fn place(&mut self, mapping: &Mapping, sample: &Sample) -> Placed {
        let delay = self.delay_of(sample);
        let mut dts = self.ticks(mapping, sample.dts.saturating_add(delay));
        let mut repaired = Repaired::No;
        if let Some(last) = self.last_dts {
            let length = self.length.unwrap_or(self.frame);
            let expected = last + length;
            let step = MediaDuration::new(dts - expected, self.media);
            if step > FORWARD_MAX || step < MediaDuration::ZERO - BACKWARD_MAX {
                return Placed::Jump;
            }
            match self.kind {
                // Audio is counted in samples; timestamps only say when to count anew.
                MediaKind::Audio if (dts - expected).abs() * 2 <= length => dts = expected,
                MediaKind::Audio if dts < expected => return Placed::Overlaps,
                MediaKind::Video if dts <= last => {
                    dts = last + 1;
                    repaired = Repaired::Yes;
                }
                MediaKind::Audio | MediaKind::Video => {}
            }
        }
        self.last_dts = Some(dts);
        let pts = match self.kind {
            MediaKind::Audio => dts,
            MediaKind::Video => self.ticks(mapping, sample.pts),
        };
        let duration = sample
            .duration
            .map(|d| MediaDuration::new(i64::from(d), self.source).rescale(self.media).ticks());
        if self.kind == MediaKind::Audio {
            self.length = duration.filter(|ticks| *ticks > 0);
        }
        let data = sample.data.clone();
        // A chunk's own ticks are the channel's only where both count the same.
        let origin = sample.origin.clone().filter(|_| self.source == self.media);
        Placed::At(Timed { dts, pts, duration, sync: sample.sync, data, origin }, repaired)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::{Language, TrackId, VariantName};
    use bytes::Bytes;

    fn audio(rate: u32) -> TrackClock {
        TrackClock::new(&audio_info(rate), MediaDuration::from_millis(20), MediaDuration::ZERO)
    }

    fn audio_info(rate: u32) -> TrackInfo {
        let aac = crate::media::codec::AacConfig {
            object_type: 2,
            sample_rate: rate,
            channels: 2,
            frame_length: 1024,
            asc: Bytes::from_static(&[0x11, 0x90]),
        };
        TrackInfo {
            id: TrackId(1),
            variant: VariantName::default(),
            language: Language::UNDETERMINED,
            codec: crate::media::Codec::Aac(aac),
            timescale: Timescale::NINETY_KHZ,
            bitrate: None,
        }
    }

    fn sample(dts: i64) -> Sample {
        Sample { dts, pts: dts, duration: None, sync: true, data: Bytes::new(), origin: None }
    }

    #[test]
    fn audio_is_counted_and_never_drifts_from_its_timestamps() {
        let mut clock = audio(44_100);
        let mapping = Mapping { offset: MediaDuration::from_secs(1_700_000_000), absolute: false };
        let mut first = None;
        for n in 0..100_000_i64 {
            // 90 kHz timestamps rounded down, as encoders write them.
            let Placed::At(timed, _) = clock.place(&mapping, &sample(n * 1024 * 90_000 / 44_100))
            else {
                panic!("a regular frame is placed")
            };
            let first = *first.get_or_insert(timed.dts);
            assert_eq!(timed.dts - first, n * 1024);
        }
    }

    #[test]
    fn audio_frames_of_another_length_than_usual_follow_one_another() {
        let opus = Bytes::from_static(&[0, 2, 1, 0x38, 0, 0, 0xbb, 0x80, 0, 0, 0]);
        let opus = crate::media::codec::OpusConfig::from_record(opus).expect("stereo");
        let codec = crate::media::Codec::Opus(opus);
        let timescale = Timescale::new(48_000).expect("not zero");
        let info = TrackInfo { codec, timescale, ..audio_info(48_000) };
        for length in [120, 480, 2880] {
            let mut clock =
                TrackClock::new(&info, MediaDuration::from_millis(20), MediaDuration::ZERO);
            let mapping = Mapping { offset: MediaDuration::ZERO, absolute: false };
            for n in 0..50 {
                let sample = Sample { duration: Some(length), ..sample(n * i64::from(length)) };
                let Placed::At(timed, _) = clock.place(&mapping, &sample) else {
                    panic!("frame {n} of {length} samples is placed")
                };
                assert_eq!(timed.dts, n * i64::from(length));
            }
        }
    }

    #[test]
    fn a_jump_is_not_taken_for_jitter() {
        let mut clock = audio(48_000);
        let mapping = Mapping { offset: MediaDuration::ZERO, absolute: false };
        assert!(matches!(clock.place(&mapping, &sample(900_000)), Placed::At(..)));
        assert!(matches!(clock.place(&mapping, &sample(990_000)), Placed::Jump));
        assert!(matches!(clock.place(&mapping, &sample(0)), Placed::Jump));
        assert!(matches!(clock.place(&mapping, &sample(898_000)), Placed::Overlaps));
        assert!(matches!(clock.place(&mapping, &sample(901_920)), Placed::At(..)));
    }

    #[test]
    fn a_sync_sample_whose_decode_time_is_wrong_moves_none_of_those_after_it() {
        let rate = crate::units::FrameRate::new(25, 1).expect("not zero");
        let info = TrackInfo {
            codec: crate::packager::tests::world::avc(720, Some(rate)),
            ..audio_info(48_000)
        };
        for wrong in [0, -4_500] {
            let mut clock = TrackClock::new(&info, rate.duration_of(1), MediaDuration::ZERO);
            let mapping = Mapping { offset: MediaDuration::ZERO, absolute: false };
            for n in 0..60_i64 {
                let sync = n % 25 == 0;
                // The sync sample at one second repeats the decode time before it, or less.
                let dts = if n == 25 { 24 * 3_600 + wrong } else { n * 3_600 };
                let pts = (n + 1) * 3_600;
                let sample = Sample { dts, pts, sync, ..sample(0) };
                let Placed::At(timed, _) = clock.place(&mapping, &sample) else {
                    panic!("a late decode time is no jump")
                };
                assert_eq!(timed.dts, (n + 1) * 3_600, "frame {n}, wrong by {wrong}");
            }
        }
    }

    #[test]
    fn a_mapping_by_arrival_never_lies_before_what_is_there() {
        let at = MediaTime::from_millis;
        let free = Mapping::by_arrival(at(6000), at(1_000_000), at(0), None);
        assert_eq!(free.apply(at(6000)), at(1_000_000));
        let lifted = Mapping::by_arrival(at(6000), at(1_000_000), at(0), Some(at(999_000)));
        assert!(lifted.apply(at(0)) >= at(999_000));
        let anchor = (at(0), at(1_000_000));
        assert!(Mapping::anchored(anchor, at(6000), at(1_006_100)).is_some());
        assert!(Mapping::anchored(anchor, at(6000), at(1_070_000)).is_none());
    }
}
