//! Sample tables walked once, in step, each entry checked (ISO/IEC 14496-12 §8.6, §8.7).

use bytes::{BufMut, Bytes, BytesMut};
use mp4::Mp4Track;

use super::{ProgrammeError, SAMPLES_MAX};
use crate::media::Sample;
use crate::media::codec::avc::nal;

/// The tables of one track, known to speak of the same number of samples.
pub(super) struct Tables<'a> {
    track: u32,
    boxes: &'a Mp4Track,
    count: usize,
}

/// One edit: which media times are presented.
#[derive(Clone, Copy, Debug)]
pub(super) struct Edit {
    /// First media time, in the track's ticks.
    pub(super) from: i64,
    /// One past the last; nothing where the edit goes to the end.
    pub(super) to: Option<i64>,
    /// How long after the others the track begins: an empty edit before this one. In its ticks.
    pub(super) delay: i64,
}

impl<'a> Tables<'a> {
    /// The tables of a track in a file of `file_length` bytes.
    pub(super) fn of(boxes: &'a Mp4Track, file_length: usize) -> Result<Self, ProgrammeError> {
        let track = boxes.track_id();
        let stsz = &boxes.trak.mdia.minf.stbl.stsz;
        let samples = stsz.sample_count;
        let count = samples as usize;
        if count > SAMPLES_MAX {
            return Err(ProgrammeError::TooManySamples { track, samples });
        }
        let tables = Tables { track, boxes, count };
        // Samples that lay over one another could make far more of a file than it has.
        let bytes: u64 = (0..count).map(|index| u64::from(tables.size(index))).sum();
        let sizes = stsz.sample_sizes.len();
        if bytes > file_length as u64 || stsz.sample_size == 0 && sizes != count {
            return Err(tables.disagrees("stsz"));
        }
        Ok(tables)
    }

    fn disagrees(&self, table: &'static str) -> ProgrammeError {
        ProgrammeError::Table { track: self.track, table, samples: self.count }
    }

    /// All samples, NAL units of video with four bytes of length whatever `nal_length_size` is.
    pub(super) fn samples(
        &self,
        file: &Bytes,
        nal_length_size: Option<usize>,
    ) -> Result<Vec<Sample>, ProgrammeError> {
        let durations = self.durations()?;
        let offsets = self.composition_offsets()?;
        let places = self.places(file.len())?;
        let mut samples = Vec::with_capacity(self.count);
        let mut dts = 0i64;
        for (index, (start, end)) in places.into_iter().enumerate() {
            let sample = index + 1;
            let mut data = file.slice(start..end);
            if let Some(size) = nal_length_size {
                let broken = ProgrammeError::NalUnits { track: self.track, sample };
                data = with_four_byte_lengths(&data, size).ok_or(broken)?;
            }
            let duration = durations[index];
            if duration == 0 {
                return Err(ProgrammeError::Duration { track: self.track, sample });
            }
            let pts = dts + offsets.get(index).map_or(0, |offset| i64::from(*offset));
            let sync = self.sync(sample as u32);
            samples.push(Sample { dts, pts, duration: Some(duration), sync, data, origin: None });
            dts += i64::from(duration); // at most 10^6 × 2^32
        }
        Ok(samples)
    }

    fn durations(&self) -> Result<Vec<u32>, ProgrammeError> {
        let entries = self
            .boxes
            .trak
            .mdia
            .minf
            .stbl
            .stts
            .entries
            .iter()
            .map(|e| (e.sample_count, e.sample_delta));
        self.unrolled(entries).ok_or_else(|| self.disagrees("stts"))
    }

    /// Nothing where the track has none.
    fn composition_offsets(&self) -> Result<Vec<i32>, ProgrammeError> {
        let Some(ctts) = &self.boxes.trak.mdia.minf.stbl.ctts else { return Ok(Vec::new()) };
        let entries = ctts.entries.iter().map(|e| (e.sample_count, e.sample_offset));
        self.unrolled(entries).ok_or_else(|| self.disagrees("ctts"))
    }

    /// Run lengths as one value a sample; `None` where they make another number of samples.
    fn unrolled<T: Copy>(&self, entries: impl Iterator<Item = (u32, T)>) -> Option<Vec<T>> {
        let mut values = Vec::with_capacity(self.count);
        for (run, value) in entries {
            let length = values.len().checked_add(run as usize);
            let length = length.filter(|length| *length <= self.count)?;
            values.resize(length, value);
        }
        (values.len() == self.count).then_some(values)
    }

    fn sync(&self, sample: u32) -> bool {
        let stss = self.boxes.trak.mdia.minf.stbl.stss.as_ref();
        stss.is_none_or(|stss| stss.entries.binary_search(&sample).is_ok())
    }

    /// Where each sample's bytes begin and end.
    fn places(&self, file_length: usize) -> Result<Vec<(usize, usize)>, ProgrammeError> {
        let mut places = Vec::with_capacity(self.count);
        let chunks = self.chunk_offsets()?;
        let runs = &self.boxes.trak.mdia.minf.stbl.stsc.entries;
        let mut run = 0;
        for (index, chunk) in chunks.iter().enumerate() {
            let number = index as u64 + 1;
            while runs.get(run + 1).is_some_and(|next| u64::from(next.first_chunk) <= number) {
                run += 1;
            }
            let run = runs.get(run).filter(|run| u64::from(run.first_chunk) <= number);
            let run = run.ok_or_else(|| self.disagrees("stsc"))?;
            let mut start = *chunk;
            for _ in 0..run.samples_per_chunk {
                let sample = places.len() + 1;
                if sample > self.count {
                    return Err(self.disagrees("stsc"));
                }
                let size = self.size(sample - 1);
                let end = start.checked_add(u64::from(size)).filter(|_| size > 0);
                let end = end.filter(|end| *end <= file_length as u64);
                let end = end.ok_or(ProgrammeError::Data { track: self.track, sample })?;
                places.push((start as usize, end as usize));
                start = end;
            }
        }
        if places.len() != self.count {
            return Err(self.disagrees("stsc"));
        }
        Ok(places)
    }

