//! What a statement does, by its first words.

use super::{Token, TokenKind, tokens};

/// What a statement does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verb {
    /// Nothing: blanks, comments, a lone `;`.
    Empty,
    /// BEGIN, START TRANSACTION.
    Begin,
    /// COMMIT, END.
    Commit,
    /// ROLLBACK, ABORT.
    Rollback,
    /// SAVEPOINT.
    Savepoint,
    /// RELEASE.
    Release,
    /// ROLLBACK TO.
    RollbackTo,
    /// PREPARE TRANSACTION.
    PrepareTransaction,
    /// COMMIT PREPARED.
    CommitPrepared,
    /// ROLLBACK PREPARED.
    RollbackPrepared,
    /// SELECT, TABLE, VALUES, WITH ... SELECT; without INTO.
    Select,
    /// SELECT ... INTO a new table.
    SelectInto,
    /// INSERT.
    Insert,
    /// UPDATE.
    Update,
    /// DELETE.
    Delete,
    /// MERGE.
    Merge,
    /// CREATE, ALTER, DROP, GRANT, REVOKE, COMMENT and their like.
    Ddl,
    /// TRUNCATE.
    Truncate,
    /// LOCK.
    Lock,
    /// COPY.
    Copy,
    /// SET, but not of the transaction.
    Set,
    /// SET TRANSACTION.
    SetTransaction,
    /// RESET, DISCARD.
    Reset,
    /// SHOW.
    Show,
    /// EXPLAIN.
    Explain,
    /// PREPARE.
    Prepare,
    /// EXECUTE.
    Execute,
    /// DEALLOCATE.
    Deallocate,
    /// DECLARE a cursor.
    Declare,
    /// FETCH, MOVE, CLOSE.
    Cursor,
    /// CALL, DO.
    Call,
    /// LISTEN, UNLISTEN.
    Listen,
    /// NOTIFY.
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
}

/// What one statement does. Of several, the first counts.
pub fn verb(statement: &str) -> Verb {
    let tokens = tokens(statement);
    let words = Words::of(statement, &tokens);
    match words.first() {
        "" => Verb::Empty,
        "with" => words.after_with(),
        "select" | "table" | "values" => words.select(),
        first => simple(first, words.second(), &words),
    }
}

fn simple(first: &str, second: &str, words: &Words) -> Verb {
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

fn transaction(first: &str, second: &str, words: &Words) -> Option<Verb> {
    Some(match (first, second) {
        ("commit", "prepared") => Verb::CommitPrepared,
        ("rollback", "prepared") => Verb::RollbackPrepared,
        ("prepare", "transaction") => Verb::PrepareTransaction,
        ("prepare", _) => Verb::Prepare,
        ("begin" | "start", _) => Verb::Begin,
        ("commit" | "end", _) => Verb::Commit,
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

/// The words of the first statement, in lower case, each with the depth of parentheses that it stands in.
struct Words {
    words: Vec<(usize, String)>,
}

impl Words {
    fn of(text: &str, tokens: &[Token]) -> Self {
        let mut depth = 0_usize;
        let mut words = Vec::new();
        for token in tokens {
            match (&text[token.range.clone()], token.kind) {
                (";", _) if depth == 0 && !words.is_empty() => break,
                ("(", _) => depth += 1,
                (")", _) => depth = depth.saturating_sub(1),
                (word, TokenKind::Word) => words.push((depth, word.to_ascii_lowercase())),
                (name, TokenKind::QuotedName) => words.push((depth, name.to_owned())),
                (sign, TokenKind::Sign) if words.is_empty() && sign != ";" => {
                    words.push((depth, sign.to_owned()));
                }
                _ => {}
            }
        }
        Self { words }
    }

    fn first(&self) -> &str {
        self.words.first().map_or("", |(_, word)| word)
    }

    fn second(&self) -> &str {
        self.words.get(1).map_or("", |(_, word)| word)
    }

    fn contains(&self, wanted: &str) -> bool {
        self.words.iter().any(|(_, word)| word == wanted)
    }

    /// The words at the depth of the first one: those of the statement itself, not of what is nested in it.
    fn outer(&self) -> impl Iterator<Item = &str> {
        let depth = self.words.first().map_or(0, |(depth, _)| *depth);
        self.words.iter().filter(move |(d, _)| *d == depth).map(|(_, word)| word.as_str())
    }

    fn after_with(&self) -> Verb {
        let mut rest = self.outer();
        let main = rest.find_map(|word| match word {
            "select" | "values" | "table" => Some(self.select()),
            word => rows(word, ""),
        });
        main.unwrap_or(if self.contains("select") { Verb::Select } else { Verb::Other })
    }

    fn select(&self) -> Verb {
        if self.outer().any(|word| word == "into") { Verb::SelectInto } else { Verb::Select }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
            ("table seats", Verb::Select),
            ("set transaction isolation level repeatable read", Verb::SetTransaction),
            ("set session characteristics as transaction read only", Verb::SetTransaction),
            ("set lock_timeout = 1", Verb::Set),
            ("create table t ()", Verb::Ddl),
            ("merge into t using s on true when matched then delete", Verb::Merge),
            ("\"select\" 1", Verb::Other),
            ("selec 1", Verb::Other),
            ("?", Verb::Other),
        ] {
            assert_eq!(verb(sql), expected, "{sql}");
        }
    }
}
