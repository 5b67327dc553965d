//! What can be asked of a debugger, as clap reads it.

use std::time::Duration;

use clap::{Args, Subcommand};

use crate::debugger::control::MOST_PATIENCE;

/// Which debugger, and what it is asked.
#[derive(Debug, Args)]
#[command(after_help = "\
Exit codes: 0 done, or so; 1 not so, or not possible as things stand; 2 wrong usage; 3 no debugger \
can be reached.
docs/control.md in the source tree has the expressions, and the same by HTTP.")]
pub struct CtlArgs {
    /// The debugger that was started with this --control; without it, the one that is running
    #[arg(long, value_name = "PATH|ADDRESS:PORT", env = "OVERBOOKED_CONTROL", global = true)]
    pub socket: Option<String>,
    /// What it is asked.
    #[command(subcommand)]
    pub command: CtlCommand,
}

/// What a debugger is asked.
#[derive(Debug, Subcommand)]
pub enum CtlCommand {
    /// Print who is held, who waits, who runs
    State {
        /// As JSON, with everything there is to know
        #[arg(long)]
        json: bool,
    },
    /// Wait until this is so: 'alice held and bob held'
    Wait(WaitArgs),
    /// Let held statements go, in this order
    Release {
        /// Whose
        #[arg(value_name = "NAME", required_unless_present = "all")]
        names: Vec<String>,
        /// Everything that is held
        #[arg(long, conflicts_with = "names")]
        all: bool,
        /// At the same instant, inside the table that `debug --gate` names
        #[arg(long)]
        together: bool,
    },
    /// Answer a held statement in the server's place
    Answer {
        /// Whose
        name: String,
        /// 57014, 40001, 40P01, OC000, 55P03; cut: the connection ends before the statement goes
        /// to the server; cut-after: it goes, and the connection ends before its answer
        code: String,
    },
    /// Say what is held from now on
    Hold {
        /// watch (nothing), breakpoints or everything
        mode: String,
    },
    /// Put these breakpoints in the place of those before; without one, what touches a watched
    /// table is held
    Break {
        /// 'write seats', commit, 'actor alice', 'after read seats before write seats'
        #[arg(value_name = "RULE")]
        rules: Vec<String>,
    },
}

/// What is waited for.
#[derive(Debug, Args)]
#[command(after_help = "\
alice held          a statement of hers is held; alice held 'update seats': it begins so, or names \
the table
alice waits         her statement waits for somebody, as for a lock
alice running       the server has a statement of hers, and has not answered it
alice idle          her transaction is open, and she has sent nothing more
alice ended         her last transaction is over; alice gone: its connection is closed, too
2 held              at least two are held; nothing held: none is
listening           programs can connect
These are put together with and, or, not and parentheses.")]
pub struct WaitArgs {
    /// What is to be so
    #[arg(value_name = "EXPRESSION", required = true)]
    pub expression: Vec<String>,
    /// How long to wait, also for the debugger itself to come: 500ms, 10s, 2min
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = duration)]
    pub timeout: Duration,
}

fn duration(text: &str) -> Result<Duration, String> {
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let wrong = || "must be a number with a unit (ms, s or min), such as 10s".to_owned();
    let scale = match unit.trim() {
        "ms" => 1e-3,
        "s" => 1.0,
        "min" => 60.0,
        _ => return Err(wrong()),
    };
    let number: f64 = number.parse().map_err(|_| wrong())?;
    let duration = Duration::try_from_secs_f64(number * scale).ok();
    let fits = duration.filter(|duration| *duration <= MOST_PATIENCE);
    fits.ok_or_else(|| "must be at most an hour".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_a_number_and_a_unit() {
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(duration("1.5 s"), Ok(Duration::from_millis(1500)));
        assert_eq!(duration("2min"), Ok(Duration::from_mins(2)));
        for text in ["10", "s", "-1s", "", "1.2.3s", "1h"] {
            assert!(duration(text).unwrap_err().contains("such as 10s"), "{text}");
        }
        assert!(duration("61min").unwrap_err().contains("an hour"));
    }
}
