//! A sentence for whoever pressed a key.

use crate::core::event::SessionName;

/// How urgent a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// Good to know.
    Plain,
    /// Something did not happen that was asked for.
    Refusal,
}

/// A sentence, until the next key, or until it no longer holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    text: String,
    tone: Tone,
    /// The session of which it says that it cannot take a statement.
    about: Option<SessionName>,
}

impl Message {
    /// Something that is good to know.
    pub(super) fn plain(text: impl Into<String>) -> Self {
        Self { text: text.into(), tone: Tone::Plain, about: None }
    }

    /// That something did not happen.
    pub(super) fn refusal(text: impl Into<String>) -> Self {
        Self { text: text.into(), tone: Tone::Refusal, about: None }
    }

    /// The same, and it holds for as long as this session cannot take a statement.
    #[must_use]
    pub(super) fn because_of(self, session: &SessionName) -> Self {
        Self { about: Some(session.clone()), ..self }
    }

    pub fn text(&self) -> &str {
        &self.text
    }

    /// How urgent it is.
    pub fn tone(&self) -> Tone {
        self.tone
    }

    /// Whether it holds for as long as this session cannot take a statement.
    pub(super) fn is_about(&self, session: &SessionName) -> bool {
        self.about.as_ref() == Some(session)
    }
}
