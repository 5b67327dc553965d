//! What a statement does, by its first words.

use super::{Word, WordKind};

/// What a statement does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verb {
    /// Nothing: blanks, comments, a lone `;`.
    Empty,
    /// BEGIN, START TRANSACTION.
    Begin,
    Commit,
    Rollback,
    Savepoint,
    Release,
    RollbackTo,
    PrepareTransaction,
    CommitPrepared,
    RollbackPrepared,
    /// SELECT, TABLE, VALUES, WITH ... SELECT; without INTO.
    Select,
    /// SELECT ... INTO a new table.
    SelectInto,
    Insert,
    Update,
    Delete,
    Merge,
    /// CREATE, ALTER, DROP, GRANT, REVOKE, COMMENT and their like.
    Ddl,
    Truncate,
    Lock,
    Copy,
    /// SET, but not of the transaction.
    Set,
    SetTransaction,
    Reset,
    Show,
    Explain,
    Prepare,
    Execute,
    Deallocate,
    /// DECLARE a cursor.
    Declare,
    /// FETCH, MOVE, CLOSE.
    Cursor,
    Call,
    Listen,
    Notify,
    /// VACUUM, ANALYZE, CLUSTER, REINDEX, CHECKPOINT, REFRESH MATERIALIZED VIEW.
    Maintenance,
    /// Anything else, mistakes among them.
    Other,
}

impl Verb {
    /// Whether the statement begins, ends or divides a transaction.
    pub fn is_transaction_control(self) -> bool {
        matches!(
            self,
            Self::Begin
                | Self::Commit
                | Self::Rollback
                | Self::Savepoint
                | Self::Release
                | Self::RollbackTo
                | Self::PrepareTransaction
                | Self::CommitPrepared
                | Self::RollbackPrepared
        )
    }

    /// Whether the statement reads or writes rows of tables.
    pub fn is_dml(self) -> bool {
        matches!(self, Self::Select | Self::Insert | Self::Update | Self::Delete | Self::Merge)
    }

    /// Whether it only says something of its transaction or its session, and of no row.
    pub fn is_control(self) -> bool {
        matches!(
            self,
            Self::Begin
                | Self::Commit
                | Self::Rollback
                | Self::Savepoint
                | Self::Release
                | Self::RollbackTo
                | Self::Set
                | Self::SetTransaction
                | Self::Show
                | Self::Empty
        )
    }
}

/// What a statement of these words does. Of several statements, the first counts.
pub fn verb(words: &[Word]) -> Verb {
    let outline = Outline::of(words);
    match outline.first() {
        "" => Verb::Empty,
        "with" => outline.after_with(),
        "select" | "table" | "values" => outline.select(),
        _ if outline.is_nested() => Verb::Other,
        first => simple(first, outline.second(), &outline),
    }
}

fn simple(first: &str, second: &str, words: &Outline) -> Verb {
    transaction(first, second, words).or_else(|| rows(first, second)).unwrap_or(match first {
        "create" | "alter" | "drop" | "grant" | "revoke" | "comment" | "security" | "reassign"
        | "import" => Verb::Ddl,
        "reset" | "discard" => Verb::Reset,
        "show" => Verb::Show,
        "explain" => Verb::Explain,
        "execute" => Verb::Execute,
        "deallocate" => Verb::Deallocate,
        "declare" => Verb::Declare,
        "fetch" | "move" | "close" => Verb::Cursor,
        "call" | "do" => Verb::Call,
        "listen" | "unlisten" => Verb::Listen,
        "notify" => Verb::Notify,
        "vacuum" | "analyze" | "analyse" | "cluster" | "reindex" | "checkpoint" | "refresh" => {
            Verb::Maintenance
        }
        _ => Verb::Other,
    })
}

fn transaction(first: &str, second: &str, words: &Outline) -> Option<Verb> {
    Some(match (first, second) {
        ("commit", "prepared") => Verb::CommitPrepared,
        ("rollback", "prepared") => Verb::RollbackPrepared,
        ("prepare", "transaction") => Verb::PrepareTransaction,
        ("prepare", _) => Verb::Prepare,
        ("begin" | "start", _) => Verb::Begin,
        ("commit" | "end", _) => Verb::Commit,
        // ROLLBACK WORK TO SAVEPOINT a: the TO has no fixed place.
        ("rollback" | "abort", _) if words.contains("to") => Verb::RollbackTo,
        ("rollback" | "abort", _) => Verb::Rollback,
        ("savepoint", _) => Verb::Savepoint,
        ("release", _) => Verb::Release,
        ("set", "transaction") => Verb::SetTransaction,
        ("set", "session") if words.contains("characteristics") => Verb::SetTransaction,
        ("set", _) => Verb::Set,
        _ => return None,
    })
}

fn rows(first: &str, _second: &str) -> Option<Verb> {
    Some(match first {
        "insert" => Verb::Insert,
        "update" => Verb::Update,
        "delete" => Verb::Delete,
        "merge" => Verb::Merge,
        "truncate" => Verb::Truncate,
        "lock" => Verb::Lock,
        "copy" => Verb::Copy,
        _ => return None,
    })
}

