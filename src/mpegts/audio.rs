//! Audio frames in PES packets (ISO/IEC 13818-1 §2.4.3.7): cut out as their bytes come, also across
//! PES packets, and timed by counting samples. What a frame is, a [`Format`] says.
//!
//! A header is trusted where its settings are those of the frame before. One with other settings may
//! be audio that looks like a header, so its frame is held until the next header agrees.

use std::fmt::Debug;

use bytes::BytesMut;

use super::fault::Fault;
use super::stream::Coded;
use super::track::Out;
use crate::media::codec::{CodecError, Sound};
use crate::units::{MediaDuration, Timescale};

/// One kind of audio frames that begin with a syncword and say how long they are.
pub(super) trait Format: Debug + Default {
    /// What a header says that frames of one track have in common.
    type Settings: Debug;

    /// First byte of a syncword.
    const SYNC: u8;

    /// Reads a header; nothing where more bytes are needed. Its first two bytes decide whether it
    /// is one.
    fn header(head: &[u8]) -> Result<Option<Header<Self::Settings>>, CodecError>;

    /// Whether two frames can follow each other in a track.
    fn agree(one: &Self::Settings, other: &Self::Settings) -> bool;

    /// A whole frame, in order.
    fn frame(&mut self, frame: &Frame<Self::Settings>, clock: &mut SampleClock, out: &mut Out<'_>);

    /// Frames are missing here.
    fn lost(&mut self) {}

    /// No more frames of this body come.
    fn finish(&mut self, _out: &mut Out<'_>) {}

    /// Bytes of frames kept back.
    fn held_bytes(&self) -> usize {
        0
    }
}

/// A frame's header, read.
#[derive(Debug)]
pub(super) struct Header<S> {
    pub(super) settings: S,
    /// Bytes before what belongs into a sample.
    pub(super) skipped: usize,
    /// Bytes of the whole frame.
    pub(super) length: usize,
}

/// A frame without what its header has too many.
#[derive(Debug)]
pub(super) struct Frame<S> {
    pub(super) settings: S,
    pub(super) data: BytesMut,
    /// The PES packet's time, of the first frame to start in it.
    start: Option<i64>,
    /// How many bytes `data` will have.
    length: usize,
}

/// Times of frames: that of the first frame to start in a PES packet stands in its header, the rest
/// are counted from it, always from the same base, so that rounding does not add up.
#[derive(Debug, Default)]
pub(super) struct SampleClock {
    /// A time, and the audio samples since.
    base: Option<(i64, i64)>,
}

impl SampleClock {
    /// The time of a frame, which is as long as `sound` says.
    pub(super) fn time<S>(&mut self, frame: &Frame<S>, sound: &Sound) -> Option<i64> {
        let length = i64::from(sound.frame_length);
        self.time_of(frame.start, length, sound.timescale())
    }

    /// The time of a frame of `length` samples that may bring a time of its own.
    pub(super) fn time_of(
        &mut self,
        start: Option<i64>,
        length: i64,
        rate: Timescale,
    ) -> Option<i64> {
        if let Some(pts) = start {
            self.base = Some((pts, 0));
        }
        let (base, samples) = self.base.as_mut()?;
        let since = MediaDuration::new(*samples, rate);
        let pts = base.saturating_add(since.rescale(Timescale::NINETY_KHZ).ticks());
        *samples = samples.saturating_add(length);
        Some(pts)
    }
}

impl<S> Frame<S> {
    /// The time it brings, if it is the first to start in its PES packet.
    pub(super) fn start(&self) -> Option<i64> {
        self.start
    }
}

/// The audio of one PID. Holds two frames at most, of 8 KB each, and what its format keeps back.
#[derive(Debug)]
pub(super) struct Audio<F: Format> {
    format: F,
    /// Settings that the newest frames have.
    trusted: Option<F::Settings>,
    head: Vec<u8>,
    /// The frame being read.
    frame: Option<Frame<F::Settings>>,
    /// A complete frame whose settings the next header must confirm.
    held: Option<Frame<F::Settings>>,
    /// Between frames, looking for a header.
    hunting: bool,
    clock: SampleClock,
    /// The PES packet's time until a frame starts in it.
    pending: Option<i64>,
    /// The time of the PES packet in which what is in the head starts, if it is the first there.
    started: Option<i64>,
}

impl<F: Format> Default for Audio<F> {
    fn default() -> Self {
        Audio {
            format: F::default(),
            trusted: None,
            head: Vec::new(),
            frame: None,
            held: None,
            hunting: false,
            clock: SampleClock::default(),
            pending: None,
            started: None,
        }
    }
}

impl<F: Format> Coded for Audio<F>
where
    F::Settings: Clone,
{
    fn begin(&mut self, times: Option<(i64, i64)>) {
        self.pending = times.map(|(pts, _)| pts);
    }

    fn feed(&mut self, mut bytes: &[u8], out: &mut Out<'_>) {
        while !bytes.is_empty() {
            if let Some(frame) = &mut self.frame {
                let take = (frame.length - frame.data.len()).min(bytes.len());
                frame.data.extend_from_slice(&bytes[..take]);
                bytes = &bytes[take..];
                self.complete(out);
                continue;
            }
            if self.hunting && self.head.is_empty() {
                let Some(at) = memchr::memchr(F::SYNC, bytes) else { return };
                bytes = &bytes[at..];
            }
            if self.head.is_empty() {
                self.start();
            }
            self.head.push(bytes[0]);
            bytes = &bytes[1..];
            self.read_head(out);
        }
    }

    fn end(&mut self, _out: &mut Out<'_>) {}

    /// Packets were lost: what is begun is dropped, and counting ends until a time comes.
    fn damaged(&mut self) {
        self.head.clear();
        self.frame = None;
        self.held = None;
        self.pending = None;
        self.started = None;
        self.lose_count();
    }

    fn end_of_body(&mut self, out: &mut Out<'_>) {
        if self.frame.is_some() || !self.head.is_empty() && !self.hunting {
            out.fault(Fault::AudioCutShort { pid: out.pid() });
        }
        if let Some(held) = self.held.take()
            && self.frame.is_none()
        {
            self.accept(&held, out);
        }
        self.format.finish(out);
        self.damaged();
    }

    fn held_bytes(&self) -> usize {
        let reading = self.frame.as_ref().map_or(0, |frame| frame.data.capacity());
        let held = self.held.as_ref().map_or(0, |frame| frame.data.capacity());
        self.head.len() + reading + held + self.format.held_bytes()
    }
}

impl<F: Format> Audio<F>
where
    F::Settings: Clone,
{
    /// The first byte of what may be a frame.
    fn start(&mut self) {
        self.started = self.pending.take();
    }

    fn lose_count(&mut self) {
        self.hunting = true;
        self.clock.base = None;
        self.format.lost();
    }

    /// Looks at the header as far as it is there.
    fn read_head(&mut self, out: &mut Out<'_>) {
        while self.head.len() >= 2 {
            match F::header(&self.head) {
                Ok(None) => return,
                Ok(Some(header)) if self.head.len() < header.skipped => return,
                Ok(Some(header)) => {
                    self.start_frame(header, out);
                    return;
                }
                Err(why) => self.reject(Fault::BrokenAudio { pid: out.pid(), why }, out),
            }
        }
    }

    /// There is no frame at the head's first byte. Reported once until a frame is found.
    fn reject(&mut self, fault: Fault, out: &mut Out<'_>) {
        if !self.hunting {
            out.fault(fault);
        }
        self.held = None;
        self.lose_count();
        let next = memchr::memchr(F::SYNC, &self.head[1..]).map_or(self.head.len(), |at| at + 1);
        self.head.drain(..next);
        self.pending = self.pending.or(self.started.take());
        if !self.head.is_empty() {
            self.start();
        }
    }

    fn start_frame(&mut self, header: Header<F::Settings>, out: &mut Out<'_>) {
        let Header { settings, skipped, length } = header;
        if length <= skipped || length < self.head.len() {
            self.reject(Fault::EmptyAudioFrame { pid: out.pid() }, out);
            return;
        }
        let mut data = BytesMut::with_capacity(length - skipped);
        data.extend_from_slice(&self.head[skipped..]);
        self.head.clear();
        if let Some(held) = self.held.take() {
            if F::agree(&held.settings, &settings) {
                self.accept(&held, out);
            } else {
                out.fault(Fault::AudioUnconfirmed { pid: out.pid() });
                self.clock.base = None;
                self.format.lost();
            }
        }
        self.hunting = false;
        let start = self.started.take();
        self.frame = Some(Frame { settings, data, start, length: length - skipped });
        self.complete(out);
    }

    /// Takes the frame being read if it is whole.
    fn complete(&mut self, out: &mut Out<'_>) {
        let Some(frame) = self.frame.take_if(|frame| frame.data.len() == frame.length) else {
            return;
        };
        if self.trusted.as_ref().is_some_and(|settings| F::agree(settings, &frame.settings)) {
            self.accept(&frame, out);
        } else {
            self.held = Some(frame);
        }
    }

    fn accept(&mut self, frame: &Frame<F::Settings>, out: &mut Out<'_>) {
        self.trusted = Some(frame.settings.clone());
        self.format.frame(frame, &mut self.clock, out);
    }
}
