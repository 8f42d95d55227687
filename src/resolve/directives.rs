//! Delivery directives: the `_HLS_*` query parameters (rfc8216bis §6.2.5).

use thiserror::Error;

use super::request::decimal;
use crate::packager::{RenditionView, SegmentationView};
use crate::units::MediaDuration;

/// What a reader asks of a playlist.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Directives {
    /// `_HLS_msn`.
    pub msn: Option<u64>,
    /// `_HLS_part`.
    pub part: Option<u64>,
    /// `_HLS_skip=YES` or `v2`.
    pub skip: bool,
}

/// Directives that contradict themselves or the playlist.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum DirectiveError {
    /// Farther ahead than a client that follows the playlist can ask.
    #[error(
        "_HLS_msn and _HLS_part are too far ahead: at most two segments and three parts past the last"
    )]
    AheadOfPlaylist,
    /// A number that is none.
    #[error("_HLS_msn and _HLS_part take a decimal number, once each")]
    NotANumber,
    /// `_HLS_part` without `_HLS_msn`.
    #[error("_HLS_part needs _HLS_msn beside it")]
    PartWithoutMsn,
    /// Another value of `_HLS_skip`.
    #[error("_HLS_skip takes YES or v2")]
    Skip,
}

impl Directives {
    /// Reads the directives of a query; other parameters are passed over.
    pub fn parse(query: Option<&str>) -> Result<Self, DirectiveError> {
        let mut directives = Directives::default();
        let pairs = query.unwrap_or("").split('&').filter_map(|p| p.split_once('='));
        for (name, value) in pairs {
            let number = |known: Option<u64>| match (known, decimal(value)) {
                (None, Some(n)) => Ok(Some(n)),
                _ => Err(DirectiveError::NotANumber),
            };
            match name {
                "_HLS_msn" => directives.msn = number(directives.msn)?,
                "_HLS_part" => directives.part = number(directives.part)?,
                "_HLS_skip" if matches!(value, "YES" | "v2") => directives.skip = true,
                "_HLS_skip" => return Err(DirectiveError::Skip),
                _ => {}
            }
        }
        if directives.part.is_some() && directives.msn.is_none() {
            return Err(DirectiveError::PartWithoutMsn);
        }
        Ok(directives)
    }
}

/// What a blocking request is to a playlist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// The playlist contains it, or later.
    There,
    /// It will come.
    Later,
}

/// Holds a request against a list (§6.2.5.2).
pub(super) fn asked(
    list: &RenditionView,
    segmentation: &SegmentationView,
    msn: u64,
    part: Option<u64>,
) -> Result<Asked, DirectiveError> {
    let (last, open) = list.position();
    // After a restart readers know of a segment in the making that is lost: its gap is to come.
    let shown = open.map(|(number, _)| number).or(last).unwrap_or(0);
    let newest = shown.max(segmentation.named_before);
    if msn > newest + 2 {
        return Err(DirectiveError::AheadOfPlaylist);
    }
    let complete = last.is_some_and(|last| last >= msn);
    let Some(part) = part else {
        return Ok(if complete { Asked::There } else { Asked::Later });
    };
    let parts_of_open = open.map_or(0, |(_, parts)| parts as u64);
    if msn >= newest {
        // A segment that a break has ended is complete with as many parts as it was seen with.
        let complete = list.rows.last().filter(|row| row.number == msn);
        let base = match open {
            Some((number, _)) if number == msn => parts_of_open,
            _ => complete.map_or(0, |row| row.parts().len() as u64),
        };
        if part > base.saturating_sub(1) + advance_limit(segmentation) {
            return Err(DirectiveError::AheadOfPlaylist);
        }
    }
    if complete {
        // Past the final part of a complete segment is part 0 of the next.
        let parts = list.rows.by_number(msn).map_or(u64::MAX, |row| row.parts().len() as u64);
        let past_final = last == Some(msn) && part >= parts;
        let there = !past_final || parts_of_open > 0;
        return Ok(if there { Asked::There } else { Asked::Later });
    }
    let there =
        open.is_some_and(|(number, parts)| number > msn || number == msn && parts as u64 > part);
    Ok(if there { Asked::There } else { Asked::Later })
}

/// The Advance Part Limit: three parts, or as many as three seconds hold where parts are shorter
/// than a second (§6.2.5.2).
fn advance_limit(segmentation: &SegmentationView) -> u64 {
    let second = MediaDuration::from_secs(1);
    match segmentation.part_target {
        Some(target) if target.is_positive() && target < second => {
            MediaDuration::from_secs(3).div_ceil(target).unsigned_abs()
        }
        _ => 3,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_are_read_or_refused() {
        let read = |query| Directives::parse(Some(query));
        let directives = |msn, part, skip| Ok(Directives { msn, part, skip });
        assert_eq!(Directives::parse(None), directives(None, None, false));
        assert_eq!(
            read("a=b&_HLS_msn=7&_HLS_part=0&_HLS_skip=YES"),
            directives(Some(7), Some(0), true)
        );
        assert_eq!(read("_HLS_skip=v2"), directives(None, None, true));
        assert_eq!(read("_HLS_unknown=1"), directives(None, None, false));
        assert_eq!(read("_HLS_part=1"), Err(DirectiveError::PartWithoutMsn));
        for bad in [
            "_HLS_msn=",
            "_HLS_msn=x",
            "_HLS_msn=-1",
            "_HLS_msn=1&_HLS_msn=2",
            "_HLS_msn=99999999999999999999",
        ] {
            assert_eq!(read(bad), Err(DirectiveError::NotANumber), "{bad}");
        }
        assert_eq!(read("_HLS_skip=NO"), Err(DirectiveError::Skip));
    }
}
