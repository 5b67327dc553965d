//! The setting in which a session says who it is, as its statements change it.

use std::ops::Range;

use super::ACTOR_SETTING;
use crate::core::event::TransactionStatus;
use crate::core::syntax::{self, Strings, Verb, Word, WordKind, begins, verb};

/// The setting, which may have a value.
#[derive(Clone, Debug)]
pub(super) struct Setting {
    start_up: Option<String>,
    session: Option<String>,
    /// Of SET LOCAL.
    local: Option<Option<String>>,
    /// What the session had when the transaction began that has changed it.
    before: Option<Option<String>>,
}

/// One statement's words.
pub(super) struct Part(Vec<Word>);

/// The statements of a text.
pub(super) fn parts(sql: &str, strings: Strings) -> Vec<Part> {
    let parts = syntax::split(sql, strings).into_iter();
    parts.map(|part| Part(syntax::words(part.body(), strings))).collect()
}

impl Part {
    /// What the server will say when it has run.
    pub(super) fn status_after(&self, status: TransactionStatus) -> TransactionStatus {
        match verb(&self.0) {
            Verb::Begin if status == TransactionStatus::Idle => TransactionStatus::InTransaction,
            Verb::Commit | Verb::Rollback => TransactionStatus::Idle,
            _ => status,
        }
    }
}

/// How long a value lasts.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Lasts {
    Session,
    Transaction,
}

impl Setting {
    pub(super) fn new(start_up: Option<String>) -> Self {
        let start_up = start_up.filter(|value| !value.is_empty());
        Self { session: start_up.clone(), start_up, local: None, before: None }
    }

    pub(super) fn value(&self) -> Option<&str> {
        self.local.as_ref().unwrap_or(&self.session).as_deref()
    }

    /// The transaction is over, and what it has set stays.
    pub(super) fn forget_transaction(&mut self) {
        (self.local, self.before) = (None, None);
    }

    pub(super) fn hear(&mut self, part: &Part, status: TransactionStatus) {
        let words = part.0.as_slice();
        match verb(words) {
            Verb::Rollback => self.roll_back(),
            // A COMMIT of a failed transaction rolls it back.
            Verb::Commit if status == TransactionStatus::Failed => self.roll_back(),
            Verb::Commit => self.forget_transaction(),
            _ if status == TransactionStatus::Failed => {}
            Verb::Set => {
                if let Some((value, lasts)) = self.set(words) {
                    self.take(value, lasts, status);
                }
            }
            Verb::Reset if resets(words) => {
                self.take(self.start_up.clone(), Lasts::Session, status);
            }
            Verb::Select => {
                if let Some((value, lasts)) = Self::set_config(words) {
                    self.take(value, lasts, status);
                }
            }
            _ => {}
        }
    }

    fn take(&mut self, value: Option<String>, lasts: Lasts, status: TransactionStatus) {
        let value = value.filter(|value| !value.is_empty());
        let is_in_block = status != TransactionStatus::Idle;
        match lasts {
            Lasts::Transaction if is_in_block => self.local = Some(value),
            // Without a block it is over at once, and PostgreSQL warns.
            Lasts::Transaction => {}
            Lasts::Session => {
                let had = std::mem::replace(&mut self.session, value);
                self.local = None;
                if is_in_block {
                    self.before.get_or_insert(had);
                }
            }
        }
    }

    fn roll_back(&mut self) {
        if let Some(before) = self.before.take() {
            self.session = before;
        }
        self.local = None;
    }

    /// `SET [SESSION | LOCAL] name = value`.
    fn set(&self, words: &[Word]) -> Option<(Option<String>, Lasts)> {
        let lasts = if words.get(1)?.is("local") { Lasts::Transaction } else { Lasts::Session };
        let has_scope = lasts == Lasts::Transaction || words.get(1)?.is("session");
        let next = name_at(words, 1 + usize::from(has_scope))?;
        words.get(next).filter(|word| word.is_mark('=') || word.is("to"))?;
        let value = words.get(next + 1)?;
        let value = if value.is("default") { self.start_up.clone() } else { Some(text(value)) };
        Some((value, lasts))
    }

    /// `set_config('name', 'value', is_local)`.
    fn set_config(words: &[Word]) -> Option<(Option<String>, Lasts)> {
        let call = (0..words.len()).find(|&at| {
            words[at].is("set_config") && words.get(at + 1).is_some_and(|word| word.is_mark('('))
        })?;
        let [name, value, is_local] = arguments(words, call + 2)?;
        let is_named = |word: &&Word| {
            word.kind == WordKind::Text && word.text.eq_ignore_ascii_case(ACTOR_SETTING)
        };
        words[name].first().filter(is_named)?;
        let value = words[value].first().filter(|word| word.kind == WordKind::Text)?;
        let is_local = words[is_local].first()?.text.to_ascii_lowercase();
        // `true`, `'t'`, `'on'`, `'1'`: as PostgreSQL reads a boolean.
        let is_local = ["t", "true", "on", "1", "y", "yes"].contains(&is_local.as_str());
        let lasts = if is_local { Lasts::Transaction } else { Lasts::Session };
        Some((Some(text(value)), lasts))
    }
}

fn resets(words: &[Word]) -> bool {
    begins(words, &["reset", "all"])
        || begins(words, &["discard", "all"])
        || words[0].is("reset") && name_at(words, 1).is_some()
}

/// The place behind the setting's name, if that stands here.
fn name_at(words: &[Word], at: usize) -> Option<usize> {
    let mut next = at;
    for (nth, part) in ACTOR_SETTING.split('.').enumerate() {
        if nth > 0 {
            words.get(next).filter(|word| word.is_mark('.'))?;
            next += 1;
        }
        let name = words.get(next)?.name()?;
        // Names of settings have no case, in quotes either.
        name.eq_ignore_ascii_case(part).then_some(())?;
        next += 1;
    }
    Some(next)
}

/// The three arguments of a call whose first begins here.
fn arguments(words: &[Word], from: usize) -> Option<[Range<usize>; 3]> {
    let mut depth = 0_usize;
    let mut commas = Vec::new();
    for (at, word) in words.iter().enumerate().skip(from) {
        match () {
            () if word.is_mark('(') => depth += 1,
            () if word.is_mark(')') && depth == 0 => {
                let [one, two] = commas[..] else { return None };
                return Some([from..one, one + 1..two, two + 1..at]);
            }
            () if word.is_mark(')') => depth -= 1,
            () if word.is_mark(',') && depth == 0 => commas.push(at),
            () => {}
        }
    }
    None
}

/// A value as it is written: a string without its doubled quotes, or a name.
fn text(word: &Word) -> String {
    match word.kind {
        WordKind::Text => word.text.replace("''", "'"),
        _ => word.text.clone(),
    }
}
