//! Values in a type's binary form, as the text that PostgreSQL has for them.

/// The text of a value of this type; where its form is not known here, its bytes as `bytea` has
/// them.
pub(crate) fn text(type_oid: u32, bytes: &[u8]) -> String {
    known(type_oid, bytes).unwrap_or_else(|| hex(bytes))
}

fn known(type_oid: u32, bytes: &[u8]) -> Option<String> {
    Some(match type_oid {
        16 => if *bytes.first()? == 0 { "f" } else { "t" }.to_owned(),
        20 => i64::from_be_bytes(bytes.try_into().ok()?).to_string(),
        21 => i16::from_be_bytes(bytes.try_into().ok()?).to_string(),
        23 => i32::from_be_bytes(bytes.try_into().ok()?).to_string(),
        25 | 1042 | 1043 => crate::core::event::octets::keep(bytes),
        _ => return None,
    })
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    let mut text = String::from("\\x");
    for byte in bytes {
        let _ = write!(text, "{byte:02x}");
    }
    text
}