/// The names and keywords of the first statement, each with the depth of parentheses that it stands
/// in.
struct Outline<'a> {
    words: Vec<(usize, &'a str)>,
}

/// Stands for a first word that is no keyword, whatever it reads like.
const NO_KEYWORD: &str = "?";

impl<'a> Outline<'a> {
    fn of(statement: &'a [Word]) -> Self {
        let mut depth = 0_usize;
        let mut words = Vec::new();
        for word in statement {
            match word.kind {
                WordKind::Plain => words.push((depth, word.text.as_str())),
                WordKind::Mark if word.is_mark('(') => depth += 1,
                WordKind::Mark if word.is_mark(')') => depth = depth.saturating_sub(1),
                // A `;` in parentheses ends nothing (see `split`), nor does one before the first
                // word.
                WordKind::Mark if word.is_mark(';') && depth == 0 && !words.is_empty() => break,
                WordKind::Mark if word.is_mark(';') => {}
                WordKind::Quoted | WordKind::Escaped => words.push((depth, NO_KEYWORD)),
                // `'select'` is a mistake, and not the word that comes after it.
                _ if words.is_empty() => words.push((depth, NO_KEYWORD)),
                _ => {}
            }
        }
        Self { words }
    }

    /// Whether the first word stands in parentheses, as only that of a query may.
    fn is_nested(&self) -> bool {
        self.words.first().is_some_and(|(depth, _)| *depth > 0)
    }

    fn first(&self) -> &str {
        self.words.first().map_or("", |(_, word)| word)
    }

    fn second(&self) -> &str {
        self.words.get(1).map_or("", |(_, word)| word)
    }

    fn contains(&self, wanted: &str) -> bool {
        self.words.iter().any(|(_, word)| *word == wanted)
    }

    /// The words at the depth of the first one: those of the statement itself, not of what is
    /// nested in it.
    fn outer(&self) -> impl Iterator<Item = &str> {
        let depth = self.words.first().map_or(0, |(depth, _)| *depth);
        self.words.iter().filter(move |(d, _)| *d == depth).map(|(_, word)| *word)
    }

    fn after_with(&self) -> Verb {
        let mut rest = self.outer().peekable();
        let mut main = None;
        while let Some(word) = rest.next() {
            // A query of the WITH may be called by a word that begins a statement elsewhere:
            // `with lock as (select 1) update t ...`.
            let is_name = rest.peek() == Some(&"as");
            main = match word {
                _ if is_name => None,
                "select" | "values" | "table" => Some(self.select()),
                word => rows(word, ""),
            };
            if main.is_some() {
                break;
            }
        }
        // The query behind the WITH may stand in parentheses, deeper than its first word.
        main.unwrap_or(if self.contains("select") { Verb::Select } else { Verb::Other })
    }

    fn select(&self) -> Verb {
        if self.outer().any(|word| word == "into") { Verb::SelectInto } else { Verb::Select }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::syntax::{Strings, words};

    #[test]
    fn statements_are_known_by_their_first_words() {
        for (sql, expected) in [
            ("", Verb::Empty),
            ("-- x\n;", Verb::Empty),
            ("begin transaction isolation level serializable;", Verb::Begin),
            ("START TRANSACTION", Verb::Begin),
            ("end;", Verb::Commit),
            ("rollback", Verb::Rollback),
            ("rollback to savepoint a", Verb::RollbackTo),
            ("ROLLBACK WORK TO a", Verb::RollbackTo),
            ("rollback prepared 'x'", Verb::RollbackPrepared),
            ("prepare transaction 'x'", Verb::PrepareTransaction),
            ("prepare p as select 1", Verb::Prepare),
            ("/* hint */ select 1", Verb::Select),
            ("(select 1) union (select 2)", Verb::Select),
            ("select * into t from s", Verb::SelectInto),
            ("select (select 1) from t", Verb::Select),
            ("with a as (delete from t returning *) select * from a", Verb::Select),
            ("with a as (select 1) insert into t select * from a", Verb::Insert),
            ("with a(update) as (select 1) update t set x = 1", Verb::Update),
            ("with lock as (select 1 for update) update t set x = 1", Verb::Update),
            ("with copy as (select 1), delete as (select 2) select * from copy", Verb::Select),
            ("with recursive merge(n) as (select 1) insert into t table merge", Verb::Insert),
            ("table seats", Verb::Select),
            ("set transaction isolation level repeatable read", Verb::SetTransaction),
            ("set session characteristics as transaction read only", Verb::SetTransaction),
            ("set lock_timeout = 1", Verb::Set),
            ("create table t ()", Verb::Ddl),
            ("merge into t using s on true when matched then delete", Verb::Merge),
            ("\"select\" 1", Verb::Other),
            ("selec 1", Verb::Other),
            ("?", Verb::Other),
            ("'select'", Verb::Other),
            ("(begin", Verb::Other),
            ("()", Verb::Empty),
        ] {
            assert_eq!(verb(&words(sql, Strings::Conforming)), expected, "{sql}");
        }
    }
}
