//! Comments in which frameworks say where a statement comes from: sqlcommenter's
//! `/*controller='bookings',action='create'*/`, whose values are URL-encoded, and marginalia's
//! `/*application:Shop,controller:bookings*/`, as Rails writes it too.

use std::collections::BTreeMap;

use crate::core::syntax::{Strings, TokenKind, tokens};

/// The keys that one or the other writes. A comment without any of them is anybody's.
const KEYS: [&str; 14] = [
    "action",
    "actor",
    "application",
    "controller",
    "controller_with_namespace",
    "db_driver",
    "framework",
    "job",
    "line",
    "namespaced_controller",
    "route",
    "source_location",
    "traceparent",
    "tracestate",
];

/// By what name the comments of a statement call where it comes from.
pub(super) fn name(sql: &str, strings: Strings) -> Option<String> {
    // Most statements have none.
    if !sql.contains("/*") {
        return None;
    }
    let comments =
        tokens(sql, strings).into_iter().filter(|token| token.kind == TokenKind::Comment);
    let mut tags = BTreeMap::new();
    for token in comments {
        let inner = sql[token.range].strip_prefix("/*").and_then(|rest| rest.strip_suffix("*/"));
        tags.extend(inner.and_then(tags_of).unwrap_or_default());
    }
    named(&tags)
}

fn named(tags: &BTreeMap<String, String>) -> Option<String> {
    let tag = |key: &str| tags.get(key).map(String::as_str).filter(|value| !value.is_empty());
    let controller = tag("controller")
        .or_else(|| tag("namespaced_controller"))
        .or_else(|| tag("controller_with_namespace"));
    let action = |controller: &str| match tag("action") {
        Some(action) => format!("{controller}#{action}"),
        None => controller.to_owned(),
    };
    let actor = tag("actor").map(str::to_owned);
    let rest = ["job", "route", "application"].iter().find_map(|key| tag(key));
    actor.or_else(|| controller.map(action)).or_else(|| rest.map(str::to_owned))
}

/// The tags of a comment, if it is one of either form.
fn tags_of(comment: &str) -> Option<BTreeMap<String, String>> {
    let comment = comment.trim();
    let tags = sqlcommenter(comment).or_else(|| marginalia(comment))?;
    tags.keys().any(|key| KEYS.contains(&key.as_str())).then_some(tags)
}

fn sqlcommenter(comment: &str) -> Option<BTreeMap<String, String>> {
    let mut tags = BTreeMap::new();
    let mut rest = comment;
    loop {
        let (key, behind) = rest.split_once('=')?;
        let value = behind.trim_start().strip_prefix('\'')?;
        let end = closing_quote(value)?;
        let text = value[..end].replace("\\'", "'");
        tags.insert(decoded(key.trim()), decoded(&text));
        rest = value[end + 1..].trim_start();
        if rest.is_empty() {
            return Some(tags);
        }
        rest = rest.strip_prefix(',')?;
    }
}

/// Where a value ends: a quote in it has a backslash before it.
fn closing_quote(value: &str) -> Option<usize> {
    value.match_indices('\'').map(|(at, _)| at).find(|at| !value[..*at].ends_with('\\'))
}

fn marginalia(comment: &str) -> Option<BTreeMap<String, String>> {
    let mut tags = BTreeMap::new();
    for pair in comment.split(',') {
        let (key, value) = pair.split_once(':')?;
        let key = key.trim();
        let is_key = !key.is_empty() && key.chars().all(|c| c.is_ascii_lowercase() || c == '_');
        is_key.then_some(())?;
        tags.insert(key.to_owned(), value.trim().to_owned());
    }
    Some(tags)
}

/// Without its percent signs (RFC 3986, 2.1). What is no UTF-8 then is marked.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, behind)) = rest.split_first() {
        let digit = |at: usize| behind.get(at).and_then(|byte| char::from(*byte).to_digit(16));
        let octet = match (first, digit(0), digit(1)) {
            (b'%', Some(high), Some(low)) => u8::try_from(16 * high + low).ok(),
            _ => None,
        };
        bytes.push(octet.unwrap_or(first));
        rest = &behind[if octet.is_some() { 2 } else { 0 }..];
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use proptest::prelude::*;

    use super::*;

    fn name_in(comment: &str) -> Option<String> {
        name(&format!("select 1 {comment} from seats"), Strings::Conforming)
    }

    #[test]
    fn frameworks_comments_are_read() {
        for (comment, expected) in [
            ("/*controller='bookings',action='create',traceparent='00-ab'*/", "bookings#create"),
            ("/* controller = 'bookings' , framework='django%3A4.2' */", "bookings"),
            ("/*route='%2Fseats%2F%3Aid',db_driver='pg'*/", "/seats/:id"),
            ("/*action='o\\'brien%27s',controller='x'*/", "x#o'brien's"),
            ("/*application:Shop,controller:bookings,action:create*/", "bookings#create"),
            ("/*application:Shop,line:/app/x.rb:12:in `book'*/", "Shop"),
            ("/*job:BookingJob*/", "BookingJob"),
            ("/*actor='alice',controller='bookings'*/", "alice"),
            ("/* first */ /*controller='bookings'*/", "bookings"),
            ("/*controller='caf%C3%A9'*/", "café"),
        ] {
            assert_eq!(name_in(comment).as_deref(), Some(expected), "{comment}");
        }
    }

    #[test]
    fn other_comments_say_nothing() {
        for comment in [
            "",
            "/* note: this, that */",
            "/* note: this */",
            "/* a='b' */",
            "/*controller='x*/",
            "/*traceparent='00-ab-cd-01'*/",
            "'/*controller=''x''*/'",
            "-- controller='x'\n",
            "/*+ IndexScan(seats) */",
            "/*controller=''*/",
            "/*controller='a' action='b'*/",
        ] {
            assert_eq!(name_in(comment), None, "{comment}");
        }
    }

    proptest! {
        #[test]
        fn what_sqlcommenter_encodes_is_decoded(value in "[^\0]{1,12}") {
            let mut encoded = String::new();
            for byte in value.bytes() {
                write!(encoded, "%{byte:02X}").unwrap();
            }
            let comment = format!("/*controller='{encoded}'*/");
            prop_assert_eq!(name_in(&comment), Some(value));
        }
    }
}
