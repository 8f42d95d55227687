//! AAC in ADTS frames (ISO/IEC 14496-3 §1.A.2, ISO/IEC 13818-1 §2.4.3.7): frames are cut out as
//! their bytes come, also across PES packets, and timed by counting samples.
//!
//! A header is trusted where its settings are those of the frame before. One with other settings may
//! be audio that looks like a header, so its frame is held until the next header agrees.

use bytes::BytesMut;

use super::fault::Fault;
use super::track::Out;
use crate::media::Sample;
use crate::media::codec::aac::{AacError, AdtsHeader};
use crate::media::codec::{AacConfig, Codec};
use crate::units::{MediaDuration, Timescale};

/// A header with a checksum.
const HEADER_MAX: usize = 9;

/// The audio of one PID. Holds two frames at most, of 8 KB each.
#[derive(Debug, Default)]
pub(super) struct Adts {
    config: Option<AacConfig>,
    head: Vec<u8>,
    /// The frame being read: its settings, its time, the bytes and how many they will be.
    frame: Option<(Frame, usize)>,
    /// A complete frame whose settings the next header must confirm.
    held: Option<Frame>,
    /// Between frames, looking for a header.
    hunting: bool,
    clock: SampleClock,
}

#[derive(Debug)]
struct Frame {
    config: AacConfig,
    pts: Option<i64>,
    data: BytesMut,
}

/// Times of frames: that of the first frame to start in a PES packet stands in its header, the rest
/// are counted from it, always from the same base, so that rounding does not add up.
#[derive(Debug, Default)]
struct SampleClock {
    /// The PES packet's time until a frame starts in it.
    pending: Option<i64>,
    /// The time of the PES packet in which what is in the head starts, if it is the first there.
    started: Option<i64>,
    /// A time, and the audio samples since.
    base: Option<(i64, i64)>,
}

impl SampleClock {
    /// The first byte of what may be a frame.
    fn start(&mut self) {
        self.started = self.pending.take();
    }

    /// It was none.
    fn take_back(&mut self) {
        self.pending = self.pending.or(self.started.take());
    }

    /// The time of the frame that has started.
    fn now(&mut self, config: &AacConfig) -> Option<i64> {
        if let Some(pts) = self.started.take() {
            self.base = Some((pts, 0));
        }
        let (base, samples) = self.base.as_mut()?;
        let since = MediaDuration::new(*samples, config.timescale());
        let pts = base.saturating_add(since.rescale(Timescale::NINETY_KHZ).ticks());
        *samples = samples.saturating_add(i64::from(config.frame_length));
        Some(pts)
    }
}

impl Adts {
    /// A PES packet with this time begins.
    pub(super) fn begin(&mut self, pts: Option<i64>) {
        self.clock.pending = pts;
    }

    /// The next bytes.
    pub(super) fn feed(&mut self, mut bytes: &[u8], out: &mut Out<'_>) {
        while !bytes.is_empty() {
            if let Some((frame, length)) = &mut self.frame {
                let take = (*length - frame.data.len()).min(bytes.len());
                frame.data.extend_from_slice(&bytes[..take]);
                bytes = &bytes[take..];
                if frame.data.len() == *length {
                    self.complete(out);
                }
                continue;
            }
            if self.hunting && self.head.is_empty() {
                let Some(at) = memchr::memchr(0xff, bytes) else { return };
                bytes = &bytes[at..];
            }
            if self.head.is_empty() {
                self.clock.start();
            }
            self.head.push(bytes[0]);
            bytes = &bytes[1..];
            self.read_head(out);
        }
    }

    /// Packets were lost: what is begun is dropped, and counting ends until a time comes.
    pub(super) fn damaged(&mut self) {
        self.head.clear();
        self.frame = None;
        self.held = None;
        self.lose_count();
        self.clock = SampleClock::default();
    }

    /// No more frames of this body come.
    pub(super) fn end_of_body(&mut self, out: &mut Out<'_>) {
        if self.frame.is_some() || !self.head.is_empty() && !self.hunting {
            out.fault(Fault::BrokenAdts { pid: out.pid(), why: AacError::Short });
        }
        if let Some(held) = self.held.take()
            && self.frame.is_none()
        {
            self.accept(held, out);
        }
        self.damaged();
    }

    pub(super) fn held_bytes(&self) -> usize {
        let reading = self.frame.as_ref().map_or(0, |(frame, _)| frame.data.capacity());
        let held = self.held.as_ref().map_or(0, |frame| frame.data.capacity());
        self.head.len() + reading + held
    }

    fn lose_count(&mut self) {
        self.hunting = true;
        self.clock.base = None;
    }

    /// Looks at the header as far as it is there.
    fn read_head(&mut self, out: &mut Out<'_>) {
        while self.head.len() >= 2 {
            let why = match AdtsHeader::parse(&self.head) {
                Ok(header) if self.head.len() < header.header_length => return,
                Ok(header) => {
                    self.start_frame(header, out);
                    return;
                }
                Err(AacError::Short) if self.head[0] == 0xff && self.head[1] & 0xf6 == 0xf0 => {
                    return;
                }
                Err(AacError::Short) => AacError::Syncword,
                Err(why) => why,
            };
            self.reject(Fault::BrokenAdts { pid: out.pid(), why }, out);
        }
    }

    /// There is no frame at the head's first byte. Reported once until a frame is found.
    fn reject(&mut self, fault: Fault, out: &mut Out<'_>) {
        if !self.hunting {
            out.fault(fault);
        }
        self.held = None;
        self.lose_count();
        let next = memchr::memchr(0xff, &self.head[1..]).map_or(self.head.len(), |at| at + 1);
        self.head.drain(..next);
        self.clock.take_back();
        if !self.head.is_empty() {
            self.clock.start();
        }
    }

    fn start_frame(&mut self, header: AdtsHeader, out: &mut Out<'_>) {
        let length = header.frame_length - header.header_length;
        if length == 0 {
            self.reject(Fault::EmptyAudioFrame { pid: out.pid() }, out);
            return;
        }
        debug_assert!(self.head.len() <= HEADER_MAX);
        self.head.clear();
        if let Some(held) = self.held.take() {
            if held.config == header.config {
                self.accept(held, out);
            } else {
                out.fault(Fault::BrokenAdts { pid: out.pid(), why: AacError::Syncword });
                self.clock.base = None;
            }
        }
        self.hunting = false;
        let pts = self.clock.now(&header.config);
        let data = BytesMut::with_capacity(length);
        self.frame = Some((Frame { config: header.config, pts, data }, length));
    }

    fn complete(&mut self, out: &mut Out<'_>) {
        let Some((frame, _)) = self.frame.take() else { return };
        if self.config.as_ref() == Some(&frame.config) {
            self.accept(frame, out);
        } else {
            self.held = Some(frame);
        }
    }

    /// Gives a frame, unless nothing says when it plays.
    fn accept(&mut self, frame: Frame, out: &mut Out<'_>) {
        if self.config.as_ref() != Some(&frame.config) {
            out.track.configure(Codec::Aac(frame.config.clone()));
            self.config = Some(frame.config);
        }
        if let Some(pts) = frame.pts {
            let data = frame.data.freeze();
            out.sample(Sample { dts: pts, pts, duration: None, sync: true, data, origin: None });
        }
    }
}