    fn size(&self, index: usize) -> u32 {
        let stsz = &self.boxes.trak.mdia.minf.stbl.stsz;
        match stsz.sample_size {
            0 => stsz.sample_sizes.get(index).copied().unwrap_or(0),
            all => all,
        }
    }

    fn chunk_offsets(&self) -> Result<Vec<u64>, ProgrammeError> {
        let stbl = &self.boxes.trak.mdia.minf.stbl;
        match (&stbl.stco, &stbl.co64) {
            (Some(stco), _) => Ok(stco.entries.iter().map(|offset| u64::from(*offset)).collect()),
            (None, Some(co64)) => Ok(co64.entries.clone()),
            (None, None) => Err(self.disagrees("stco")),
        }
    }
}

/// The sample with four bytes before each NAL unit and without parameter sets, delimiters and
/// filler, the form [`Sample`] asks for; the same bytes where they are in it already. `None` where
/// the lengths do not add up or nothing is left.
pub(super) fn with_four_byte_lengths(data: &Bytes, size: usize) -> Option<Bytes> {
    let mut units = Vec::new();
    let mut as_it_is = size == 4;
    let mut rest = data.as_ref();
    while !rest.is_empty() {
        let (length, after) = rest.split_at_checked(size)?;
        let length = length.iter().fold(0usize, |length, byte| length << 8 | usize::from(*byte));
        let (unit, after) = after.split_at_checked(length)?;
        match unit.first()? & 0x1f {
            nal::SPS | nal::PPS | nal::AUD | nal::FILLER => as_it_is = false,
            _ => units.push(unit),
        }
        rest = after;
    }
    if units.is_empty() {
        return None;
    }
    if as_it_is {
        return Some(data.clone());
    }
    let mut out = BytesMut::with_capacity(units.iter().map(|unit| unit.len() + 4).sum());
    for unit in units {
        out.put_u32(u32::try_from(unit.len()).ok()?);
        out.put_slice(unit);
    }
    Some(out.freeze())
}

/// The track's one edit, if it has an edit list (ISO/IEC 14496-12 §8.6.6), and the empty ones before
/// it.
pub(super) fn edit(boxes: &Mp4Track, movie_timescale: u32) -> Result<Option<Edit>, ProgrammeError> {
    let refused = ProgrammeError::EditList { track: boxes.track_id() };
    let Some(elst) = boxes.trak.edts.as_ref().and_then(|edts| edts.elst.as_ref()) else {
        return Ok(None);
    };
    // All ones is -1, an empty edit.
    let none = if elst.version == 1 { u64::MAX } else { u64::from(u32::MAX) };
    let ticks = |movie_ticks: u64| {
        let media = u128::from(boxes.timescale());
        let ticks = u128::from(movie_ticks) * media / u128::from(movie_timescale.max(1));
        i64::try_from(ticks).ok()
    };
    let empty = elst.entries.iter().take_while(|entry| entry.media_time == none).count();
    let (empty, rest) = elst.entries.split_at(empty);
    let [entry] = rest else { return Err(refused) };
    let delay = empty.iter().try_fold(0u64, |sum, e| sum.checked_add(e.segment_duration));
    let delay = delay.and_then(ticks).filter(|delay| *delay <= i64::from(u32::MAX));
    let from = i64::try_from(entry.media_time).ok();
    let (Some(from), Some(delay), 1, 0) =
        (from, delay, entry.media_rate, entry.media_rate_fraction)
    else {
        return Err(refused);
    };
    let to = match (entry.segment_duration, movie_timescale) {
        (0, _) | (_, 0) => None,
        (duration, _) => ticks(duration).and_then(|ticks| from.checked_add(ticks)),
    };
    Ok(Some(Edit { from, to, delay }))
}

/// Moves presentation times so that the edit's begin is 0, or its delay. Pictures before it cannot be left out,
/// for others may need them, so there may be none.
pub(super) fn begin_at(
    samples: &mut [Sample],
    edit: &Edit,
    track: u32,
) -> Result<(), ProgrammeError> {
    if samples.iter().any(|sample| sample.pts < edit.from) {
        return Err(ProgrammeError::EditList { track });
    }
    for sample in samples {
        sample.dts += edit.delay;
        sample.pts += edit.delay - edit.from;
    }
    Ok(())
}

/// Leaves out the audio frames that lie wholly outside the edit, an encoder's priming and padding,
/// and lets the rest begin at 0, or the edit's delay. A frame the edit cuts in two stays whole.
pub(super) fn trim(samples: &mut Vec<Sample>, edit: &Edit) {
    let end = |sample: &Sample| sample.dts + i64::from(sample.duration.unwrap_or(0));
    samples.retain(|sample| end(sample) > edit.from && edit.to.is_none_or(|to| sample.dts < to));
    let first = samples.first().map_or(0, |sample| sample.dts);
    for sample in samples {
        sample.dts += edit.delay - first;
        sample.pts += edit.delay - first;
    }
}
