//! Numbers and switches.

use serde::{Serialize, Serializer};

use super::json_schema;
use crate::{
    reader::{Read, Reader},
    yaml::Node,
};

impl Read for bool {
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        let (text, _) = reader.scalar(node)?;
        match text.trim().to_ascii_lowercase().as_str() {
            "true" | "yes" | "on" | "y" => Some(true),
            "false" | "no" | "off" | "n" => Some(false),
            _ => {
                reader.error(node.mark, "must be true or false");
                None
            }
        }
    }
}

/// A whole number for which 0 means "not set".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct Count(pub(crate) u32);

/// A whole number of which 0 is a value like any other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct Natural(pub(crate) u32);

/// A whole number that may be negative.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct Signed(pub(crate) i64);

/// A number of bytes, above 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct Size(pub(crate) u64);

/// A port of TCP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct Port(pub(crate) u16);

/// A number with decimals.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Number(pub(crate) f64);

/// A whole number is written without decimals, as people do.
impl Serialize for Number {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        const EXACT: f64 = 9_007_199_254_740_992.0;
        if self.0.fract() == 0.0 && self.0.abs() < EXACT {
            serializer.serialize_i64(self.0 as i64)
        } else {
            serializer.serialize_f64(self.0)
        }
    }
}

impl Read for Count {
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        Natural::read(node, reader).filter(|number| number.0 != 0).map(|number| Self(number.0))
    }
}

impl Read for Natural {
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        let number = whole(node, reader)?;
        match u32::try_from(number) {
            Ok(number) => Some(Self(number)),
            Err(_) => refuse(node, reader, if number < 0 { "cannot be negative" } else { "is too large" }),
        }
    }
}

impl Read for Signed {
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        whole(node, reader).map(Self)
    }
}

impl Read for Size {
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        let number = whole(node, reader)?;
        match u64::try_from(number) {
            Ok(number) if number > 0 => Some(Self(number)),
            _ => refuse(node, reader, "must be above 0"),
        }
    }
}

impl Read for Port {
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        let number = whole(node, reader)?;
        match u16::try_from(number) {
            Ok(number) if number > 0 => Some(Self(number)),
            _ => refuse(node, reader, "must be a port, 1 to 65535"),
        }
    }
}

impl Read for Number {
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        let (text, _) = reader.scalar(node)?;
        match text.trim().replace('_', "").parse::<f64>() {
            Ok(number) if number.is_finite() => Some(Self(number)),
            _ => refuse(node, reader, "must be a number"),
        }
    }
}

fn refuse<T>(node: &Node, reader: &mut Reader<'_>, message: &str) -> Option<T> {
    reader.error(node.mark, message);
    None
}

/// Reads a whole number: decimal, `0x`, `0o` or `0b`, with `_` between digits, or with decimals that are all zero.
fn whole(node: &Node, reader: &mut Reader<'_>) -> Option<i64> {
    let (text, _) = reader.scalar(node)?;
    let number = parse_whole(text.trim());
    if number.is_none() {
        reader.error(node.mark, "must be a whole number");
    }
    number
}

fn parse_whole(text: &str) -> Option<i64> {
    let text = text.replace('_', "");
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, text.strip_prefix('+').unwrap_or(&text)),
    };
    if digits.starts_with(['+', '-']) {
        return None;
    }
    let value = match digits.get(..2) {
        Some("0x" | "0X") => i64::from_str_radix(&digits[2..], 16).ok()?,
        Some("0o" | "0O") => i64::from_str_radix(&digits[2..], 8).ok()?,
        Some("0b" | "0B") => i64::from_str_radix(&digits[2..], 2).ok()?,
        _ => match digits.split_once('.') {
            Some((digits, zeros)) if zeros.bytes().all(|b| b == b'0') => digits.parse().ok()?,
            _ => digits.parse().ok()?,
        },
    };
    Some(sign * value)
}

json_schema!(Count, "Count", { "title": "whole number", "type": "integer", "minimum": 0, "maximum": 4_294_967_295_u32 });
json_schema!(Natural, "Natural", { "title": "whole number", "type": "integer", "minimum": 0, "maximum": 4_294_967_295_u32 });
json_schema!(Signed, "Integer", { "title": "whole number", "type": "integer" });
json_schema!(Size, "Size", { "title": "bytes", "type": "integer", "minimum": 1 });
json_schema!(Port, "Port", { "title": "port", "type": "integer", "minimum": 1, "maximum": 65535 });
json_schema!(Number, "Number", { "title": "number", "type": "number" });

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_have_many_spellings() {
        for (text, value) in [
            ("10", Some(10)),
            ("-1", Some(-1)),
            ("+3", Some(3)),
            ("1_000", Some(1000)),
            ("0x10", Some(16)),
            ("0o17", Some(15)),
            ("0b11", Some(3)),
            ("36.0", Some(36)),
            ("36.5", None),
            ("ten", None),
            ("", None),
            ("--1", None),
            ("99999999999999999999", None),
        ] {
            assert_eq!(parse_whole(text), value, "{text}");
        }
    }
}
