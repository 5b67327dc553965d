//! What the server calls by number when it tells of a deadlock (`DescribeLockTag` in `lmgr.c`), by
//! name: numbers differ from run to run, and say nothing.
//!
//! ```text
//! Process 71 waits for AccessExclusiveLock on relation 16574 of database 5; blocked by process 70.
//!                                             relation two
//! ```

use std::ops::Range;

use sqlx::postgres::types::Oid;

use super::Observer;
use super::targets::described_by;
use crate::core::sql;
use crate::observer::flavor::Source;

/// Something that is called by number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Numbered {
    /// `relation 16574 of database 5`
    Relation(u32),
    /// `object 16385 of class 1247 of database 5`
    Object { class: u32, object: u32 },
}

impl Observer {
    /// The text with names for what it numbers. All of it is in the database of the sessions, which
    /// need not be said.
    pub(crate) async fn with_names(&self, text: &str) -> String {
        let mut named = text.to_owned();
        if self.flavor.sight.waits != Source::PostgreSql {
            return named;
        }
        // From the end, so that the spans in front stay true.
        for (span, what) in numbered(text).into_iter().rev() {
            let name = match what {
                Numbered::Relation(oid) => self.relation(Oid(oid)).await,
                Numbered::Object { class, object } => self
                    .object_name(Oid(class), Oid(object), 0)
                    .await
                    .unwrap_or_else(|| described_by(Oid(class)).to_owned()),
            };
            named.replace_range(span, &name);
        }
        named
    }

    /// A relation that nobody else can see yet, or that is gone, has no name that we could read.
    async fn relation(&self, oid: Oid) -> String {
        let found: Result<Option<(String, String)>, sqlx::Error> =
            sqlx::query_as(sql::observer::RELATION).bind(oid).fetch_optional(&self.pool).await;
        let unknown = |error: &sqlx::Error| tracing::warn!(%error, "a relation has no name");
        match found.inspect_err(unknown).ok().flatten() {
            Some((schema, name)) => format!("relation {}", self.table_name(&schema, &name)),
            None => "relation".to_owned(),
        }
    }
}

/// What is numbered in a text, and where.
fn numbered(text: &str) -> Vec<(Range<usize>, Numbered)> {
    let mut found = Vec::new();
    let mut from = 0;
    while let Some((span, what)) = first(text, from) {
        from = span.end;
        found.push((span, what));
    }
    found
}

fn first(text: &str, from: usize) -> Option<(Range<usize>, Numbered)> {
    let starts = text[from..].match_indices(['r', 'o']).map(|(at, _)| from + at);
    starts.into_iter().find_map(|start| {
        let mut rest = Rest(&text[start..]);
        let what = rest.relation().or_else(|| {
            rest = Rest(&text[start..]);
            rest.object()
        })?;
        Some((start..text.len() - rest.0.len(), what))
    })
}

/// What is still to be read.
struct Rest<'a>(&'a str);

impl Rest<'_> {
    fn relation(&mut self) -> Option<Numbered> {
        // The server translates these words (`DescribeLockTag`): in another language its numbers
        // stay.
        let oid = self.number_after("relation ")?;
        self.number_after(" of database ")?;
        Some(Numbered::Relation(oid))
    }

    fn object(&mut self) -> Option<Numbered> {
        let object = self.number_after("object ")?;
        let class = self.number_after(" of class ")?;
        self.number_after(" of database ")?;
        Some(Numbered::Object { class, object })
    }

    fn number_after(&mut self, words: &str) -> Option<u32> {
        let rest = self.0.strip_prefix(words)?;
        let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let number = rest[..end].parse().ok()?;
        self.0 = &rest[end..];
        Some(number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn relations_and_objects_are_found_where_they_stand() {
        let text = "Process 71 waits for ExclusiveLock on tuple (0,3) of relation 16574 of \
            database 5; blocked by process 70.\n\
            Process 70 waits for AccessShareLock on object 16385 of class 1247 of database 5; \
            blocked by process 71.";
        let found: Vec<(&str, Numbered)> =
            numbered(text).into_iter().map(|(span, what)| (&text[span], what)).collect();
        let object = Numbered::Object { class: 1247, object: 16385 };
        assert_eq!(
            found,
            [
                ("relation 16574 of database 5", Numbered::Relation(16574)),
                ("object 16385 of class 1247 of database 5", object)
            ]
        );
    }

    #[test]
    fn what_is_no_number_of_the_servers_is_left() {
        for text in ["relation \"t\" of database 5", "relation 5", "object 1 of class", ""] {
            assert_eq!(numbered(text), []);
        }
    }
}
