//! Values that are made by parsing and cannot be wrong afterwards: numbers in a range, texts of a
//! length, addresses, instants of the wire.

use std::fmt;

use jiff::Timestamp;
use jiff::civil::DateTime;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::resolve::{AddressError, IpList};
use crate::units::WallTime;

/// A whole number from `MIN` to `MAX`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "i64", into = "i64")]
pub struct Whole<const MIN: i64, const MAX: i64>(i64);

/// No whole number of a range.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("must be a whole number from {min} to {max}")]
pub struct NotWhole {
    /// The least.
    pub min: i64,
    /// The most.
    pub max: i64,
}

impl<const MIN: i64, const MAX: i64> Whole<MIN, MAX> {
    /// Reads decimal digits, with a minus before a negative number.
    ///
    /// # Errors
    /// The range.
    pub fn parse(text: &str) -> Result<Self, NotWhole> {
        let digits = text.strip_prefix('-').unwrap_or(text);
        let plain = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
        let number = text.parse::<i64>().ok().filter(|_| plain);
        number.ok_or(NotWhole { min: MIN, max: MAX })?.try_into()
    }

    /// The nearest number of the range.
    #[must_use]
    pub const fn clamped(number: i64) -> Self {
        if number < MIN {
            Whole(MIN)
        } else if number > MAX {
            Whole(MAX)
        } else {
            Whole(number)
        }
    }

    /// The number.
    #[must_use]
    pub fn get(self) -> i64 {
        self.0
    }

    /// The number, where the range holds no negative one.
    #[must_use]
    pub fn unsigned(self) -> u32 {
        u32::try_from(self.0).unwrap_or(if self.0 < 0 { 0 } else { u32::MAX })
    }
}

impl<const MIN: i64, const MAX: i64> TryFrom<i64> for Whole<MIN, MAX> {
    type Error = NotWhole;
    fn try_from(number: i64) -> Result<Self, NotWhole> {
        let within = (MIN..=MAX).contains(&number);
        within.then_some(Whole(number)).ok_or(NotWhole { min: MIN, max: MAX })
    }
}

impl<const MIN: i64, const MAX: i64> From<Whole<MIN, MAX>> for i64 {
    fn from(whole: Whole<MIN, MAX>) -> i64 {
        whole.0
    }
}

/// A text of at most `MAX` characters; empty by default.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Text<const MAX: usize>(String);

/// A text that is too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("must be at most {max} characters")]
pub struct TooLong {
    /// The most.
    pub max: usize,
}

impl<const MAX: usize> Text<MAX> {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<const MAX: usize> TryFrom<String> for Text<MAX> {
    type Error = TooLong;
    fn try_from(text: String) -> Result<Self, TooLong> {
        if text.chars().count() > MAX { Err(TooLong { max: MAX }) } else { Ok(Text(text)) }
    }
}

impl<const MAX: usize> From<Text<MAX>> for String {
    fn from(text: Text<MAX>) -> String {
        text.0
    }
}

/// What people write about a group, channel or endpoint.
pub type Description = Text<1000>;

/// Addresses and blocks parted by commas, kept as they were written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Addresses {
    written: Text<1000>,
    list: IpList,
}

/// Why a text is no list of addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum AddressesError {
    /// It is too long.
    #[error(transparent)]
    TooLong(#[from] TooLong),
    /// One of its entries is wrong.
    #[error("each entry {0}")]
    Entry(#[from] AddressError),
    /// It has no entry.
    #[error("must have at least one entry")]
    Empty,
}

impl Addresses {
    /// As it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.written.as_str()
    }

    /// What it names.
    #[must_use]
    pub fn list(&self) -> &IpList {
        &self.list
    }
}

impl TryFrom<String> for Addresses {
    type Error = AddressesError;
    fn try_from(text: String) -> Result<Self, AddressesError> {
        let written = Text::try_from(text)?;
        let list = IpList::parse(written.as_str())?;
        if list.is_empty() { Err(AddressesError::Empty) } else { Ok(Addresses { written, list }) }
    }
}

impl From<Addresses> for String {
    fn from(addresses: Addresses) -> String {
        addresses.written.into()
    }
}

/// An authorization code: 1 to 200 of `[A-Za-z0-9_.-]`. It never prints for debugging.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Code(String);

/// No authorization code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("must be 1 to 200 letters, digits, `_`, `.` or `-`")]
pub struct NotACode;

impl Code {
    /// The code.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Code {
    type Error = NotACode;
    fn try_from(text: String) -> Result<Self, NotACode> {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b"_.-".contains(&b);
        let fits = (1..=200).contains(&text.len()) && text.bytes().all(allowed);
        fits.then_some(Code(text)).ok_or(NotACode)
    }
}

impl From<Code> for String {
    fn from(code: Code) -> String {
        code.0
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Code(hidden)")
    }
}

/// A whole second of Unix time, on the wire `yyyy-MM-ddTHH:mm:ssZ`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Stamp(pub i64);

impl Stamp {
    /// The second an instant lies in.
    #[must_use]
    pub fn of(wall: WallTime) -> Self {
        Stamp(wall.millis().div_euclid(1000))
    }

    /// Reads `yyyy-MM-ddTHH:mm:ssZ`; `None` for anything else, and for days that do not exist.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Stamp::parse_as("%Y-%m-%dT%H:%M:%SZ", 20, text)
    }

    /// Reads `yyyyMMddTHHmmssZ`, likewise.
    #[must_use]
    pub fn parse_basic(text: &str) -> Option<Self> {
        Stamp::parse_as("%Y%m%dT%H%M%SZ", 16, text)
    }

    fn parse_as(format: &str, length: usize, text: &str) -> Option<Self> {
        let plain = |b: u8| b.is_ascii_digit() || b"-:TZ".contains(&b);
        if text.len() != length || !text.bytes().all(plain) {
            return None;
        }
        let civil = DateTime::strptime(format, text).ok()?;
        let since = civil.duration_since(DateTime::constant(1970, 1, 1, 0, 0, 0, 0));
        Some(Stamp(since.as_secs()))
    }
}

impl fmt::Display for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = Timestamp::from_second(self.0).unwrap_or_default();
        write!(f, "{}", at.strftime("%Y-%m-%dT%H:%M:%SZ"))
    }
}
