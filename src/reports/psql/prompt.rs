//! psql's prompts: `=#`, `=*#`, `-#`, `'#` (PostgreSQL documentation, psql, "Prompting"). Panes,
//! transcripts and exports have them from here.

use crate::core::event::{Kind, TransactionStatus};
use crate::core::syntax::{Strings, Unfinished, read};

/// The parameter by which a server says whether a session is a superuser's.
pub const IS_SUPERUSER: &str = "is_superuser";

/// What a session's prompt tells of it: a fold over its events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    pub status: TransactionStatus,
    /// What a superuser types behind `#`, others type behind `>`.
    pub is_superuser: bool,
}

impl Default for Standing {
    /// A server that says nothing else has let in a superuser.
    fn default() -> Self {
        Self { status: TransactionStatus::Idle, is_superuser: true }
    }
}

impl Standing {
    /// Takes in what has happened in the session.
    pub fn apply(&mut self, kind: &Kind) {
        match kind {
            Kind::Connected { .. } => *self = Self::default(),
            Kind::Ready { status, .. } => self.status = *status,
            Kind::Parameter { name, value } if name == IS_SUPERUSER => {
                self.is_superuser = value != "off";
            }
            _ => {}
        }
    }

    /// The prompt in front of a line, with its blank: `alice=*# `. What came before on the same
    /// statement decides between the first prompt and the second.
    pub fn prompt(self, name: &str, before: Option<Unfinished>) -> String {
        let place = before.map_or('=', sign);
        let transaction = match self.status {
            TransactionStatus::Idle => "",
            TransactionStatus::InTransaction => "*",
            TransactionStatus::Failed => "!",
        };
        let end = if self.is_superuser { '#' } else { '>' };
        format!("{name}{place}{transaction}{end} ")
    }

    /// The prompts before the lines of what was typed.
    pub fn prompts(self, name: &str, text: &str, strings: Strings) -> impl Iterator<Item = String> {
        let mut before = String::new();
        text.lines().map(move |line| {
            let prompt = self.prompt(name, read(&before, strings).goes_on_in());
            before.push_str(line);
            before.push('\n');
            prompt
        })
    }
}

fn sign(unfinished: Unfinished) -> char {
    match unfinished {
        Unfinished::Statement => '-',
        Unfinished::Parenthesis => '(',
        Unfinished::SingleQuote => '\'',
        Unfinished::DoubleQuote => '"',
        Unfinished::DollarQuote => '$',
        Unfinished::Comment => '*',
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prompts(status: TransactionStatus, text: &str) -> Vec<String> {
        let standing = Standing { status, ..Standing::default() };
        standing.prompts("bob", text, Strings::default()).collect()
    }

    #[test]
    fn prompts_tell_the_transaction_and_what_is_open() {
        assert_eq!(
            prompts(TransactionStatus::InTransaction, "select 1;\n1"),
            ["bob=*# ", "bob=*# "]
        );
        assert_eq!(prompts(TransactionStatus::Failed, "select\n1"), ["bob=!# ", "bob-!# "]);
        assert_eq!(
            prompts(TransactionStatus::Idle, "select (\n'a\n', \"\n\", $$\n$$ /*\n*/\n\\x\n);"),
            ["bob=# ", "bob(# ", "bob'# ", "bob\"# ", "bob$# ", "bob*# ", "bob(# ", "bob(# "]
        );
    }

    #[test]
    fn a_comment_alone_goes_on_if_it_is_one_that_psql_keeps() {
        assert_eq!(prompts(TransactionStatus::Idle, "-- a\n1"), ["bob=# ", "bob=# "]);
        assert_eq!(prompts(TransactionStatus::Idle, "/* a\n*/\n1"), ["bob=# ", "bob*# ", "bob-# "]);
    }

    #[test]
    fn whoever_is_no_superuser_has_another_sign() {
        let mut standing = Standing::default();
        let (name, value) = (IS_SUPERUSER.to_owned(), "off".to_owned());
        standing.apply(&Kind::Parameter { name, value });
        assert_eq!(standing.prompt("bob", None), "bob=> ");
    }
}
