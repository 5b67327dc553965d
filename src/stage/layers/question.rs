//! A question before something that cannot be undone.

use crate::stage::Effect;
use crate::stage::keys::{Code, Key};

/// A question before something that cannot be undone.
#[derive(Clone, Debug)]
pub struct Question {
    /// What is asked.
    pub title: &'static str,
    /// What would come of it, in sentences.
    pub words: Vec<String>,
    /// What `y` does, in a word.
    pub yes: &'static str,
    /// What `n` does.
    pub no: &'static str,
    /// What is done after `y`.
    pub effects: Vec<Effect>,
}

/// What a key replies to a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reply {
    Yes,
    No,
    /// Nothing that could be taken for an answer.
    None,
}

impl Reply {
    pub(super) fn of(key: Key) -> Self {
        match key.code() {
            Code::Char('y' | 'Y') => Self::Yes,
            Code::Char('n' | 'N') | Code::Esc => Self::No,
            _ => Self::None,
        }
    }
}
