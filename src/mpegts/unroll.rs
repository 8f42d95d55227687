//! Times of 33 bits made endless (ISO/IEC 13818-1 §2.4.3.7: they wrap every 26.5 hours).

/// Times count modulo this.
const TURN: i64 = 1 << 33;

/// Chooses, of all instants a 33-bit time can mean, the one nearest the reference. One reference
/// serves all PIDs: with one each, audio and video would part by 26.5 hours when they wrap.
#[derive(Debug, Default)]
pub(super) struct Unroller {
    /// The last decode time unrolled, 90 kHz.
    pub(super) reference: Option<i64>,
}

impl Unroller {
    /// Unrolls a PES packet's times and moves the reference to its decode time. Returns (pts, dts).
    pub(super) fn unroll(&mut self, pts: u64, dts: Option<u64>) -> (i64, i64) {
        let raw = dts.unwrap_or(pts);
        let dts = match self.reference {
            Some(reference) => nearest(raw, reference),
            None => nearest(raw, TURN / 2),
        };
        self.reference = Some(dts);
        (nearest(pts, dts), dts)
    }
}

/// The instant congruent to `raw` modulo 2^33 that is nearest `reference`.
fn nearest(raw: u64, reference: i64) -> i64 {
    let ahead = (raw.cast_signed() & (TURN - 1)).wrapping_sub(reference).rem_euclid(TURN);
    let step = if ahead >= TURN / 2 { ahead - TURN } else { ahead };
    reference.saturating_add(step)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_time_stands_as_it_is() {
        assert_eq!(Unroller::default().unroll(7, None), (7, 7));
        let last = (1 << 33) - 1;
        assert_eq!(Unroller::default().unroll(last, None), (TURN - 1, TURN - 1));
    }

    #[test]
    fn times_go_on_through_a_wrap_and_back_for_the_slower_track() {
        let mut clock = Unroller::default();
        clock.unroll(TURN as u64 - 10, None);
        assert_eq!(clock.unroll(5, None), (TURN + 5, TURN + 5));
        assert_eq!(clock.unroll(TURN as u64 - 3, None), (TURN - 3, TURN - 3));
        assert_eq!(clock.unroll(20, Some(TURN as u64 - 1)), (TURN + 20, TURN - 1));
    }

    #[test]
    fn a_reference_of_many_turns_is_kept() {
        let mut clock = Unroller { reference: Some(5 * TURN + 100) };
        assert_eq!(clock.unroll(50, None).1, 5 * TURN + 50);
    }

    #[test]
    fn references_at_the_ends_of_the_range_do_not_overflow() {
        for reference in [i64::MIN, i64::MAX] {
            let mut clock = Unroller { reference: Some(reference) };
            clock.unroll(12345, Some(TURN as u64 - 1));
        }
    }
}
