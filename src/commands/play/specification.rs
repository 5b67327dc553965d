//! `overbooked play X.spec --format spec`: the same bytes as `overbooked spec X.spec`.

use std::io::{self, Write};
use std::time::Duration;

use color_eyre::eyre;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::commands::exit::{Exit, Failure};
use crate::commands::spec::verdict;
use crate::core::error_chain::with_causes;
use crate::core::scenario::EngineKind;
use crate::pg::Target;
use crate::reports::isolation_output::{Stream, Telling};
use crate::run::Production;
use crate::run::engines::{Engine, Engines, Ownership};
use crate::run::specification::database::{DatabaseError, fresh_database};
use crate::run::specification::play;

/// Plays a specification as isolationtester does, and prints what it prints.
pub(super) async fn test(
    engines: &Engines,
    production: &Production,
    limit: Duration,
    out: &mut dyn Write,
    interrupted: &CancellationToken,
) -> eyre::Result<Exit> {
    let spec = &production.scenario;
    if production.engine == EngineKind::Optimistic {
        let refusal = format!("{}: --format spec needs --engine postgres", spec.name);
        return Err(Failure::misuse(refusal).into());
    }
    let opening = async { place(engines.open(production.engine).await?).await };
    let Some(target) = interrupted.run_until_cancelled(opening).await else {
        return Ok(Exit::Interrupted);
    };
    let target = target?;
    let (sink, tellings) = mpsc::unbounded_channel();
    let playing = play(spec, &target, limit, sink, interrupted);
    let (outcome, told) = tokio::join!(playing, tell(tellings, out));
    told?;
    Ok(verdict(&spec.name, outcome)?)
}

/// Somebody's own database is used as it is; on our server there is one of the name that
/// specifications know.
async fn place(open_engine: Engine) -> Result<Target, Failure> {
    match open_engine.ownership {
        Ownership::Guest => Ok(open_engine.target.in_the_encoding_of_the_database()),
        Ownership::Embedded => {
            fresh_database(&open_engine.target).await.map_err(|error| refusal(&error))
        }
    }
}

fn refusal(error: &DatabaseError) -> Failure {
    match error {
        DatabaseError::Foreign => Failure::misuse(error.to_string()),
        _ => Failure::unreachable(with_causes(error)),
    }
}

async fn tell(
    mut tellings: mpsc::UnboundedReceiver<Telling>,
    out: &mut dyn Write,
) -> io::Result<()> {
    while let Some(telling) = tellings.recv().await {
        let text = telling.octets();
        match telling.stream() {
            Stream::Output => out.write_all(&text)?,
            Stream::Error => {
                out.flush()?;
                io::stderr().write_all(&text)?;
            }
        }
    }
    out.flush()
}
