//! psql's prompts: `=#`, `=*#`, `-#`, `'#` (PostgreSQL documentation, psql, "Prompting").

use crate::core::event::TransactionStatus;
use crate::core::syntax::Unfinished;

/// The prompt in front of a line, with its blank: `alice=*# `. What came before on the same
/// statement decides between the first prompt and the second.
pub fn prompt(name: &str, status: TransactionStatus, before: Option<Unfinished>) -> String {
    let place = before.map_or('=', sign);
    let transaction = match status {
        TransactionStatus::Idle => "",
        TransactionStatus::InTransaction => "*",
        TransactionStatus::Failed => "!",
    };
    format!("{name}{place}{transaction}# ")
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
    use crate::core::syntax::{Strings, unfinished};

    #[test]
    fn prompts_tell_the_transaction_and_what_is_open() {
        let after = |status, text| prompt("bob", status, unfinished(text, Strings::default()));
        assert_eq!(after(TransactionStatus::Idle, ""), "bob=# ");
        assert_eq!(after(TransactionStatus::InTransaction, "select 1;"), "bob=*# ");
        assert_eq!(after(TransactionStatus::Failed, "select"), "bob-!# ");
        assert_eq!(after(TransactionStatus::InTransaction, "select (1"), "bob(*# ");
        assert_eq!(after(TransactionStatus::Idle, "select 'a"), "bob'# ");
    }
}
