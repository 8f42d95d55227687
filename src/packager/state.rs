//! What a channel must remember over a restart (invariant 23).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::cadence::Rhythm;
use super::config::{SegmentationKey, Served};
use super::segment::Segment;
use super::snapshot::{RenditionView, Snapshot};
use crate::media::{Language, MediaKind, VariantName};
use crate::units::{Bitrate, MediaDuration};

/// A rendition's number in its channel; never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RenditionId(pub u32);

/// One track as URLs and manifests know it, for the channel's whole life.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rendition {
    /// Its number.
    pub id: RenditionId,
    /// Its name in URLs and Representation@id.
    pub name: String,
    /// Video or audio.
    pub kind: MediaKind,
    /// The rung it came by; empty for audio that all rungs share.
    pub variant: VariantName,
    /// Language.
    pub language: Language,
    /// Highest rate of a segment seen, with the margin manifests declare.
    pub peak: Bitrate,
    /// Highest running average seen, with the same margin.
    pub average: Bitrate,
    /// Whether nothing but a slate has played in it.
    #[serde(default)]
    pub only_slate: bool,
}

/// What a segmentation must not forget.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reserved {
    /// The highest number that may have been used: one ahead of the open segment.
    pub number: u64,
    /// EXT-X-TARGETDURATION in seconds, never lowered.
    pub target: u32,
    /// When media numbered so far ends at the latest, Unix milliseconds.
    pub end_ms: i64,
    /// PART-TARGET, kept while every track's frames fit it: some players end where it changes.
    #[serde(default)]
    pub part_target: Option<MediaDuration>,
    /// The part duration in milliseconds that this was found for, where that is not the key's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parts_of: Option<u32>,
    /// What its numbers are beyond the slots of their times; `None` before its first cut.
    #[serde(default = "no_offset")]
    pub offset: Option<i64>,
    /// The list it goes on from, and the highest number that may have been used there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<(SegmentationKey, u64)>,
}

/// Under which keys the rows of a list are kept, that of its durations now and those of before: its
/// numbers go on over all of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lineage {
    /// What it is now.
    pub key: SegmentationKey,
    /// What it was, the newest first, each with its highest number.
    pub before: Vec<(SegmentationKey, u64)>,
}

impl Lineage {
    /// The keys, the newest first, each with the highest number it may have.
    pub fn keys(&self) -> impl Iterator<Item = (SegmentationKey, u64)> {
        std::iter::once((self.key, u64::MAX)).chain(self.before.iter().copied())
    }
}

impl From<SegmentationKey> for Lineage {
    fn from(key: SegmentationKey) -> Self {
        Lineage { key, before: Vec::new() }
    }
}

/// Changes of durations that a list is followed back over.
const CHANGES_MAX: usize = 64;

/// Records that say nothing of it are of numbers that are slots.
#[allow(clippy::unnecessary_wraps)]
fn no_offset() -> Option<i64> {
    Some(0)
}

/// Everything a channel remembers. Written before what it reserves is used.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// Layout of this record; a reader accepts its own and older ones.
    pub format: u32,
    /// Rises by one with every change.
    pub revision: u64,
    /// Ordinal of the newest Period.
    pub period_ordinal: Option<u64>,
    /// Id of the newest Period; ids only rise, as they name objects.
    #[serde(default)]
    pub period_id: Option<i64>,
    /// By segmentation, in the order of their keys.
    #[serde(with = "segmentations")]
    pub segmentations: BTreeMap<SegmentationKey, Reserved>,
    /// What endpoints serve, by ordinal, of those there were too.
    #[serde(default)]
    pub endpoints: BTreeMap<u32, Served>,
    /// The highest number of segmentations that are remembered no longer.
    #[serde(default)]
    pub forgotten: u64,
    /// All renditions there ever were, by id.
    pub renditions: Vec<Rendition>,
    /// The newest run: its clock, its rhythm and who took part, so that the same source goes on at
    /// once and on the same clock.
    #[serde(default)]
    pub run: Option<LastRun>,
}

/// What the next run is to know of the last, over a restart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastRun {
    /// Added to the source's time gives the time since the Unix epoch.
    pub offset: MediaDuration,
    /// Whether the source said so itself.
    pub absolute: bool,
    /// Rhythm and frame of the video that led, where one did.
    pub video: Option<(Rhythm, MediaDuration)>,
    /// Who took part.
    pub tracks: BTreeSet<(MediaKind, VariantName, Language)>,
}

impl State {
    /// The layout this version writes.
    pub const FORMAT: u32 = 1;

    /// What a list goes on from.
    pub(super) fn lineage(&self, key: SegmentationKey) -> Lineage {
        let after = |key: &SegmentationKey| self.segmentations.get(key)?.after;
        let before = std::iter::successors(after(&key), |(key, _)| after(key));
        Lineage { key, before: before.take(CHANGES_MAX).collect() }
    }

