//! What statements were answered: the one place that puts an answer together from what is told of
//! it bit by bit.
//!
//! ```text
//!  Columns  Rows  Rows  Done    Done    Columns  Rows  Failed
//!  └─────── Result ────────┘   └Done┘   └────── Failed ─────┘ a statement that fails has no result
//! ```

use super::{Column, Kind, ROWS_KEPT, Row, ServerMessage};

/// What one statement was answered.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// It is done and has a result.
    Result {
        /// The result's columns.
        columns: Vec<Column>,
        /// Its first rows.
        rows: Vec<Row>,
        /// How many there are in all.
        count: u64,
        /// The command tag.
        tag: String,
    },
    /// It is done and has none.
    Done {
        /// The command tag.
        tag: String,
    },
    Failed(ServerMessage),
}

/// The answer of one session (or of the runner, who looks at the end) as far as it has come.
#[derive(Clone, Debug)]
pub struct Answer {
    columns: Option<Vec<Column>>,
    rows: Vec<Row>,
    most: usize,
}

impl Default for Answer {
    fn default() -> Self {
        Self::of_rows(ROWS_KEPT)
    }
}

impl Answer {
    /// An answer of whose results no more rows than these are wanted.
    pub fn of_rows(most: usize) -> Self {
        Self { columns: None, rows: Vec::new(), most }
    }

    /// Folds what happens in the session; gives what a statement was answered once that is whole.
    pub fn apply(&mut self, kind: &Kind) -> Option<Outcome> {
        match kind {
            // A connection that broke has left its answer without an end.
            Kind::Sent { .. } => self.cut(),
            Kind::Columns(columns) => {
                self.cut();
                self.columns = Some(columns.clone());
            }
            Kind::Rows(rows) => {
                let room = self.most.saturating_sub(self.rows.len());
                self.rows.extend(rows.iter().take(room).cloned());
            }
            Kind::Done { tag, rows } => return Some(self.done(tag.clone(), *rows)),
            Kind::Failed(message) => {
                self.cut();
                return Some(Outcome::Failed(message.clone()));
            }
            _ => {}
        }
        None
    }

    fn done(&mut self, tag: String, count: u64) -> Outcome {
        let rows = std::mem::take(&mut self.rows);
        match self.columns.take() {
            Some(columns) => Outcome::Result { columns, rows, count, tag },
            None => Outcome::Done { tag },
        }
    }

    /// Forgets what has come: the rest of it never will.
    pub fn cut(&mut self) {
        self.columns = None;
        self.rows.clear();
    }
}

/// Whether psql shows this tag under a result: a result is its own answer, unless a change returned
/// it.
pub fn stands_under_a_result(tag: &str) -> bool {
    // `PrintQueryResult` in psql's common.c: these are the commands that may have RETURNING.
    ["INSERT", "UPDATE", "DELETE", "MERGE"].iter().any(|verb| tag.starts_with(verb))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns() -> Kind {
        Kind::Columns(vec![Column { name: "n".to_owned(), type_oid: 23 }])
    }

    fn rows(numbers: &[u8]) -> Kind {
        Kind::Rows(numbers.iter().map(|n| vec![Some(n.to_string())]).collect())
    }

    fn done(tag: &str, rows: u64) -> Kind {
        Kind::Done { tag: tag.to_owned(), rows }
    }

    fn folded(answer: &mut Answer, kinds: &[Kind]) -> Vec<Outcome> {
        kinds.iter().filter_map(|kind| answer.apply(kind)).collect()
    }

    #[test]
    fn each_statement_of_a_submission_is_answered_for_itself() {
        let kinds = [
            done("BEGIN", 0),
            columns(),
            rows(&[1]),
            rows(&[2]),
            done("SELECT 2", 2),
            columns(),
            rows(&[3]),
            Kind::Failed(ServerMessage::default()),
        ];
        let [begin, select, failed] = &folded(&mut Answer::default(), &kinds)[..] else { panic!() };
        assert_eq!(*begin, Outcome::Done { tag: "BEGIN".to_owned() });
        let Outcome::Result { rows, count: 2, .. } = select else { panic!("{select:?}") };
        assert_eq!(rows.len(), 2);
        assert!(matches!(failed, Outcome::Failed(_)));
    }

    #[test]
    fn rows_that_are_not_wanted_are_counted_all_the_same() {
        let kinds = [columns(), rows(&[1, 2]), rows(&[3]), done("SELECT 3", 3)];
        let outcomes = folded(&mut Answer::of_rows(1), &kinds);
        let [Outcome::Result { rows, count: 3, .. }] = &outcomes[..] else { panic!() };
        assert_eq!(rows.len(), 1);
    }

    #[test]
    fn what_is_cut_off_is_no_part_of_the_next_answer() {
        let mut answer = Answer::default();
        folded(&mut answer, &[columns(), rows(&[1])]);
        answer.cut();
        assert_eq!(
            folded(&mut answer, &[done("COMMIT", 0)]),
            [Outcome::Done { tag: "COMMIT".to_owned() }]
        );
    }
}
