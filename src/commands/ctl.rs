//! `overbooked ctl`: steers a running debugger, for tests that need no `sleep`.

use std::io::Write as _;
use std::time::{Duration, Instant};

use color_eyre::eyre::{self, WrapErr as _};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::commands::exit::{Exit, Failure};
use crate::commands::launch;
use crate::core::error_chain::with_causes;
use crate::debugger::control::{
    self, Address, Answer, AnswerRequest, BreakpointsRequest, Client, ClientError, Expression,
    ExpressionError, Found, HoldRequest, ReleaseRequest, Released, Standing, WaitRequest,
};
use crate::debugger::guests::State;

pub mod arguments;
mod standing;

use arguments::{CtlArgs, CtlCommand, WaitArgs};

/// How often it is looked whether a debugger has come, for whoever waits for one.
const LOOK: Duration = Duration::from_millis(20);

/// Asks the debugger, and says what it has answered.
pub fn run(arguments: &CtlArgs) -> eyre::Result<Exit> {
    let named = arguments.socket.as_deref().map(address).transpose()?;
    let runtime = launch::one_thread().wrap_err("cannot start the runtime")?;
    runtime.block_on(obey(arguments, named.as_ref()))
}

fn address(text: &str) -> Result<Address, Failure> {
    text.parse().map_err(|error| Failure::misuse(format!("--socket: {error}")))
}

async fn obey(arguments: &CtlArgs, named: Option<&Address>) -> eyre::Result<Exit> {
    let asking = Asking { named };
    match &arguments.command {
        CtlCommand::State { json } => asking.state(*json).await,
        CtlCommand::Wait(wait) => asking.wait(wait).await,
        CtlCommand::Release { names, all, together } => {
            let whom = (!all).then(|| names.clone());
            let (all, together) = (*all, *together);
            let asked = ReleaseRequest { names: whom, all, together, name: None };
            asking.release(&asked).await
        }
        CtlCommand::Answer { name, code } => {
            let asked = AnswerRequest { name: name.clone(), answer: code.clone() };
            asking.order("/answer", &asked).await
        }
        CtlCommand::Hold { mode } => {
            asking.order("/hold", &HoldRequest { mode: mode.clone() }).await
        }
        CtlCommand::Break { rules } => {
            let asked = BreakpointsRequest { breakpoints: rules.clone() };
            asking.order("/breakpoints", &asked).await
        }
    }
}

/// Whom to ask.
struct Asking<'a> {
    /// Nothing where it is to be found.
    named: Option<&'a Address>,
}

impl Asking<'_> {
    async fn connect(&self) -> Result<Client, Failure> {
        if let Some(address) = self.named {
            return Client::connect(address).await.map_err(|error| unreachable(&error));
        }
        match control::find(&control::folders()).await {
            Found::One(address) => {
                Client::connect(&address).await.map_err(|error| unreachable(&error))
            }
            Found::Nobody => Err(Failure::unreachable(
                "no debugger of yours is running; start `overbooked debug`, or say where it is \
                 with --socket",
            )),
            Found::Several(all) => {
                let all: Vec<_> = all.iter().map(|it| format!("\n  --socket {it}")).collect();
                let words = "several debuggers of yours are running; say which:";
                Err(Failure::misuse(format!("{words}{}", all.concat())))
            }
        }
    }

    /// The same, once there is one, if that is before the deadline.
    #[expect(clippy::disallowed_methods, reason = "nobody tells that a debugger has come")]
    async fn connect_until(&self, deadline: Instant) -> Result<Client, Failure> {
        loop {
            match self.connect().await {
                Err(failure)
                    if failure.exit == Exit::Unreachable && Instant::now() + LOOK < deadline =>
                {
                    tokio::time::sleep(LOOK).await;
                }
                connected => return connected,
            }
        }
    }

    async fn state(&self, as_json: bool) -> eyre::Result<Exit> {
        let answer = self.connect().await?.get::<State>("/state").await;
        let state = done(answer)?;
        if as_json {
            say(&serde_json::to_string_pretty(&state)?)?;
        } else {
            standing::lines(&state).iter().try_for_each(|line| say(line))?;
        }
        Ok(Exit::Fine)
    }

    async fn wait(&self, wait: &WaitArgs) -> eyre::Result<Exit> {
        let expression = wait.expression.join(" ");
        // What is wrong in it is wrong without a debugger, too.
        let expression: Expression = expression
            .parse()
            .map_err(|error: ExpressionError| Failure::misuse(error.to_string()))?;
        let deadline = Instant::now() + wait.timeout;
        let mut client = self.connect_until(deadline).await?;
        let left = deadline.saturating_duration_since(Instant::now());
        let timeout_ms = Some(u64::try_from(left.as_millis()).unwrap_or(u64::MAX));
        let asked = WaitRequest { expression: expression.to_string(), timeout_ms };
        let answer = client.post::<Standing>("/wait", &asked, left).await;
        done(answer)?;
        Ok(Exit::Fine)
    }

    async fn release(&self, asked: &ReleaseRequest) -> eyre::Result<Exit> {
        let Released { released, met } = self.ask("/release", asked).await?;
        if asked.together {
            say(&match met.len() {
                0 => format!("nobody came to the gate: {}", released.join(", ")),
                1 => format!("nobody else came to the gate: {}", met.join(", ")),
                _ => format!("met inside the statement: {}", met.join(", ")),
            })?;
        }
        Ok(Exit::Fine)
    }

    /// Has something done of which there is nothing to be said.
    async fn order(&self, path: &str, asked: &impl Serialize) -> eyre::Result<Exit> {
        let _: Standing = self.ask(path, asked).await?;
        Ok(Exit::Fine)
    }

    async fn ask<T: DeserializeOwned>(
        &self,
        path: &str,
        asked: &impl Serialize,
    ) -> Result<T, Failure> {
        done(self.connect().await?.post(path, asked, Duration::ZERO).await)
    }
}

fn unreachable(error: &ClientError) -> Failure {
    Failure::unreachable(with_causes(error))
}

/// What has come of it.
fn done<T>(answer: Result<Answer<T>, ClientError>) -> Result<T, Failure> {
    match answer.map_err(|error| unreachable(&error))? {
        Answer::Done(done) => Ok(done),
        Answer::Misuse(refused) => Err(Failure::misuse(refused.error)),
        Answer::NotSo(refused) => Err(Failure { exit: Exit::Broken, sentence: refused.error }),
    }
}

fn say(line: &str) -> std::io::Result<()> {
    writeln!(std::io::stdout(), "{line}")
}