    /// The rendition of a track, created where it is new. Names say what a track is: `video`,
    /// `video-{rung}`, `audio`, `audio-{language}`; a clash gets a number.
    pub(super) fn rendition(
        &mut self,
        kind: MediaKind,
        variant: &VariantName,
        language: Language,
        ordinal: usize,
    ) -> RenditionId {
        let same =
            |r: &&Rendition| r.kind == kind && r.variant == *variant && r.language == language;
        if let Some(known) = self.renditions.iter().filter(same).nth(ordinal) {
            return known.id;
        }
        let id = RenditionId(u32::try_from(self.renditions.len()).unwrap_or(u32::MAX));
        let mut base = kind.to_string();
        if !variant.as_str().is_empty() {
            base = format!("{base}-{}", variant.as_str());
        }
        if language != Language::UNDETERMINED {
            base = format!("{base}-{}", language.as_str());
        }
        let taken = |name: &str| self.renditions.iter().any(|r| r.name == name);
        let mut name = base.clone();
        let mut n = 2;
        while taken(&name) {
            name = format!("{base}-{n}");
            n += 1;
        }
        self.renditions.push(Rendition {
            id,
            name,
            kind,
            variant: variant.clone(),
            language,
            peak: Bitrate(0),
            average: Bitrate(0),
            only_slate: false,
        });
        id
    }

    /// The same for a track of a slate or of an input. A new track of an input takes over a
    /// rendition in which a slate alone has played, so that whoever watches the slate before the
    /// first encoder comes goes on. Gives whether anything changed.
    pub(super) fn claim(
        &mut self,
        (kind, variant, language): (MediaKind, &VariantName, Language),
        ordinal: usize,
        slate: bool,
    ) -> (RenditionId, bool) {
        let count = self.renditions.len();
        let same =
            |r: &&Rendition| r.kind == kind && r.variant == *variant && r.language == language;
        let is_known = self.renditions.iter().filter(same).nth(ordinal).is_some();
        let mut free = self.renditions.iter_mut().filter(|r| r.only_slate && r.kind == kind);
        if let Some(free) = free.next().filter(|_| !slate && !is_known) {
            (free.variant, free.language, free.only_slate) = (variant.clone(), language, false);
            return (free.id, true);
        }
        let id = self.rendition(kind, variant, language, ordinal);
        let is_new = self.renditions.len() > count;
        let Some(own) = self.renditions.iter_mut().find(|r| r.id == id) else { return (id, false) };
        let only_slate = slate && (is_new || own.only_slate);
        let before = std::mem::replace(&mut own.only_slate, only_slate);
        (id, is_new || before != only_slate)
    }
}

/// Rows by list, oldest first, their numbers consecutive.
pub type Lists = BTreeMap<SegmentationKey, BTreeMap<RenditionId, Vec<Arc<Segment>>>>;

/// What a channel is given at its start.
#[derive(Clone, Debug, Default)]
pub struct Restored {
    /// The newest state on disk.
    pub state: State,
    /// The version readers have seen: those that come are later.
    pub version: u64,
    /// The segments that are still there, oldest first: lists go on from them.
    pub rows: Lists,
}

impl Restored {
    /// What a life of the channel left that ended with `snapshot`, as far as `state` knows of it.
    #[must_use]
    pub fn after(state: State, snapshot: &Snapshot) -> Self {
        let rows = snapshot.segmentations.iter().map(|(key, view)| {
            let lists = view.renditions.iter();
            let rows = |list: &RenditionView| list.rows.iter_from(0).cloned().collect();
            (*key, lists.map(|list| (list.rendition.id, rows(list))).collect())
        });
        Restored { state, version: snapshot.version, rows: rows.collect() }
    }
}

/// Keys are structs, which JSON objects cannot have: a list of pairs instead.
mod segmentations {
    use super::{BTreeMap, Reserved, SegmentationKey};
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer>(
        map: &BTreeMap<SegmentationKey, Reserved>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        map.iter().collect::<Vec<_>>().serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<BTreeMap<SegmentationKey, Reserved>, D::Error> {
        Ok(Vec::<(SegmentationKey, Reserved)>::deserialize(deserializer)?.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_say_what_a_track_is_and_never_clash() {
        let mut state = State::default();
        let rung = VariantName::parse("hd").expect("plain");
        let none = VariantName::default();
        let eng = Language::parse(b"eng");
        state.rendition(MediaKind::Video, &rung, Language::UNDETERMINED, 0);
        state.rendition(MediaKind::Audio, &none, eng, 0);
        state.rendition(MediaKind::Audio, &none, eng, 1);
        let again = state.rendition(MediaKind::Audio, &none, eng, 1);
        let names: Vec<&str> = state.renditions.iter().map(|r| r.name.as_str()).collect();
        assert_eq!(names, ["video-hd", "audio-eng", "audio-eng-2"]);
        assert_eq!(again, RenditionId(2));
    }

    #[test]
    fn the_record_reads_back() {
        let mut state = State { format: State::FORMAT, revision: 7, ..State::default() };
        let key = SegmentationKey::new(2000, Some(500));
        state.segmentations.insert(
            key,
            Reserved {
                number: 9,
                target: 2,
                end_ms: 1,
                part_target: None,
                parts_of: None,
                offset: Some(0),
                after: Some((SegmentationKey::new(4000, None), 7)),
            },
        );
        let text = serde_json::to_string(&state).expect("plain data");
        assert_eq!(serde_json::from_str::<State>(&text).expect("own record"), state);
    }
}
