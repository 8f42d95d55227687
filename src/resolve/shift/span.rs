//! What a wish comes to at an instant: which stretch of time is listed, and how.

use super::{Shift, ShiftError};
use crate::resolve::absence::Missing;

/// What an endpoint allows, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShiftRules {
    /// How far behind live can be asked for.
    pub kept: i64,
    /// The longest stretch that is listed at once.
    pub longest: i64,
}

/// How a list of the past ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// A window that moves on, so far behind live.
    Window {
        /// Milliseconds.
        delay: i64,
        /// What it spans, where that is said.
        span: Option<i64>,
    },
    /// It grows at the end.
    Growing,
    /// It grows until this instant, and has ended then.
    Until(i64),
}

/// The stretch of time that is listed. Unix milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// Media that ends behind this is listed.
    pub from: i64,
    /// Media that begins before this is listed.
    pub to: i64,
    /// What becomes of it.
    pub reach: Reach,
}

/// Why there is nothing to list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::resolve) enum Nothing {
    /// The request's fault.
    Wrong(ShiftError),
    /// It is not kept, or has not come.
    Missing(Missing),
}

impl Shift {
    /// What is listed at the instant `now` (Unix milliseconds). What was kept no longer is cut off at
    /// the front; `end` without `start` begins with what is kept, as far as a list may reach.
    ///
    /// # Errors
    /// Where nothing can be listed.
    pub(in crate::resolve) fn span(&self, rules: &ShiftRules, now: i64) -> Result<Span, Nothing> {
        let wrong = |error| Err(Nothing::Wrong(error));
        let oldest = now - rules.kept;
        if self.start.is_none() && self.end.is_none() {
            return self.window(rules, now);
        }
        let end = self.end.unwrap_or(i64::MAX);
        let start = self.start.unwrap_or_else(|| oldest.max(end.min(now) - rules.longest));
        if end <= start {
            return wrong(ShiftError::Reversed);
        }
        // A list that grows is as long as it will be; one without an end as it is now.
        let last = if self.end.is_some() { end } else { now };
        if last.saturating_sub(start) > rules.longest {
            return wrong(ShiftError::TooLong(rules.longest / 1000));
        }
        if start > now {
            return Err(Nothing::Missing(Missing::Future));
        }
        if end <= oldest {
            return Err(Nothing::Missing(Missing::Past));
        }
        let reach = self.end.map_or(Reach::Growing, Reach::Until);
        Ok(Span { from: start.max(oldest), to: end, reach })
    }

    fn window(&self, rules: &ShiftRules, now: i64) -> Result<Span, Nothing> {
        let delay = self.delay.unwrap_or(0);
        if delay >= rules.kept {
            return Err(Nothing::Missing(Missing::Past));
        }
        if self.window.is_some_and(|span| span > rules.longest) {
            return Err(Nothing::Wrong(ShiftError::TooLong(rules.longest / 1000)));
        }
        let from = (now - rules.kept).max(self.clip.unwrap_or(0));
        if from >= now - delay {
            return Err(Nothing::Missing(Missing::Future));
        }
        Ok(Span { from, to: now - delay, reach: Reach::Window { delay, span: self.window } })
    }
}
