//! What a client is told, of the stored tables instead of their copies: the numbers of tables,
//! columns and row types in a `RowDescription`, the schema, table and constraint in an error or a
//! notice.

use std::sync::Arc;

use bytes::{BufMut, BytesMut};

use super::numbers::Numbers;
use super::{Copy, Tables};
use crate::core::syntax::{quote, quote_if_needed};
use crate::gateway::transaction::shape::Shape;
use crate::pg::frame::{FromServer, ServerTag};
use crate::pg::message::{DataRow, ErrorFields, Message as _};

/// Objects that every database has, copies not among them, have numbers below this
/// (`FirstNormalObjectId`).
const FIRST_OF_USERS: u32 = 16_384;

/// What follows a column's name in a `RowDescription`: table, column, type, its length, its
/// modifier, the format.
const AFTER_NAME: usize = 4 + 2 + 4 + 2 + 4 + 2;

impl Tables {
    /// The frame with the stored tables in place of the copies; nothing where no copy is in it.
    pub(crate) fn retold(&self, frame: &FromServer) -> Option<FromServer> {
        match frame.tag {
            ServerTag::RowDescription => self.described(frame),
            ServerTag::Error | ServerTag::Notice => self.reworded(frame),
            _ => None,
        }
    }

    fn described(&self, frame: &FromServer) -> Option<FromServer> {
        let body = frame.body();
        let mut told = BytesMut::from(body);
        let (mut at, mut changed) = (2, false);
        while let Some(length) = body.get(at..)?.iter().position(|byte| *byte == 0) {
            at += length + 1;
            let field = told.get_mut(at..at + AFTER_NAME)?;
            changed |= self.renumber(field);
            at += AFTER_NAME;
        }
        changed.then(|| frame.with_body(&told))
    }

    /// A row of a plan with the stored tables in place of the copies.
    pub(crate) fn retold_plan(&self, frame: &FromServer) -> FromServer {
        let Some(row) = DataRow::read(frame).ok().and_then(DataRow::utf8) else {
            return frame.clone();
        };
        let mut told = BytesMut::from(&frame.body()[..2]);
        for value in row.iter().flatten() {
            let value = self.renamed_in_plan(&self.with_schemas(value));
            told.put_u32(u32::try_from(value.len()).unwrap_or(u32::MAX));
            told.put_slice(value.as_bytes());
        }
        frame.with_body(&told)
    }

    /// Gives one column the numbers of what is stored.
    fn renumber(&self, mut field: &mut [u8]) -> bool {
        let number = |bytes: &[u8]| u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
        let (table, kind) = (number(field), number(&field[6..]));
        let column = i16::from_be_bytes([field[4], field[5]]);
        let of_copy = (table >= FIRST_OF_USERS).then(|| self.numbered(table)).flatten();
        let row = self.numbers().find(|numbers| kind >= FIRST_OF_USERS && numbers.copy_row == kind);
        if of_copy.is_none() && row.is_none() {
            return false;
        }
        let (table, column) = of_copy.map_or((table, column), |(numbers, shape)| {
            (numbers.stored, shape.map_or(column, |shape| shape.stored_number(column)))
        });
        field.put_u32(table);
        field.put_i16(column);
        field.put_u32(row.map_or(kind, |numbers| numbers.stored_row));
        true
    }

    fn numbers(&self) -> impl Iterator<Item = Numbers> {
        let copies = self.copies.values().map(|copy| copy.numbers);
        copies.chain(self.views.values().map(|view| view.numbers))
    }

    /// The copy with this number. A view has its columns at the same places.
    fn numbered(&self, table: u32) -> Option<(Numbers, Option<&Arc<Shape>>)> {
        let copies = self.copies.values().map(|copy| (copy.numbers, Some(&copy.shape)));
        let views = self.views.values().map(|view| (view.numbers, None));
        copies.chain(views).find(|(numbers, _)| numbers.copy == table)
    }

    fn reworded(&self, frame: &FromServer) -> Option<FromServer> {
        let read = ErrorFields::read(frame).ok()?;
        let field = |wanted| {
            let (_, text) = read.iter().find(|(letter, _)| *letter == wanted)?;
            str::from_utf8(text).ok()
        };
        let is_copy = field(b's').is_some_and(|schema| schema.starts_with(TEMPORARY));
        let of_table = field(b't').and_then(|table| self.copied_as(table));
        let of_table = of_table.filter(|_| is_copy);
        let told = read.iter().map(|(letter, bytes)| {
            // A field in another encoding is left as it is.
            let told = str::from_utf8(bytes).map(|text| self.retold_field(letter, text, of_table));
            (letter, told.map_or_else(|_| bytes.to_owned(), String::into_bytes))
        });
        let told: Vec<_> = told.collect();
        let is_same = read.iter().eq(told.iter().map(|(letter, told)| (*letter, told.as_slice())));
        (!is_same).then(|| frame.with_error_fields(told))
    }

