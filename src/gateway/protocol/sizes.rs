//! When values are looked at for being too large: at COMMIT, and within a block at the statement,
//! as the service does, where the statement may have made a large one. Whether it may is told from
//! its text and from what was bound, since each look asks the server for all the changes there are.

use super::Protocol;
use crate::core::syntax::Word;
use crate::gateway::backend::BackendError;
use crate::gateway::statement::Statement;
use crate::pg::frame::Fields;

/// What is shorter is too short for any limit, however many of it a key is made of.
const SHORT: usize = 200;

/// Functions that make longer values than they are given.
const GROWING: [&str; 12] = [
    "repeat",
    "lpad",
    "rpad",
    "string_agg",
    "array_to_string",
    "json_agg",
    "jsonb_agg",
    "concat",
    "concat_ws",
    "replace",
    "format",
    "encode",
];

impl Protocol {
    /// Notes what a Bind brings, from its formats on.
    pub(super) fn note_bound_sizes(&mut self, values: Fields<'_>) {
        self.longest_bound = self.longest_bound.max(longest(values).unwrap_or(usize::MAX));
    }

    /// Within a block, after a statement has run.
    pub(super) async fn check_sizes_within(
        &mut self,
        statement: &Statement,
    ) -> Result<(), BackendError> {
        let is_judged = self.transaction.judges_sizes() && !self.transaction.is_outside_block();
        if !is_judged || !statement.may_write() {
            return Ok(());
        }
        let bound = std::mem::take(&mut self.longest_bound);
        if bound < SHORT && !may_be_large(&statement.words) {
            return Ok(());
        }
        self.transaction.check_sizes_so_far(&mut self.backend).await
    }
}

fn longest(mut values: Fields<'_>) -> Option<usize> {
    for _ in 0..values.short()? {
        values.short()?;
    }
    let mut longest = 0;
    for _ in 0..values.short()? {
        longest = longest.max(values.value_bytes()?.map_or(0, <[u8]>::len));
    }
    Some(longest)
}

fn may_be_large(words: &[Word]) -> bool {
    let grows = |word: &Word| GROWING.iter().any(|name| word.is(name));
    let joins = || words.windows(2).any(|pair| pair[0].is_mark('|') && pair[1].is_mark('|'));
    words.iter().any(|word| word.text.len() >= SHORT || grows(word)) || joins()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::syntax::{Strings, words};

    #[test]
    fn a_statement_may_be_large_by_what_it_says_and_what_it_joins() {
        let may = |sql: &str| may_be_large(&words(sql, Strings::Conforming));
        assert!(!may("update t set a = a + 1, b = 'short' where id = 5"));
        assert!(may("update t set b = b || b"));
        assert!(may("insert into t values (REPEAT('x', 5000))"));
        assert!(may(&format!("insert into t values ('{}')", "x".repeat(SHORT))));
    }

    #[test]
    fn the_longest_value_of_a_bind_is_that_of_its_values_and_not_of_its_formats() {
        let mut body = vec![0, 2, 0, 0, 0, 1, 0, 3];
        for value in [Some(&b"abc"[..]), None, Some(b"abcde")] {
            let length = value.map_or(-1, |value| i32::try_from(value.len()).unwrap());
            body.extend(length.to_be_bytes());
            body.extend(value.unwrap_or_default());
        }
        assert_eq!(longest(Fields::of(&body)), Some(5));
        assert_eq!(longest(Fields::of(&body[..14])), None);
    }
}
