//! The programmes a transport stream lists: the PAT put together from its sections, and what each
//! programme's map said last. Which streams follow from that is the demultiplexer's.

use std::collections::BTreeMap;

use super::LeftOut;
use super::psi::Pat;
use crate::media::VariantName;

/// One programme.
#[derive(Debug, Default)]
pub(super) struct Program {
    /// PID of its map.
    pub(super) pmt_pid: u16,
    /// Checksum of the map in force.
    pub(super) applied: Option<u32>,
    /// The streams already reported as left out.
    pub(super) left_out: Vec<LeftOut>,
}

/// All programmes.
#[derive(Debug, Default)]
pub(super) struct Programs {
    /// Sections of the newest PAT: its version, and programmes by section number.
    version: u8,
    parts: BTreeMap<u8, Vec<(u16, u16)>>,
    /// The last whole PAT.
    listed: Vec<(u16, u16)>,
    pub(super) by_number: BTreeMap<u16, Program>,
}

impl Programs {
    /// Takes a section; gives the list of all programmes when it is whole and differs from the last.
    pub(super) fn take(&mut self, pat: Pat) -> Option<&[(u16, u16)]> {
        if pat.version != self.version {
            self.version = pat.version;
            self.parts.clear();
        }
        self.parts.retain(|number, _| *number <= pat.last_number);
        if pat.number <= pat.last_number {
            self.parts.insert(pat.number, pat.programs);
        }
        if self.parts.len() != usize::from(pat.last_number) + 1 {
            return None;
        }
        let mut all: Vec<_> = self.parts.values().flatten().copied().collect();
        all.sort_unstable();
        all.dedup_by_key(|(number, _)| *number);
        if all == self.listed {
            return None;
        }
        self.listed = all;
        Some(&self.listed)
    }

    /// The rung of a programme: the folder's name where the transport stream has only one.
    pub(super) fn variant(&self, folder: &VariantName, number: u16) -> VariantName {
        if self.listed.len() <= 1 {
            return folder.clone();
        }
        let alone = format!("p{number}");
        let joined = match folder.as_str() {
            "" => alone.clone(),
            folder => format!("{folder}-{alone}"),
        };
        // A folder's name of full length leaves no room.
        VariantName::parse(&joined).or_else(|| VariantName::parse(&alone)).unwrap_or_default()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    fn pat(version: u8, number: u8, last_number: u8, programs: &[(u16, u16)]) -> Pat {
        Pat { version, number, last_number, programs: programs.to_vec() }
    }

    #[test]
    fn a_table_of_two_sections_is_whole_when_both_are_there() {
        let mut programs = Programs::default();
        assert_eq!(programs.take(pat(1, 1, 1, &[(2, 20)])), None);
        assert_eq!(programs.take(pat(1, 0, 1, &[(1, 10)])), Some(&[(1, 10), (2, 20)][..]));
        assert_eq!(programs.take(pat(1, 0, 1, &[(1, 10)])), None);
        assert_eq!(programs.take(pat(2, 0, 0, &[(2, 20)])), Some(&[(2, 20)][..]));
    }

    #[test]
    fn rungs_are_named_after_programmes_only_where_there_are_several() {
        let folder = VariantName::parse("high").unwrap();
        let mut programs = Programs::default();
        programs.take(pat(0, 0, 0, &[(7, 10)]));
        assert_eq!(programs.variant(&folder, 7), folder);
        programs.take(pat(1, 0, 0, &[(7, 10), (9, 11)]));
        assert_eq!(programs.variant(&folder, 9).as_str(), "high-p9");
        assert_eq!(programs.variant(&VariantName::default(), 9).as_str(), "p9");
        let long = VariantName::parse(&"x".repeat(64)).unwrap();
        assert_eq!(programs.variant(&long, 9).as_str(), "p9");
    }
}
