//! Time shift: what a query asks of the past, in every dialect, as one model (docs/time-shift.md).

mod dialects;
mod span;
#[cfg(test)]
mod tests;

use std::fmt::Write;

use thiserror::Error;

use super::request::decimal;
pub use dialects::{DelayName, Names, RecordNames, TimeForm};
pub(in crate::resolve) use span::Nothing;
pub use span::{Reach, ShiftRules, Span};

/// What is asked of the past. Times are Unix milliseconds, durations milliseconds; all whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Shift {
    /// From when on.
    pub start: Option<i64>,
    /// Until when.
    pub end: Option<i64>,
    /// How far behind live a window is.
    pub delay: Option<i64>,
    /// What a window spans.
    pub window: Option<i64>,
    /// Before when a window shows nothing.
    pub clip: Option<i64>,
    /// Whether its end was still to come when links were made of it: the list was one that grows.
    pub grows: bool,
}

/// Why a time-shift query is refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ShiftError {
    /// A value that is none.
    #[error("{name}={value} is not {allowed}")]
    Value {
        /// The parameter.
        name: String,
        /// Its value, as it was written.
        value: String,
        /// What it takes.
        allowed: &'static str,
    },
    /// One parameter twice, or two that say the same.
    #[error("{0} is given twice")]
    Twice(String),
    /// Parameters of two vendors.
    #[error("parameters of {0} and of {1} are mixed: use those of one")]
    Mixed(&'static str, &'static str),
    /// A setting of `aws.manifestsettings` that there is not.
    #[error(
        "aws.manifestsettings has no setting {0}: it takes start, end, time_delay, manifest_window_seconds and clip_start_time"
    )]
    Setting(String),
    /// A window's parameters beside a stretch's.
    #[error("a start or end cannot be combined with a delay, a window or a clip start")]
    StretchAndWindow,
    /// An end that is not behind the start.
    #[error("the end must be later than the start")]
    Reversed,
    /// A stretch that is too long.
    #[error("at most {} hours can be asked for at once", .0 / 3600)]
    TooLong(i64),
    /// A file needs both.
    #[error("a file needs start and end, both past")]
    Both,
    /// Where the endpoint does not allow any.
    #[error("this endpoint has no time shift: it is set by timeshift_days")]
    Off,
    /// Beside a playlist or object that carries no time-shift query.
    #[error(
        "time-shift parameters belong to the multivariant playlist or the MPD: its links carry them on"
    )]
    Elsewhere,
}

impl Shift {
    /// The query of a media playlist: what the multivariant playlist passes on. Equal wishes have
    /// equal tokens.
    #[must_use]
    pub fn token(&self) -> String {
        let mut token = String::new();
        let fields = [
            ('s', self.start),
            ('e', self.end),
            ('d', self.delay),
            ('w', self.window),
            ('c', self.clip),
        ];
        for (letter, value) in fields {
            if let Some(value) = value {
                let _ = write!(token, "{letter}{value}");
            }
        }
        if self.grows {
            token.push('g');
        }
        token
    }

    /// Reads a token; `None` where it is none.
    #[must_use]
    pub fn from_token(token: &str) -> Option<Self> {
        let mut shift = Shift::default();
        let mut rest = token;
        while let Some(letter) = rest.chars().next() {
            let body = rest.get(1..)?;
            if letter == 'g' && !shift.grows {
                (shift.grows, rest) = (true, body);
                continue;
            }
            let length = body.find(|c: char| !c.is_ascii_digit()).unwrap_or(body.len());
            let value = i64::try_from(decimal(&body[..length])?).ok()?;
            let field = match letter {
                's' => &mut shift.start,
                'e' => &mut shift.end,
                'd' => &mut shift.delay,
                'w' => &mut shift.window,
                'c' => &mut shift.clip,
                _ => return None,
            };
            if field.replace(value).is_some() {
                return None;
            }
            rest = &body[length..];
        }
        // One wish has one token.
        (shift != Shift::default() && shift.token() == token).then_some(shift)
    }
}
