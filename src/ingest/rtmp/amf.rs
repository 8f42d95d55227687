//! Values of the Action Message Format, version 0 (AMF0, 2007): read within limits, and written as
//! far as answers need them.

use bytes::{Buf, BufMut, BytesMut};
use thiserror::Error;

/// Values within values.
const DEPTH_MAX: usize = 16;
/// Values of one message.
const VALUES_MAX: usize = 4_096;
/// A long string's length where a short one's ends.
const SHORT_MAX: usize = 0xffff;

const NUMBER: u8 = 0;
const BOOLEAN: u8 = 1;
const STRING: u8 = 2;
const OBJECT: u8 = 3;
const NULL: u8 = 5;
const UNDEFINED: u8 = 6;
const REFERENCE: u8 = 7;
const ECMA_ARRAY: u8 = 8;
const OBJECT_END: u8 = 9;
const STRICT_ARRAY: u8 = 10;
const DATE: u8 = 11;
const LONG_STRING: u8 = 12;
const UNSUPPORTED: u8 = 13;
const XML: u8 = 15;
const TYPED_OBJECT: u8 = 16;

/// One value.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Number(f64),
    Boolean(bool),
    /// Short, long, or an XML document.
    String(String),
    /// An object, a typed one without its type, or an ECMA array: properties in order.
    Object(Vec<(String, Value)>),
    Array(Vec<Value>),
    /// Milliseconds since 1970.
    Date(f64),
    Null,
    /// Undefined, unsupported, or a reference to what came before.
    Undefined,
}

/// Why a message cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub(super) enum AmfFault {
    /// It ends within a value.
    #[error("an AMF0 value is cut short")]
    Short,
    /// A type that AMF0 does not have or reserves.
    #[error("an AMF0 value has the unknown type {0}")]
    Marker(u8),
    /// Deeper than any message needs.
    #[error("AMF0 values lie more than {DEPTH_MAX} deep")]
    Depth,
    /// More than any message needs.
    #[error("a message has more than {VALUES_MAX} AMF0 values")]
    Values,
}

/// Reads all values of a message.
///
/// # Errors
/// What is wrong with it.
pub(super) fn read_all(mut bytes: &[u8]) -> Result<Vec<Value>, AmfFault> {
    let mut reader = Reader { left: VALUES_MAX };
    let mut values = Vec::new();
    while !bytes.is_empty() {
        values.push(reader.value(&mut bytes, 0)?);
    }
    Ok(values)
}

struct Reader {
    /// Values that may still come.
    left: usize,
}

impl Reader {
    fn value(&mut self, bytes: &mut &[u8], depth: usize) -> Result<Value, AmfFault> {
        if depth > DEPTH_MAX {
            return Err(AmfFault::Depth);
        }
        self.left = self.left.checked_sub(1).ok_or(AmfFault::Values)?;
        let short = |_| AmfFault::Short;
        Ok(match bytes.try_get_u8().map_err(short)? {
            NUMBER => Value::Number(bytes.try_get_f64().map_err(short)?),
            BOOLEAN => Value::Boolean(bytes.try_get_u8().map_err(short)? != 0),
            STRING => Value::String(string(bytes)?),
            LONG_STRING | XML => {
                let length = bytes.try_get_u32().map_err(short)?;
                Value::String(text(bytes, length as usize)?)
            }
            OBJECT => Value::Object(self.properties(bytes, depth, false)?),
            TYPED_OBJECT => {
                string(bytes)?;
                Value::Object(self.properties(bytes, depth, false)?)
            }
            ECMA_ARRAY => {
                // The count is a hint; what comes is what the end says.
                bytes.try_get_u32().map_err(short)?;
                Value::Object(self.properties(bytes, depth, true)?)
            }
            STRICT_ARRAY => {
                let count = bytes.try_get_u32().map_err(short)?;
                let mut values = Vec::new();
                for _ in 0..count {
                    values.push(self.value(bytes, depth + 1)?);
                }
                Value::Array(values)
            }
            DATE => {
                let date = bytes.try_get_f64().map_err(short)?;
                bytes.try_get_i16().map_err(short)?;
                Value::Date(date)
            }
            NULL => Value::Null,
            UNDEFINED | UNSUPPORTED => Value::Undefined,
            REFERENCE => {
                bytes.try_get_u16().map_err(short)?;
                Value::Undefined
            }
            marker => return Err(AmfFault::Marker(marker)),
        })
    }

    /// Properties up to their end; those of an array may end with the message.
    fn properties(
        &mut self,
        bytes: &mut &[u8],
        depth: usize,
        array: bool,
    ) -> Result<Vec<(String, Value)>, AmfFault> {
        let mut properties = Vec::new();
        loop {
            if array && bytes.is_empty() {
                return Ok(properties);
            }
            let name = string(bytes)?;
            if name.is_empty() && bytes.first() == Some(&OBJECT_END) {
                bytes.advance(1);
                return Ok(properties);
            }
            properties.push((name, self.value(bytes, depth + 1)?));
        }
    }
}

fn string(bytes: &mut &[u8]) -> Result<String, AmfFault> {
    let length = bytes.try_get_u16().map_err(|_| AmfFault::Short)?;
    text(bytes, usize::from(length))
}

