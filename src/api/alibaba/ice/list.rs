//! Lists: what matches, in order, a page of it.

use serde_json::Value;

use super::fault::IceError;
use super::{Call, fields};
use crate::api::alibaba::Fields;
use crate::api::model::value::Whole;

/// What a list wants.
pub(super) struct Wanted {
    keyword: String,
    page: Whole<1, { i64::MAX }>,
    size: Whole<1, 100>,
    ascending: bool,
}

/// What of an item a list looks at.
pub(super) struct Seen<'m> {
    pub(super) name: &'m str,
    pub(super) description: &'m str,
    pub(super) sequence: u64,
}

impl Wanted {
    pub(super) fn read(call: &Call<'_>) -> Result<Self, IceError> {
        let page = call.get("PageNo", Whole::parse)?.unwrap_or(Whole::clamped(1));
        let size = call.get("PageSize", Whole::parse)?.unwrap_or(Whole::clamped(10));
        let ascending = call.get("SortBy", |text| match text {
            "asc" => Ok(true),
            "desc" => Ok(false),
            _ => Err("must be asc or desc"),
        })?;
        let keyword = call.parameters.get("Keyword").unwrap_or_default().to_lowercase();
        Ok(Wanted { keyword, page, size, ascending: ascending.unwrap_or(false) })
    }

    fn matches(&self, seen: &Seen<'_>) -> bool {
        let holds = |text: &str| text.to_lowercase().contains(&self.keyword);
        holds(seen.name) || holds(seen.description)
    }

    /// A page of what matches, as JSON, and what goes with it.
    pub(super) fn page<'m, T: 'm>(
        &self,
        key: &str,
        items: impl Iterator<Item = &'m T>,
        see: impl Fn(&'m T) -> Seen<'m>,
        show: impl Fn(&T) -> Value,
    ) -> Fields {
        let mut items: Vec<(u64, &T)> = items
            .map(|item| (see(item), item))
            .filter(|(seen, _)| self.matches(seen))
            .map(|(seen, item)| (seen.sequence, item))
            .collect();
        items.sort_by_key(|(sequence, _)| *sequence);
        if !self.ascending {
            items.reverse();
        }
        let size = usize::try_from(self.size.get()).unwrap_or(1);
        let before =
            usize::try_from(self.page.get() - 1).unwrap_or(usize::MAX).saturating_mul(size);
        let page: Vec<Value> =
            items.iter().skip(before).take(size).map(|(_, item)| show(item)).collect();
        fields(&[
            (key, page.into()),
            ("PageNo", self.page.get().into()),
            ("PageSize", self.size.get().into()),
            ("SortBy", if self.ascending { "asc" } else { "desc" }.into()),
            ("TotalCount", items.len().into()),
        ])
    }
}
