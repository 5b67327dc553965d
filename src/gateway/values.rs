//! Values in a type's binary form, as the text that PostgreSQL has for them under its own settings
//! (`DateStyle` ISO, `bytea_output` hex, `extra_float_digits` 1) and in UTC: a client that asks for
//! bytes does its own formatting, and nobody can know how.

mod arrays;
mod floats;
mod numerics;
mod times;

use std::fmt::Write as _;

use crate::core::event::octets;

/// The object ids of types (`pg_type.dat`).
pub(crate) mod oid {
    pub(crate) const BOOL: u32 = 16;
    pub(crate) const BYTEA: u32 = 17;
    pub(crate) const CHAR: u32 = 18;
    pub(crate) const NAME: u32 = 19;
    pub(crate) const INT8: u32 = 20;
    pub(crate) const INT2: u32 = 21;
    pub(crate) const INT4: u32 = 23;
    pub(crate) const TEXT: u32 = 25;
    pub(crate) const OID: u32 = 26;
    pub(crate) const JSON: u32 = 114;
    pub(crate) const XML: u32 = 142;
    pub(crate) const FLOAT4: u32 = 700;
    pub(crate) const FLOAT8: u32 = 701;
    pub(crate) const UNKNOWN: u32 = 705;
    pub(crate) const BPCHAR: u32 = 1042;
    pub(crate) const VARCHAR: u32 = 1043;
    pub(crate) const DATE: u32 = 1082;
    pub(crate) const TIME: u32 = 1083;
    pub(crate) const TIMESTAMP: u32 = 1114;
    pub(crate) const TIMESTAMPTZ: u32 = 1184;
    pub(crate) const NUMERIC: u32 = 1700;
    pub(crate) const UUID: u32 = 2950;
    pub(crate) const JSONB: u32 = 3802;
}

/// The names of types that are no text and no number, for a cast: each type's and its array's.
const NAMES: [(u32, &str, u32); 21] = [
    (oid::BOOL, "bool", 1000),
    (oid::BYTEA, "bytea", 1001),
    (oid::CHAR, "\"char\"", 1002),
    (oid::NAME, "name", 1003),
    (oid::INT2, "int2", 1005),
    (oid::INT4, "int4", 1007),
    (oid::TEXT, "text", 1009),
    (oid::BPCHAR, "bpchar", 1014),
    (oid::VARCHAR, "varchar", 1015),
    (oid::INT8, "int8", 1016),
    (oid::FLOAT4, "float4", 1021),
    (oid::FLOAT8, "float8", 1022),
    (oid::OID, "oid", 1028),
    (oid::TIMESTAMP, "timestamp", 1115),
    (oid::DATE, "date", 1182),
    (oid::TIME, "time", 1183),
    (oid::TIMESTAMPTZ, "timestamptz", 1185),
    (oid::NUMERIC, "numeric", 1231),
    (oid::UUID, "uuid", 2951),
    (oid::JSON, "json", 199),
    (oid::JSONB, "jsonb", 3807),
];

/// The name of a type that is known here.
pub(crate) fn type_name(type_oid: u32) -> Option<String> {
    NAMES.iter().find_map(|(element, name, array)| match type_oid {
        known if known == *element => Some((*name).to_owned()),
        known if known == *array => Some(format!("{name}[]")),
        _ => None,
    })
}

/// The text of a value of this type; where its form is not known here, its bytes as `bytea` has
/// them.
pub(crate) fn text(type_oid: u32, bytes: &[u8]) -> String {
    known_text(type_oid, bytes).unwrap_or_else(|| hex(bytes))
}

/// The same; nothing where the form is not known here, or the bytes have another.
pub(crate) fn known_text(type_oid: u32, bytes: &[u8]) -> Option<String> {
    Some(match type_oid {
        oid::BOOL => if bytes == [0] { "f" } else { "t" }.to_owned(),
        oid::INT2 => i16::from_be_bytes(bytes.try_into().ok()?).to_string(),
        oid::INT4 => i32::from_be_bytes(bytes.try_into().ok()?).to_string(),
        oid::INT8 => i64::from_be_bytes(bytes.try_into().ok()?).to_string(),
        oid::OID => u32::from_be_bytes(bytes.try_into().ok()?).to_string(),
        oid::FLOAT4 => floats::single(f32::from_be_bytes(bytes.try_into().ok()?)),
        oid::FLOAT8 => floats::double(f64::from_be_bytes(bytes.try_into().ok()?)),
        oid::NUMERIC => numerics::text(bytes)?,
        oid::BYTEA => hex(bytes),
        oid::UUID => uuid(bytes)?,
        oid::DATE => times::date(i32::from_be_bytes(bytes.try_into().ok()?)),
        oid::TIME => times::time(i64::from_be_bytes(bytes.try_into().ok()?)),
        oid::TIMESTAMP => times::timestamp(i64::from_be_bytes(bytes.try_into().ok()?), ""),
        oid::TIMESTAMPTZ => times::timestamp(i64::from_be_bytes(bytes.try_into().ok()?), "+00"),
        // Its one version so far stands before it.
        oid::JSONB => octets::keep(bytes.strip_prefix(&[1])?),
        oid::TEXT
        | oid::VARCHAR
        | oid::BPCHAR
        | oid::NAME
        | oid::CHAR
        | oid::UNKNOWN
        | oid::JSON
        | oid::XML => octets::keep(bytes),
        array if NAMES.iter().any(|(_, _, known)| *known == array) => arrays::text(bytes)?,
        _ => return None,
    })
}

/// As `bytea` has it: `\x00ff`.
pub(crate) fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(2 + 2 * bytes.len());
    text.push_str("\\x");
    for byte in bytes {
        let _never_fails = write!(text, "{byte:02x}");
    }
    text
}

fn uuid(bytes: &[u8]) -> Option<String> {
    let bytes: [u8; 16] = bytes.try_into().ok()?;
    let all = hex(&bytes)[2..].to_owned();
    let parts = [&all[..8], &all[8..12], &all[12..16], &all[16..20], &all[20..]];
    Some(parts.join("-"))
}
