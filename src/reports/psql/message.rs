//! Errors and notices as psql prints them (PostgreSQL sources, `fe-protocol3.c`).

use unicode_width::UnicodeWidthChar;

use super::visible::{one_line, turns_around, visible};
use crate::core::event::octets::is_byte;
use crate::core::event::{Pid, ServerMessage};

/// How much of a message is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verbosity {
    /// psql's default: no SQLSTATE.
    Default,
    /// The same with the SQLSTATE in front of the message, where psql's `verbose` has it.
    WithCode,
}

/// An error's or a notice's lines. `sql` is the submission that it answers, for the `LINE` under
/// it.
pub fn message(message: &ServerMessage, sql: &str, verbosity: Verbosity) -> Vec<String> {
    let ServerMessage { severity, code, message: primary, .. } = message;
    let first = match verbosity {
        Verbosity::WithCode if !code.is_empty() => format!("{severity}:  {code}: {primary}"),
        _ => format!("{severity}:  {primary}"),
    };
    let mut lines = shown(&first);
    lines.extend(position(message, sql).into_iter().flatten());
    for (label, text) in further(message) {
        lines.extend(shown(&format!("{label}:  {text}")));
    }
    lines
}

/// An error or a notice as libpq gives it to a program: the same lines, with every character as the
/// server sent it.
pub fn libpq_message(message: &ServerMessage, sql: &str) -> String {
    let first = format!("{}:  {}", message.severity, message.message);
    let place = position(message, sql).into_iter().flatten();
    let rest = further(message).map(|(label, text)| format!("{label}:  {text}"));
    std::iter::once(first).chain(place).chain(rest).map(|line| line + "\n").collect()
}

/// A notification's line.
pub fn notification(channel: &str, payload: &str, from: Pid) -> String {
    let (channel, payload) = (one_line(channel), one_line(payload));
    let with = match payload.as_str() {
        "" => String::new(),
        payload => format!(" with payload \"{payload}\""),
    };
    if !from.is_of_database() {
        return format!("Asynchronous notification \"{channel}\"{with} received.");
    }
    format!(
        "Asynchronous notification \"{channel}\"{with} received from server process with PID \
         {from}."
    )
}

fn shown(text: &str) -> Vec<String> {
    visible(text).into_iter().map(|line| line.text).collect()
}

fn field(message: &ServerMessage, letter: char) -> Option<&str> {
    message.more.iter().find(|(known, _)| *known == letter).map(|(_, text)| text.as_str())
}

/// What follows the message. A notice's context is not told: psql's `SHOW_CONTEXT` is `errors`.
fn further(message: &ServerMessage) -> impl Iterator<Item = (&'static str, &str)> {
    let is_error = matches!(message.severity.as_str(), "ERROR" | "FATAL" | "PANIC");
    let context = message.context.as_deref().filter(|_| is_error);
    [
        ("DETAIL", message.detail.as_deref()),
        ("HINT", message.hint.as_deref()),
        ("QUERY", field(message, 'q')),
        ("CONTEXT", context),
    ]
    .into_iter()
    .filter_map(|(label, text)| Some((label, text?)))
}

fn position(message: &ServerMessage, sql: &str) -> Option<[String; 2]> {
    if let Some(at) = message.position {
        return Excerpt::new(sql, at as usize).map(|excerpt| excerpt.lines());
    }
    let at: usize = field(message, 'p')?.parse().ok()?;
    Excerpt::new(field(message, 'q')?, at).map(|excerpt| excerpt.lines())
}

/// libpq shows this many columns of a long line.
const DISPLAY: usize = 60;
/// It tries to keep the mark this far from the right end.
const MARGIN: usize = 10;

/// The line of the SQL that an error points into.
struct Excerpt {
    line: usize,
    /// The line's characters, each with its width.
    characters: Vec<(char, usize)>,
    /// Which of them is meant; one more than the last for the end.
    mark: usize,
}

impl Excerpt {
    /// The line of the character that is meant, counted from 1.
    fn new(sql: &str, at: usize) -> Option<Self> {
        let characters: Vec<char> = sql.chars().collect();
        let mark = at.checked_sub(1).filter(|mark| *mark <= characters.len())?;
        let is_end = |c: &char| matches!(c, '\n' | '\r');
        let start = characters[..mark].iter().rposition(is_end).map_or(0, |end| end + 1);
        let rest = &characters[mark..];
        let end = rest.iter().position(is_end).map_or(characters.len(), |length| mark + length);
        let before: String = characters[..start].iter().collect();
        let line = before.replace("\r\n", "\n").matches(['\n', '\r']).count() + 1;
        let characters = characters[start..end].iter().map(|&c| safe(c)).collect();
        Some(Self { line, characters, mark: mark - start })
    }

    fn lines(&self) -> [String; 2] {
        let (start, end) = self.window();
        let head = format!("LINE {}: {}", self.line, if start > 0 { "..." } else { "" });
        let text: String = self.characters[start..end].iter().map(|(c, _)| c).collect();
        let tail = if end < self.characters.len() { "..." } else { "" };
        let blanks = head.len() + self.width(start, self.mark.max(start));
        [format!("{head}{text}{tail}"), format!("{}^", " ".repeat(blanks))]
    }

    fn width(&self, start: usize, end: usize) -> usize {
        self.characters[start..end].iter().map(|(_, width)| width).sum()
    }

    /// The part of the line that is shown: the beginning if the mark is in it, else what surrounds
    /// the mark.
    fn window(&self) -> (usize, usize) {
        let (mut start, mut end) = (0, self.characters.len());
        if self.width(start, end) <= DISPLAY {
            return (start, end);
        }
        if DISPLAY < self.width(0, self.mark) + MARGIN {
            while end > self.mark && self.width(self.mark, end) > MARGIN {
                end -= 1;
            }
            while self.width(start, end) > DISPLAY {
                start += 1;
            }
        } else {
            while self.width(start, end) > DISPLAY {
                end -= 1;
            }
        }
        (start, end)
    }
}

/// A character as it is shown here, where every one must have a width: a tab is one blank.
fn safe(c: char) -> (char, usize) {
    match c {
        '\t' => (' ', 1),
        c if c.is_control() || turns_around(c) || is_byte(c) => ('\u{fffd}', 1),
        c => (c, c.width().unwrap_or(1).max(1)),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn error(position: Option<u32>) -> ServerMessage {
        ServerMessage {
            severity: "ERROR".to_owned(),
            code: "42P01".to_owned(),
            message: "relation \"seat\" does not exist".to_owned(),
            position,
            ..ServerMessage::default()
        }
    }

    #[test]
    fn an_error_points_at_its_place() {
        let lines = message(&error(Some(17)), "select *\n  from seat;", Verbosity::Default);
        assert_eq!(
            lines,
            [
                "ERROR:  relation \"seat\" does not exist",
                "LINE 2:   from seat;",
                "               ^"
            ]
        );
    }

    #[test]
    fn the_sqlstate_is_told_when_wanted() {
        let lines = message(&error(None), "", Verbosity::WithCode);
        assert_eq!(lines, ["ERROR:  42P01: relation \"seat\" does not exist"]);
    }

    proptest! {
        #[test]
        fn no_position_makes_it_panic(sql in any::<String>(), at in 0..400_u32) {
            prop_assert!(!message(&error(Some(at)), &sql, Verbosity::Default).is_empty());
        }
    }
}
