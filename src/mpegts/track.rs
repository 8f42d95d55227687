//! Where an elementary stream's frames and faults go: the announcement of its track, the times, the
//! queue of events.

use std::collections::VecDeque;

use bytes::Bytes;

use super::Event;
use super::fault::Fault;
use super::pes::Times;
use super::unroll::Unroller;
use crate::media::{Codec, Language, Sample, TrackId, TrackInfo, VariantName};
use crate::units::Timescale;

/// What a track is known by, and whether its reader has been told.
#[derive(Debug)]
pub(super) struct Track {
    pub(super) pid: u16,
    variant: VariantName,
    language: Language,
    codec: Option<Codec>,
    announced: bool,
}

impl Track {
    pub(super) fn new(pid: u16, variant: VariantName, language: Language) -> Self {
        Track { pid, variant, language, codec: None, announced: false }
    }

    /// What the tables say; announced again before the next sample where it differs.
    pub(super) fn describe(&mut self, variant: &VariantName, language: Language) {
        self.rename(variant);
        if self.language != language {
            self.language = language;
            self.announced = false;
        }
    }

    /// Its rung's name; announced again before the next sample where it differs.
    pub(super) fn rename(&mut self, variant: &VariantName) {
        if self.variant != *variant {
            self.variant = variant.clone();
            self.announced = false;
        }
    }

    /// What the bitstream says; announced again before the next sample where it differs.
    pub(super) fn configure(&mut self, codec: Codec) {
        if self.codec.as_ref() != Some(&codec) {
            self.codec = Some(codec);
            self.announced = false;
        }
    }
}

/// What all streams of one demultiplexer share.
#[derive(Debug, Default)]
pub(super) struct Shared {
    pub(super) events: VecDeque<Event>,
    pub(super) clock: Unroller,
}

/// One stream's way out.
pub(super) struct Out<'a> {
    pub(super) track: &'a mut Track,
    pub(super) shared: &'a mut Shared,
}

impl Out<'_> {
    pub(super) fn pid(&self) -> u16 {
        self.track.pid
    }

    pub(super) fn fault(&mut self, fault: Fault) {
        self.shared.events.push_back(Event::Fault(fault));
    }

    /// Unrolled (pts, dts); a missing PTS is reported.
    pub(super) fn unroll(&mut self, times: Times) -> Option<(i64, i64)> {
        let Some(pts) = times.pts else {
            self.fault(Fault::NoPts { pid: self.track.pid });
            return None;
        };
        Some(self.shared.clock.unroll(pts, times.dts))
    }

    /// Gives an audio frame, unless nothing says when it plays.
    pub(super) fn audio(&mut self, pts: Option<i64>, data: Bytes) {
        if let Some(pts) = pts {
            self.sample(Sample { dts: pts, pts, duration: None, sync: true, data, origin: None });
        }
    }

    /// Gives a sample, and before it the track where that is new. Without settings nothing is given.
    pub(super) fn sample(&mut self, sample: Sample) {
        let id = TrackId(u32::from(self.track.pid));
        let Some(codec) = &self.track.codec else { return };
        if !self.track.announced {
            self.track.announced = true;
            self.shared.events.push_back(Event::Track(TrackInfo {
                id,
                variant: self.track.variant.clone(),
                language: self.track.language,
                codec: codec.clone(),
                timescale: Timescale::NINETY_KHZ,
                bitrate: None,
            }));
        }
        self.shared.events.push_back(Event::Sample(id, sample));
    }
}
