//! What came back for a submission, as the lines that expect it.

use crate::core::event::answer::{self, Outcome};
use crate::core::event::{Column, Kind, Row, ServerMessage, SqlState};
use crate::core::scenario::{Cell, Expected};
use crate::core::syntax::{Strings, WordKind, words};

/// Fails as a statement does that somebody cancels while it runs: a file cannot press the key.
pub(super) const CANCELLED: &str = "do $$ begin raise exception 'canceling statement due to user \
    request' using errcode = '57014'; end $$;";

/// Results of up to so many rows are told row by row, longer ones by their number.
const ROWS_TOLD: usize = 12;

/// Types whose values differ from run to run: moments, numbers of processes and transactions,
/// generated ids (`pg_type.dat`).
const FLEETING_TYPES: [u32; 12] = [26, 27, 28, 29, 1083, 1114, 1184, 1266, 2205, 2950, 3220, 5069];

/// Words of a statement whose result differs from run to run.
const FLEETING_WORDS: [&str; 20] = [
    "now",
    "random",
    "clock_timestamp",
    "statement_timestamp",
    "transaction_timestamp",
    "timeofday",
    "current_timestamp",
    "current_time",
    "current_date",
    "current_schema",
    "current_schemas",
    "current_database",
    "localtime",
    "localtimestamp",
    "gen_random_uuid",
    "xmin",
    "xmax",
    "ctid",
    "version",
    "explain",
];

/// Beginnings of words that ask about the server itself, where even the number of rows differs.
const OF_THE_SERVER: [&str; 4] = ["pg_", "txid_", "inet_", "information_schema"];

/// The lines of an answer, as far as it has come.
#[derive(Default)]
pub(super) struct Answer {
    lines: Vec<Expected>,
    coming: answer::Answer,
    telling: Telling,
    error: Option<(String, String)>,
}

/// How much of a result reads the same the next time.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Telling {
    /// All of it.
    #[default]
    Rows,
    /// How many rows it has.
    Count,
    Nothing,
}

impl Answer {
    /// An answer to this SQL.
    pub(super) fn of(sql: &str) -> Self {
        let coming = answer::Answer::of_rows(ROWS_TOLD + 1);
        Self { telling: Telling::of(sql), coming, ..Self::default() }
    }

    pub(super) fn lines(&self) -> &[Expected] {
        &self.lines
    }

    /// What has come so far, when nothing more comes on this connection.
    pub(super) fn take_lines(&mut self) -> Vec<Expected> {
        self.coming.cut();
        std::mem::take(&mut self.lines)
    }

    /// Whether somebody cancelled the statement. Its own timeout has the same SQLSTATE, and the
    /// message may be in any language; but where nobody has set a timeout there is none.
    pub(super) fn was_cancelled(&self, may_time_out: bool) -> bool {
        let by_request = |message: &str| !may_time_out || message.contains("user request");
        self.error.as_ref().is_some_and(|(code, text)| code == "57014" && by_request(text))
    }

    /// Whether the statement gave up waiting.
    pub(super) fn timed_out(&self) -> bool {
        self.error.as_ref().is_some_and(|(code, _)| matches!(code.as_str(), "57014" | "55P03"))
    }

    pub(super) fn apply(&mut self, kind: &Kind) {
        match self.coming.apply(kind) {
            Some(Outcome::Result { columns, rows, count, tag }) => {
                self.result(&columns, &rows, count);
                if answer::stands_under_a_result(&tag) {
                    self.lines.push(Expected::Tag(tag));
                }
            }
            Some(Outcome::Done { tag }) => self.lines.push(Expected::Tag(tag)),
            Some(Outcome::Failed(message)) => self.failed(&message),
            None => {}
        }
    }

    fn result(&mut self, columns: &[Column], rows: &[Row], count: u64) {
        let is_fleeting = columns.iter().any(|column| FLEETING_TYPES.contains(&column.type_oid));
        let says_something = rows.iter().flatten().flatten().any(|value| !value.is_empty());
        let few = says_something && rows.len() <= ROWS_TOLD;
        match self.telling {
            Telling::Rows if few && !is_fleeting => self.lines.extend(rows.iter().map(row)),
            Telling::Rows | Telling::Count => self.lines.push(Expected::RowCount(count)),
            Telling::Nothing => {}
        }
    }

    fn failed(&mut self, ServerMessage { code, message, .. }: &ServerMessage) {
        let text = reason(message).unwrap_or_default().to_owned();
        self.lines.push(Expected::Error { code: SqlState(code.clone()), text });
        self.error = Some((code.clone(), message.clone()));
    }
}

impl Telling {
    fn of(sql: &str) -> Self {
        let words = words(sql, Strings::default()).into_iter();
        let words = words.filter(|word| word.kind == WordKind::Plain).map(|word| word.text);
        let words: Vec<String> = words.collect();
        let names = |word: &String| OF_THE_SERVER.iter().any(|start| word.starts_with(start));
        // A sleep is of the server, but what it gives is always the same.
        if words.iter().any(|word| names(word) && word != "pg_sleep") {
            Self::Nothing
        } else if words.iter().any(|word| FLEETING_WORDS.contains(&word.as_str())) {
            Self::Count
        } else {
            Self::Rows
        }
    }
}

/// Aurora DSQL's reason, which stands in brackets in the message: `(OC000)`.
fn reason(message: &str) -> Option<&str> {
    let from = &message[message.find("(OC")?..];
    Some(&from[..=from.find(')')?])
}

/// A row as a file writes it.
fn row(values: &Row) -> Expected {
    Expected::Row(values.iter().map(|value| Cell::of(value.as_deref())).collect())
}