/// Text; what is no UTF-8 in it is replaced.
fn text(bytes: &mut &[u8], length: usize) -> Result<String, AmfFault> {
    let text = bytes.get(..length).ok_or(AmfFault::Short)?;
    let text = String::from_utf8_lossy(text).into_owned();
    bytes.advance(length);
    Ok(text)
}

impl Value {
    pub(super) fn text(value: &str) -> Self {
        Value::String(value.to_owned())
    }

    pub(super) fn object(properties: impl IntoIterator<Item = (&'static str, Value)>) -> Self {
        let named = |(name, value): (&str, Value)| (name.to_owned(), value);
        Value::Object(properties.into_iter().map(named).collect())
    }

    pub(super) fn as_text(&self) -> Option<&str> {
        if let Value::String(text) = self { Some(text) } else { None }
    }

    pub(super) fn as_number(&self) -> Option<f64> {
        if let Value::Number(number) = self { Some(*number) } else { None }
    }

    /// All properties of an object.
    pub(super) fn properties(&self) -> &[(String, Value)] {
        if let Value::Object(properties) = self { properties } else { &[] }
    }

    /// A property of an object.
    pub(super) fn get(&self, name: &str) -> Option<&Value> {
        self.properties().iter().find(|(known, _)| known == name).map(|(_, value)| value)
    }

    /// Appends the value.
    pub(super) fn write(&self, out: &mut BytesMut) {
        match self {
            Value::Number(number) => {
                out.put_u8(NUMBER);
                out.put_f64(*number);
            }
            Value::Boolean(yes) => out.put_slice(&[BOOLEAN, u8::from(*yes)]),
            Value::String(text) if text.len() <= SHORT_MAX => {
                out.put_u8(STRING);
                write_name(out, text);
            }
            Value::String(text) => {
                out.put_u8(LONG_STRING);
                out.put_u32(text.len() as u32);
                out.put_slice(text.as_bytes());
            }
            Value::Object(properties) => {
                out.put_u8(OBJECT);
                for (name, value) in properties {
                    write_name(out, name);
                    value.write(out);
                }
                out.put_slice(&[0, 0, OBJECT_END]);
            }
            Value::Array(values) => {
                out.put_u8(STRICT_ARRAY);
                out.put_u32(values.len() as u32);
                for value in values {
                    value.write(out);
                }
            }
            Value::Date(date) => {
                out.put_u8(DATE);
                out.put_f64(*date);
                out.put_i16(0);
            }
            Value::Null => out.put_u8(NULL),
            Value::Undefined => out.put_u8(UNDEFINED),
        }
    }
}

/// A name, cut off where it is longer than its length can say.
fn write_name(out: &mut BytesMut, name: &str) {
    let bytes = &name.as_bytes()[..name.len().min(SHORT_MAX)];
    out.put_u16(bytes.len() as u16);
    out.put_slice(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(value: &Value) -> Vec<u8> {
        let mut out = BytesMut::new();
        value.write(&mut out);
        out.to_vec()
    }

    #[test]
    fn each_value_reads_back() {
        for value in [
            Value::Number(-1.5),
            Value::Boolean(true),
            Value::text("é"),
            Value::String("x".repeat(70_000)),
            Value::object([("a", Value::Null), ("b", Value::object([("", Value::Undefined)]))]),
            Value::Array(vec![Value::Number(1.0), Value::text("")]),
            Value::Date(1e12),
        ] {
            assert_eq!(read_all(&written(&value)), Ok(vec![value]));
        }
    }

    #[test]
    fn forms_that_are_only_read() {
        for (bytes, value) in [
            (&b"\x08\0\0\0\x09\0\x01a\x05\0\0\x09"[..], Value::object([("a", Value::Null)])),
            // Some encoders leave the end away.
            (b"\x08\0\0\0\x01\0\x01a\x05", Value::object([("a", Value::Null)])),
            (b"\x10\0\x01T\0\x01a\x05\0\0\x09", Value::object([("a", Value::Null)])),
            (b"\x0f\0\0\0\x02<>", Value::text("<>")),
            (b"\x07\0\0", Value::Undefined),
            (b"\x0d", Value::Undefined),
            (b"\x02\0\x01\xff", Value::text("\u{fffd}")),
        ] {
            assert_eq!(read_all(bytes), Ok(vec![value]), "{bytes:?}");
        }
    }

    #[test]
    fn what_is_broken_deep_or_endless_is_refused_by_name() {
        let deep = [&[STRICT_ARRAY, 0, 0, 0, 1][..]; 30].concat();
        let many = [&[STRICT_ARRAY, 0xff, 0xff, 0xff, 0xff][..], &[NULL; 5_000]].concat();
        for (bytes, fault) in [
            (&b"\0\0\0"[..], AmfFault::Short),
            (b"\x02\0\x05abc", AmfFault::Short),
            (b"\x03\0\x01a\x05", AmfFault::Short),
            (b"\x0a\0\0\0\x02\x05", AmfFault::Short),
            (b"\x04", AmfFault::Marker(4)),
            (b"\x11\x0a", AmfFault::Marker(17)),
            (&deep, AmfFault::Depth),
            (&many, AmfFault::Values),
        ] {
            assert_eq!(read_all(bytes), Err(fault), "{bytes:?}");
        }
    }
}
