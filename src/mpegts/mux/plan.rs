//! What is sent when: tables, clock and units of a stretch, and how many packets each unit takes.
//! Everything follows from the units' times and sizes and from what the segment sent before.

use super::packet::ROOM;
use super::pes::header_length;
use super::{Muxer, Stretch, TABLES_EVERY};

/// Two readings of the clock farther apart than this get others between them.
const CLOCK_GAP_MAX: i64 = 4_500;
/// How far apart those are at most.
const CLOCK_EVERY: i64 = 3_600;

/// One thing that is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Both tables.
    Tables,
    /// The clock alone.
    Clock(i64),
    /// A unit, in so many packets.
    Unit { index: usize, packets: u64 },
}

/// The steps of a stretch.
pub(super) fn plan(muxer: &Muxer<'_>, stretch: &Stretch) -> Vec<Step> {
    let packets = packets(muxer, stretch);
    let mut clocks = clocks(stretch).into_iter().peekable();
    let mut steps = vec![Step::Tables];
    let mut tables_at = stretch.span.0;
    for (index, (unit, packets)) in stretch.units.iter().zip(packets).enumerate() {
        while let Some(at) = clocks.next_if(|at| *at < unit.at) {
            steps.push(Step::Clock(at));
        }
        if unit.at - tables_at >= TABLES_EVERY {
            steps.push(Step::Tables);
            tables_at = unit.at;
        }
        steps.push(Step::Unit { index, packets });
    }
    steps.extend(clocks.map(Step::Clock));
    if stretch.last { with_whole_turn_of_tables(muxer, steps) } else { steps }
}

/// The instants between units at which the clock is read besides.
fn clocks(stretch: &Stretch) -> Vec<i64> {
    let units = stretch.units.iter().filter(|unit| unit.stream == 0).map(|unit| unit.at);
    let mut out = Vec::new();
    let mut before = stretch.span.0;
    for at in units.chain([stretch.span.1]) {
        let gap = at - before;
        if gap > CLOCK_GAP_MAX {
            let count = (gap + CLOCK_EVERY - 1) / CLOCK_EVERY;
            out.extend((1..count).map(|n| before + gap * n / count));
        }
        before = at;
    }
    out
}

/// Sends the tables as often again as is missing to a multiple of 16, evenly over the steps.
fn with_whole_turn_of_tables(muxer: &Muxer<'_>, steps: Vec<Step>) -> Vec<Step> {
    let mut tables = muxer.tables;
    tables.sent += steps.iter().filter(|step| **step == Step::Tables).count() as u64;
    let missing = tables.missing() as usize;
    let count = steps.len();
    let mut out = Vec::with_capacity(count + missing);
    let mut added = 0;
    for (n, step) in steps.into_iter().enumerate() {
        // Behind the first step, which is the tables themselves.
        while n > 0 && added < missing && added * count < n * missing {
            out.push(Step::Tables);
            added += 1;
        }
        out.push(step);
    }
    out.extend(std::iter::repeat_n(Step::Tables, missing - added));
    out
}

/// How many packets each unit takes.
fn packets(muxer: &Muxer<'_>, stretch: &Stretch) -> Vec<u64> {
    let mut counters = muxer.streams.clone();
    let mut packets = Vec::with_capacity(stretch.units.len());
    // How many more each could take: every packet carries a byte of the unit at least.
    let mut spare = Vec::with_capacity(stretch.units.len());
    for unit in &stretch.units {
        let counter = &mut counters[unit.stream];
        let mut field = muxer.field_of(unit);
        field.jump = counter.sent == 0 && counter.announce;
        let whole = header_length(unit) + unit.length();
        let first = ROOM - field.length();
        let count = 1 + whole.saturating_sub(first).div_ceil(ROOM) as u64;
        counter.sent += count;
        packets.push(count);
        spare.push((unit.length() as u64).saturating_sub(count));
    }
    if stretch.last {
        for (stream, counter) in counters.iter().enumerate() {
            let own: Vec<usize> =
                (0..packets.len()).filter(|n| stretch.units[*n].stream == stream).collect();
            fill_turn(counter.missing(), &own, &mut packets, &mut spare);
        }
    }
    packets
}

/// Spreads `missing` packets over the last of `own` units; leaves all as it is where they have not
/// bytes enough.
fn fill_turn(mut missing: u64, own: &[usize], packets: &mut [u64], spare: &mut [u64]) {
    if own.iter().map(|n| spare[*n]).sum::<u64>() < missing {
        return;
    }
    while missing > 0 {
        for n in own.iter().rev() {
            if missing > 0 && spare[*n] > 0 {
                (packets[*n], spare[*n], missing) = (packets[*n] + 1, spare[*n] - 1, missing - 1);
            }
        }
    }
}

/// How many bytes of a PES packet each of `packets` carries. Where they are as few as can be they
/// are filled from the first on, else evenly, but that the header is never split.
pub(super) fn shares(
    header: usize,
    payload: usize,
    field: usize,
    packets: u64,
) -> impl Iterator<Item = usize> {
    let count = packets as usize;
    let whole = header + payload;
    let fewest = 1 + whole.saturating_sub(ROOM - field).div_ceil(ROOM);
    let first = if count <= fewest {
        whole.min(ROOM - field)
    } else {
        (whole / count).clamp(header + 1, ROOM - field)
    };
    let rest = whole - first;
    let others = count - 1;
    (0..count).map(move |n| {
        if n == 0 {
            first
        } else if count <= fewest {
            ROOM.min(rest - (n - 1) * ROOM)
        } else {
            rest / others + usize::from(n - 1 < rest % others)
        }
    })
}
