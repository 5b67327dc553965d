//! `overbooked serve`: the engine for other people's clients, until somebody ends it.

use std::io::{self, Write as _};
use std::sync::Arc;
use std::time::Duration;

use color_eyre::eyre::{self, WrapErr as _};
use etcetera::BaseStrategy as _;
use tokio::sync::{mpsc, oneshot};

use crate::commands::cli::{EngineChoice, ServeArgs};
use crate::commands::exit::{Exit, Failure};
use crate::commands::launch;
use crate::core::error_chain::with_causes;
use crate::core::scenario::{EngineKind, Isolation};
use crate::debugger::refuser::Refuser;
use crate::gateway::{
    Certificate, Gateway, GatewayError, Limits, Mode, Options, Sizes, StatementHooks, Strictness,
    Users,
};

/// Serves until a signal ends it.
pub fn run(arguments: &ServeArgs) -> eyre::Result<Exit> {
    let runtime = launch::many_clients().wrap_err("cannot start the runtime")?;
    runtime.block_on(serve(arguments))
}

async fn serve(arguments: &ServeArgs) -> eyre::Result<Exit> {
    let certificate = certificate(arguments)?;
    let isolation = isolation(arguments)?;
    let engines = launch::engine(&arguments.engine).await?;
    let open_engine = engines.open(EngineKind::Postgres).await.map_err(Failure::from)?;
    if arguments.dsql && arguments.engine.engine == Some(EngineChoice::Postgres) {
        let words = "--dsql is about the optimistic engine; remove --engine postgres";
        return Err(Failure::misuse(words).into());
    }
    let mode = match arguments.engine.engine {
        Some(EngineChoice::Postgres) => Mode::PassThrough,
        Some(EngineChoice::Optimistic) | None => Mode::Optimistic,
    };
    let (refuser, lines) = Refuser::new(arguments.refuse.iter().cloned());
    let refuser = (!arguments.refuse.is_empty()).then_some(refuser);
    let strictness = if arguments.dsql { Strictness::Dsql } else { Strictness::Lenient };
    let sizes = arguments.dsql.then(Sizes::default);
    let options = Options {
        limits: Limits { sizes, ..Limits::default() },
        mode,
        strictness,
        wording: arguments.wording,
        // Somebody else's server has roles of its own.
        users: if arguments.engine.url.is_none() { Users::Clients } else { Users::Gateway },
        hooks: refuser.clone().map(|refuser| refuser as Arc<dyn StatementHooks>),
        listen: vec![arguments.listen],
        password_file: arguments.password_file.clone(),
        certificate,
        ..Options::new(match isolation {
            Some(level) => open_engine.target.with_parameter(DEFAULT_ISOLATION, level.as_sql()),
            None => open_engine.target,
        })
    };
    let served = match Gateway::start(options).await {
        Ok(gateway) => {
            let told = Printer::start(lines);
            let served = until_told_to_stop(gateway, mode).await;
            if let Some(refuser) = refuser {
                told.finish(refuser.finish()).await;
            }
            served
        }
        Err(error) => Err(refused(&error).into()),
    };
    launch::stop(&engines).await?;
    served
}

const DEFAULT_ISOLATION: &str = "default_transaction_isolation";

/// The level of clients' transactions that do not name one: the optimistic engine knows a single
/// one.
fn isolation(arguments: &ServeArgs) -> Result<Option<Isolation>, Failure> {
    match (arguments.engine.isolation, arguments.engine.engine) {
        (level, Some(EngineChoice::Postgres)) => Ok(level),
        (None | Some(Isolation::RepeatableRead), _) => Ok(None),
        (Some(level), _) => Err(Failure::misuse(format!(
            "--isolation: the optimistic engine does not offer {}, since all its transactions are \
             repeatable read; use --engine postgres",
            level.as_sql()
        ))),
    }
}