    fn retold_field(&self, letter: u8, text: &str, of: Option<(&Shape, &str)>) -> String {
        match (letter, of) {
            (b's', Some((shape, _))) => shape.schema.clone(),
            (b't', Some((shape, _))) => shape.name.clone(),
            (b'n', Some((shape, own))) => shape.stored_name(own, text),
            (b'M' | b'D' | b'H' | b'W', _) => self.renamed(text),
            _ => text.to_owned(),
        }
    }

    /// What has a copy of this name, and under which one the copy was made.
    fn copied_as(&self, copy: &str) -> Option<(&Shape, &str)> {
        if let Some(copy) = self.copies.values().find(|found| found.name == copy) {
            return Some((&*copy.shape, copy.own_name()));
        }
        let (relation, view) = self.views.iter().find(|(_, view)| view.name == copy)?;
        Some((&**self.shapes.get(relation)?, &view.name))
    }

    /// The schema of all tables of which there are copies, if it is one.
    fn only_schema(&self) -> Option<&str> {
        let mut schemas = self.copies.values().map(|copy| copy.shape.schema.as_str());
        let first = schemas.next()?;
        schemas.all(|schema| schema == first).then_some(first)
    }

    /// A plan of the formats JSON, YAML and XML with the schemas of what is stored: each stands in
    /// the line behind its relation.
    fn with_schemas(&self, plan: &str) -> String {
        let schema_of = |name: &str| {
            let copy = self.copies.values().find(|copy| copy.name == name);
            copy.map(|copy| copy.shape.schema.as_str())
        };
        let mut relation = None;
        let told = plan.split('\n').map(|line| {
            let found = relation.take().and_then(schema_of).or_else(|| self.only_schema());
            relation = relation_in(line);
            AROUND_SCHEMAS.iter().fold(line.to_owned(), |line, (before, after)| {
                let schema = found.unwrap_or(TEMPORARY);
                let from = format!("{before}{TEMPORARY}{after}");
                line.replace(&from, &format!("{before}{schema}{after}"))
            })
        });
        told.collect::<Vec<_>>().join("\n")
    }

    /// A plan in which a copy goes by the name of what is stored. Copies that have another name
    /// than their tables have one that must be quoted; within the strings of JSON a quote is
    /// escaped.
    fn renamed_in_plan(&self, plan: &str) -> String {
        // Before PostgreSQL 14 the schema of copies stands there with its number, as in messages.
        let is_text = !plan.starts_with(['[', '{', '<', '-']) && !plan.contains("pg_temp_");
        let mut told = plan.to_owned();
        for copy in self.copies.values().filter(|copy| copy.is_called_otherwise()) {
            for (name, stored) in copy.shape.own_names(copy.own_name()) {
                let (written, bare) = (quote(&name), quote_if_needed(stored));
                let schema = quote_if_needed(&copy.shape.schema);
                told = told.replace(&written.replace('"', "\\\""), &bare);
                if is_text && name == copy.name {
                    let (from, to) = (format!("pg_temp.{written}"), format!("{schema}.{bare}"));
                    told = told.replace(&from, &to);
                }
                if is_text {
                    told = told.replace(&written, &bare);
                }
            }
        }
        self.renamed(&told)
    }

    /// A text in which a copy goes by the name of what is stored.
    fn renamed(&self, text: &str) -> String {
        let copies = || self.copies.values().map(|copy| (&copy.name, &copy.shape));
        let schema_of = |name: &str| {
            let copy = copies().find(|(copy, _)| *copy == name);
            copy.map(|(_, shape)| shape.schema.clone())
        };
        let mut text = with_stored_schemas(text, schema_of, self.only_schema());
        for copy in self.copies.values().filter(|copy| copy.is_called_otherwise()) {
            for (name, stored) in copy.shape.own_names(copy.own_name()) {
                text = text.replace(&quote(&name), &quote(stored));
                // Errors write names as they are.
                text = text.replace(&format!("\"{name}\""), &format!("\"{stored}\""));
            }
        }
        text
    }
}

impl Copy {
    /// The name that it was made under, by which its indexes and constraints are called.
    fn own_name(&self) -> &str {
        self.part.as_ref().map_or(&self.name, |part| &part.name)
    }

    /// Whether that is another name than its table's.
    fn is_called_otherwise(&self) -> bool {
        self.own_name() != self.shape.name
    }
}

/// What stands around the name of a schema in plans of the formats JSON, YAML and XML.
const AROUND_SCHEMAS: [(&str, &str); 3] =
    [("\"Schema\": \"", "\""), ("Schema: \"", "\""), ("<Schema>", "</Schema>")];

/// The relation that a line of a plan of such a format names.
fn relation_in(line: &str) -> Option<&str> {
    const AROUND: [(&str, &str); 3] = [
        ("\"Relation Name\": \"", "\","),
        ("Relation Name: \"", "\""),
        ("<Relation-Name>", "</Relation-Name>"),
    ];
    let line = line.trim();
    AROUND.iter().find_map(|(before, after)| line.strip_prefix(before)?.strip_suffix(after))
}

