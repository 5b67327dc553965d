//! Whether the terminal is light or dark: it is asked for its background (OSC 11).
//!
//! It is asked before anything reads keys, and waited for a moment only: a terminal that knows the
//! question answers at once, and behind the question stands one that every terminal answers
//! (`DA1`), so that one that does not know it is found out as fast. An answer that comes later than
//! that, over a slow line, must not be taken for typing: `LateAnswer` lets nothing of it through.

use std::collections::VecDeque;
use std::time::Duration;

use crossterm::event::{Event, KeyCode, KeyEvent, KeyModifiers};
use nix::sys::signal::{SigSet, Signal};
use terminal_colorsaurus::{QueryOptions, background_color};

/// How long the terminal has to answer: longer than a line across an ocean takes, and short enough
/// for a terminal that never answers.
const PATIENCE: Duration = Duration::from_millis(300);

/// The built-in theme that goes with the terminal's background, if it tells.
pub fn theme() -> Option<&'static str> {
    let mut options = QueryOptions::default();
    options.timeout = PATIENCE;
    // While the question is open the terminal echoes nothing. A signal that ends the program waits
    // until it does so again; where that cannot be, nothing is asked.
    let signals = [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP, Signal::SIGQUIT];
    let held = SigSet::from_iter(signals);
    held.thread_block().ok()?;
    let answer = background_color(options);
    held.thread_unblock().ok()?;
    match answer {
        Ok(colour) if colour.perceived_lightness() > 0.5 => Some("light"),
        Ok(_) => Some("dark"),
        Err(error) => {
            tracing::debug!(%error, "the terminal does not tell its background");
            None
        }
    }
}

/// How an answer begins, behind its `ESC ]`.
const BEGIN: &str = "11;rgb:";

/// Takes an answer that comes late out of the keys, as which crossterm reads it: Alt-], then each
/// of its characters, then Ctrl-G or Alt-\.
#[derive(Debug, Default)]
pub(super) struct LateAnswer {
    /// What has come of it; nothing while none has begun.
    held: VecDeque<Event>,
}

impl LateAnswer {
    /// What of the keys is to be let through, now that this one has come.
    pub(super) fn take(&mut self, event: Event) -> Vec<Event> {
        if begins(&event) {
            let before = self.let_go();
            self.held.push_back(event);
            return before;
        }
        if self.held.is_empty() {
            return vec![event];
        }
        if ends(&event) && self.held.len() > BEGIN.len() {
            self.held.clear();
            return Vec::new();
        }
        let is_part = self.is_next(&event);
        self.held.push_back(event);
        if is_part { Vec::new() } else { self.let_go() }
    }

    fn let_go(&mut self) -> Vec<Event> {
        self.held.drain(..).collect()
    }

    fn is_next(&self, event: &Event) -> bool {
        let Event::Key(KeyEvent { code: KeyCode::Char(letter), modifiers, .. }) = event else {
            return false;
        };
        let so_far = self.held.len() - 1;
        // `rgb:` and three numbers of up to four digits.
        let is_wanted = match BEGIN.chars().nth(so_far) {
            Some(wanted) => *letter == wanted,
            None => (letter.is_ascii_hexdigit() || *letter == '/') && so_far < BEGIN.len() + 14,
        };
        is_wanted && (*modifiers - KeyModifiers::SHIFT).is_empty()
    }
}

fn begins(event: &Event) -> bool {
    is_key(event, ']', KeyModifiers::ALT)
}

fn ends(event: &Event) -> bool {
    is_key(event, 'g', KeyModifiers::CONTROL) || is_key(event, '\\', KeyModifiers::ALT)
}

fn is_key(event: &Event, letter: char, held: KeyModifiers) -> bool {
    matches!(event, Event::Key(key) if key.code == KeyCode::Char(letter) && key.modifiers == held)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(letter: char, held: KeyModifiers) -> Event {
        Event::Key(KeyEvent::new(KeyCode::Char(letter), held))
    }

    fn typed(text: &str) -> Vec<Event> {
        text.chars().map(|letter| key(letter, KeyModifiers::NONE)).collect()
    }

    /// An answer as crossterm reads it.
    fn answer(body: &str, end: Event) -> Vec<Event> {
        let mut events = vec![key(']', KeyModifiers::ALT)];
        events.extend(typed(body));
        events.push(end);
        events
    }

    fn let_through(events: Vec<Event>) -> Vec<Event> {
        let mut late = LateAnswer::default();
        events.into_iter().flat_map(|event| late.take(event)).collect()
    }

    #[test]
    fn an_answer_is_never_typed() {
        let ends = [key('g', KeyModifiers::CONTROL), key('\\', KeyModifiers::ALT)];
        for end in ends {
            for body in ["11;rgb:1e1e/1e1e/2e2e", "11;rgb:ff/ff/ff"] {
                let mut events = typed("se");
                events.extend(answer(body, end.clone()));
                events.extend(typed("lect"));
                assert_eq!(let_through(events), typed("select"), "{body}");
            }
        }
    }

    #[test]
    fn what_merely_begins_like_one_is_let_through_in_order() {
        for body in ["11;rgx", "1", "11;rgb:zz", "11;rgb:ffff/ffff/ffff/ffff"] {
            let events = answer(body, key('!', KeyModifiers::NONE));
            assert_eq!(let_through(events.clone()), events, "{body}");
        }
        let paste = Event::Paste("11;rgb:".to_owned());
        let events = vec![key(']', KeyModifiers::ALT), paste];
        assert_eq!(let_through(events.clone()), events);
    }
}
