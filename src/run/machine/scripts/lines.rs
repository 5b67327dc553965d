//! The lines of a script, one after the other.

use std::time::Duration;

use super::{Failure, Line, Script, engine_kind, production, scenario};
use crate::core::event::SessionName;
use crate::run::Command;
use crate::run::machine::Machine;
use crate::run::machine::input::Input;

impl Script {
    /// Plays one line.
    pub(super) fn play(&mut self, line: &Line, out: &mut String) -> Result<(), Failure> {
        match line.words()[..] {
            ["play", file] => self.begin(file, line, out),
            ["ready", file] => self.make_ready(file, line, out),
            ["help"] => {
                self.is_helpful = true;
                Ok(())
            }
            ["stop", "helping"] => {
                self.is_helpful = false;
                Ok(())
            }
            ["wait", length] => self.wait(duration(length)?, out),
            [
                "engine" | "schema" | "server" | "backend" | "others" | "gateway" | "observer",
                ..,
            ] => self.world(line, out),
            ["leave"] => self.feed(Input::Left, out),
            _ => match command(line)? {
                Some(command) => self.feed(Input::Command(command), out),
                None => self.session_does(line, out),
            },
        }
    }

    /// `play FILE [engine=KIND]`: a run begins.
    fn begin(&mut self, file: &str, line: &Line, out: &mut String) -> Result<(), Failure> {
        let engine = line.named.get("engine").map_or("postgres", String::as_str);
        let production = production(file, engine_kind(engine)?)?;
        self.machine = Some(Machine::new(production.into()));
        self.feed(Input::Begin, out)
    }

    /// `ready FILE [engine=KIND] [kept=yes]`: everything is set up and everybody is connected, as
    /// where nothing goes wrong; only then the script begins to say what happens.
    fn make_ready(&mut self, file: &str, line: &Line, out: &mut String) -> Result<(), Failure> {
        self.is_helpful = true;
        self.is_kept = line.named.contains_key("kept");
        self.begin(file, line, out)?;
        self.is_helpful = false;
        // The first look at the tables is asked for, and nobody answers: none is asked for again.
        self.wait(Duration::from_millis(1), out)
    }
}

/// What a driver asks for, if the line is that.
fn command(line: &Line) -> Result<Option<Command>, Failure> {
    let name = SessionName::new;
    Ok(Some(match line.words()[..] {
        ["step"] => Command::Step,
        ["step", sql] => Command::StepEdited(sql.to_owned()),
        ["submit", session, sql] => Command::Submit { session: name(session), sql: sql.to_owned() },
        ["cancel", session] => Command::Cancel(name(session)),
        ["reconnect", session] => Command::Reconnect(name(session)),
        ["close", session] => Command::Close(name(session)),
        ["add"] => Command::AddSession(None),
        ["add", session] => Command::AddSession(Some(name(session))),
        ["add", "person", session] => Command::AddPerson(name(session)),
        ["give", "pane", session] => Command::GivePane(name(session)),
        ["take", "pane", session] => Command::TakePane(name(session)),
        ["goto", step] => Command::GoTo(step.parse()?),
        ["open", file] => Command::Open(scenario(file)?.into()),
        ["open", file, "on", engine] => {
            Command::OpenOn(scenario(file)?.into(), engine_kind(engine)?)
        }
        ["switch", engine] => Command::Switch(engine_kind(engine)?),
        ["again", ..] => {
            let rest = Line { words: line.words[1..].to_vec(), named: line.named.clone() };
            let command = command(&rest)?.ok_or("again what?")?;
            Command::Again(Box::new(command))
        }
        _ => return Ok(None),
    }))
}

/// `500us`, `25ms`, `3s`.
fn duration(text: &str) -> Result<Duration, Failure> {
    let unit = text.trim_start_matches(|c: char| c.is_ascii_digit());
    let number: u64 = text[..text.len() - unit.len()].parse()?;
    match unit {
        "us" => Ok(Duration::from_micros(number)),
        "ms" => Ok(Duration::from_millis(number)),
        "s" => Ok(Duration::from_secs(number)),
        _ => Err(format!("{text} is no time: 500us, 25ms, 3s").into()),
    }
}