async fn until_told_to_stop(gateway: Gateway, mode: Mode) -> eyre::Result<Exit> {
    let interrupted = launch::interruption().wrap_err("cannot listen for signals")?;
    // A script that has read the address may have closed the pipe; who asked to be served still
    // wants it.
    if let Err(error) = announce(&gateway, mode) {
        tracing::info!(%error, "nobody reads where the gateway is");
    }
    launch::name(gateway.doubts());
    interrupted.cancelled().await;
    gateway.stop().await;
    Ok(Exit::Interrupted)
}

/// Prints the lines that are told while it serves: in a thread of its own, since whoever has asked
/// to be served may not read them.
struct Printer {
    last: oneshot::Sender<String>,
    printed: oneshot::Receiver<()>,
}

impl Printer {
    fn start(mut lines: mpsc::Receiver<String>) -> Self {
        let (last, at_last) = oneshot::channel::<String>();
        let (done, printed) = oneshot::channel();
        std::thread::spawn(move || {
            while let Some(line) = lines.blocking_recv() {
                print(&format!("{line}\n"));
            }
            if let Ok(text) = at_last.blocking_recv() {
                print(&text);
            }
            let _ = done.send(());
        });
        Self { last, printed }
    }

    /// Prints this after all lines. A reader who does not read is not waited for.
    async fn finish(self, text: String) {
        let _ = self.last.send(text);
        if tokio::time::timeout(PATIENCE, self.printed).await.is_err() {
            tracing::info!("nobody reads what is refused");
        }
    }
}

/// How long a reader may take at the end.
const PATIENCE: Duration = Duration::from_secs(1);

fn print(text: &str) {
    let mut out = std::io::stdout().lock();
    if let Err(error) = out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        tracing::info!(%error, "nobody reads what is refused");
    }
}

/// The first line is the address, for scripts that took port 0. All of it is written at once: a
/// script may read no further.
fn announce(gateway: &Gateway, mode: Mode) -> io::Result<()> {
    let mut text = Vec::new();
    if let Some(address) = gateway.address() {
        writeln!(text, "listening on {address}")?;
        let user = match mode {
            Mode::Optimistic => "alice",
            Mode::PassThrough => gateway.target().user(),
        };
        writeln!(
            text,
            "try: psql \"host={} port={} user={} dbname={}\"",
            address.ip(),
            address.port(),
            quoted(user),
            quoted(gateway.target().database())
        )?;
    }
    if let Some(path) = gateway.certificate() {
        writeln!(text, "TLS: sslmode=verify-full host=localhost sslrootcert={}", path.display())?;
    }
    let mut out = std::io::stdout().lock();
    out.write_all(&text)?;
    out.flush()
}

/// A value of a connection string (PostgreSQL documentation, 34.1.1.1).
fn quoted(value: &str) -> String {
    let is_plain = |letter: char| letter.is_alphanumeric() || "_-.".contains(letter);
    if !value.is_empty() && value.chars().all(is_plain) {
        return value.to_owned();
    }
    format!("'{}'", value.replace('\\', "\\\\").replace('\'', "\\'"))
}

fn certificate(arguments: &ServeArgs) -> Result<Certificate, Failure> {
    if let (Some(certificate), Some(key)) = (&arguments.tls_cert, &arguments.tls_key) {
        return Ok(Certificate::Files { certificate: certificate.clone(), key: key.clone() });
    }
    let nowhere = |why: String| {
        Failure::misuse(format!(
            "there is nowhere to keep a self-signed certificate ({why}); use --tls-cert and \
             --tls-key"
        ))
    };
    let folders = etcetera::choose_base_strategy().map_err(|error| nowhere(error.to_string()))?;
    let folder = folders.data_dir().join("overbooked");
    std::fs::create_dir_all(&folder).map_err(|error| nowhere(error.to_string()))?;
    Ok(Certificate::SelfSigned { folder })
}

fn refused(error: &GatewayError) -> Failure {
    Failure::misuse(with_causes(error))
}