/// What the schema of a session's temporary tables is called, a number behind it.
const TEMPORARY: &str = "pg_temp";

/// A text with stored tables in it instead of copies, quoted or not: `"pg_temp_3"."seats"` as
/// `"public"."seats"`. `schema_of` tells in which schema the table is that this copy stands for;
/// where the schema of the copies stands by itself, it becomes `alone`.
fn with_stored_schemas(
    text: &str,
    schema_of: impl Fn(&str) -> Option<String>,
    alone: Option<&str>,
) -> String {
    let mut told = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(TEMPORARY) {
        let (before, found) = rest.split_at(at);
        let after = found[TEMPORARY.len()..].trim_start_matches('_');
        let after = after.trim_start_matches(|digit: char| digit.is_ascii_digit());
        let quoted = before.strip_suffix('"').zip(after.strip_prefix("\"."));
        if let Some((before, after)) = quoted {
            told.push_str(before);
            let schema = schema_of(identifier(after));
            told.extend(schema.map(|schema| format!("{}.", quote(&schema))));
            rest = after;
        } else if let Some(after) = after.strip_prefix('.') {
            told.push_str(before);
            let schema = schema_of(identifier(after));
            told.extend(schema.map(|schema| format!("{}.", quote_if_needed(&schema))));
            rest = after;
        } else {
            told.push_str(before);
            let written = &found[..found.len() - after.len()];
            told.push_str(alone.filter(|_| written.len() > TEMPORARY.len()).unwrap_or(written));
            rest = after;
        }
    }
    told + rest
}

/// The name with which a text begins.
fn identifier(text: &str) -> &str {
    let (text, ends): (_, fn(char) -> bool) = match text.strip_prefix('"') {
        Some(quoted) => (quoted, |letter| letter == '"'),
        None => (text, |letter| !(letter.is_alphanumeric() || letter == '_' || letter == '$')),
    };
    &text[..text.find(ends).unwrap_or(text.len())]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gateway::transaction::tables::Made;

    /// With a copy of `public.seats` that goes by its own name.
    fn tables() -> Tables {
        let shape = r#"{"oid": 1, "schema": "public", "name": "seats", "kind": "r",
            "inherits": false, "uncopied": [], "definition": null}"#;
        let shape: Arc<Shape> = Arc::new(serde_json::from_str(shape).unwrap());
        let copy = Copy {
            shape: Arc::clone(&shape),
            name: "seats".to_owned(),
            numbers: Numbers::default(),
            made: Made::Kept,
            seen: None,
            file: None,
            is_littered: false,
            part: None,
            in_use: None,
        };
        let mut tables = Tables::default();
        tables.shapes.insert(1, shape);
        tables.copies.insert(1, copy);
        tables
    }

    #[test]
    fn a_field_that_is_no_text_is_left_as_it_is_and_so_is_what_follows() {
        let said: [(u8, &[u8]); 7] = [
            (b'S', b"ERROR"),
            (b'C', b"23505"),
            (b'M', b"no place in \"pg_temp_3\".\"seats\""),
            (b'D', b"Key (id)=(caf\xe9) already exists."),
            (b's', b"pg_temp_3"),
            (b't', b"seats"),
            (b'n', b"caf\xe9"),
        ];
        let mut expected = said;
        expected[2].1 = b"no place in \"public\".\"seats\"";
        expected[4].1 = b"public";
        let error = FromServer::with(b'E', &[]);
        let told = tables().retold(&error.with_error_fields(said)).expect("it is reworded");
        assert_eq!(ErrorFields::read(&told).unwrap().iter().collect::<Vec<_>>(), expected);
    }

    fn told(text: &str, alone: Option<&str>) -> String {
        let schema_of = |copy: &str| match copy {
            "child" | "t" => Some("public".to_owned()),
            "x y" => Some("Mine".to_owned()),
            _ => None,
        };
        with_stored_schemas(text, schema_of, alone)
    }

    #[test]
    fn a_text_is_of_the_stored_tables() {
        for (text, expected) in [
            (r#"UPDATE ONLY "pg_temp_3"."child" SET"#, r#"UPDATE ONLY "public"."child" SET"#),
            ("view pg_temp_12.w depends on table pg_temp_12.t", "view w depends on table public.t"),
            (r#"relation "pg_temp.t" is gone"#, r#"relation "public.t" is gone"#),
            (r#"Seq Scan on pg_temp_3."x y""#, r#"Seq Scan on "Mine"."x y""#),
            ("schema pg_temp_3 and pg_temp", "schema pg_temp_3 and pg_temp"),
            ("nothing of it", "nothing of it"),
        ] {
            assert_eq!(told(text, None), expected);
        }
        assert_eq!(told(r#""Schema": "pg_temp_3","#, Some("public")), r#""Schema": "public","#);
        assert_eq!(told("schema pg_temp", Some("public")), "schema pg_temp");
    }
}
