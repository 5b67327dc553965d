//! The engine and the run's schema on it: what takes long there is done beside everything else.

use std::future::pending;

use futures::StreamExt as _;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use tokio::time::timeout;

use crate::core::error_chain::with_causes;
use crate::core::scenario::EngineKind;
use crate::gateway::News;
use crate::observer::flavor;
use crate::run::engines::{EngineError, Engines, OpenEngine};
use crate::run::etcd_source::EtcdSource;
use crate::run::guests::Entrance;
use crate::run::machine::SCHEMA_PREFIX;
use crate::run::machine::input::{EngineFacts, EngineOpened, Input};
use crate::run::machine::output::EngineRequest;
use crate::run::machine::teardown::TIDY_UP;
use crate::run::parting::Parting;
use crate::run::schema::{RunSchema, SchemaError, cancel_backend, end_backend};

/// The engine that is played on, and what is being done there.
pub(super) struct EnginePort {
    engines: Engines,
    parting: Parting,
    engine: Option<OpenEngine>,
    schema: Option<RunSchema>,
    under_way: FuturesUnordered<BoxFuture<'static, Done>>,
}

/// What has been done.
enum Done {
    /// The server lives; the engine of that kind is wanted.
    Alive(EngineKind, Result<bool, EngineError>),
    /// An engine is open, and this became of the schemas of dead runs.
    Opened(Box<Result<(OpenEngine, Vec<String>), EngineError>>),
    SchemaMade(Result<RunSchema, SchemaError>),
    /// Something of which no more than this is left.
    Other(Input),
}

impl EnginePort {
    /// Nothing is open yet.
    pub(super) fn new(engines: Engines, parting: Parting) -> Self {
        let under_way = FuturesUnordered::new();
        Self { engines, parting, engine: None, schema: None, under_way }
    }

    /// The engine, while it is open.
    pub(super) fn open(&self) -> Option<&OpenEngine> {
        self.engine.as_ref()
    }

    /// The engine, while it is open.
    pub(super) fn open_mut(&mut self) -> Option<&mut OpenEngine> {
        self.engine.as_mut()
    }

    /// The etcd of sessions that speak to one.
    pub(super) fn etcd(&self) -> &EtcdSource {
        self.engines.etcd()
    }

    /// The way in for the programs that are debugged, if any are.
    pub(super) fn entrance(&self) -> Option<&Entrance> {
        self.engines.entrance.as_ref()
    }

    /// The next thing that comes from there. Nothing is lost if the wait is given up.
    pub(super) async fn next(&mut self) -> Input {
        loop {
            let Self { under_way, engine, .. } = self;
            let done = tokio::select! {
                biased;
                Some(done) = under_way.next(), if !under_way.is_empty() => done,
                news = next_news(engine) => return Input::News(news),
            };
            if let Some(input) = self.take(done) {
                return input;
            }
        }
    }

    /// Begins with what is asked.
    pub(super) fn ask(&mut self, request: EngineRequest) {
        match request {
            EngineRequest::Open(kind) => {
                let engines = self.engines.clone();
                self.begin(async move { Done::Alive(kind, engines.revive().await) });
            }
            EngineRequest::Revive => {
                let engines = self.engines.clone();
                self.begin(async move {
                    let revived = engines.revive().await.map_err(|error| with_causes(&error));
                    Done::Other(Input::Revived(revived))
                });
            }
            EngineRequest::Close => {
                let engine = self.engine.take();
                self.begin(async move {
                    close(engine).await;
                    Done::Other(Input::EngineClosed)
                });
            }
            EngineRequest::MakeSchema => self.make_schema(),
            EngineRequest::DropSchema => self.drop_schema(),
            EngineRequest::EndBackend(backend) => {
                let Some(pool) = self.engine.as_ref().map(|engine| engine.pool.clone()) else {
                    return;
                };
                self.begin(async move {
                    let ended = end_backend(&pool, backend).await;
                    Done::Other(Input::BackendEnded(ended.is_ok()))
                });
            }
            EngineRequest::CancelBackend(backend) => {
                let Some(pool) = self.engine.as_ref().map(|engine| engine.pool.clone()) else {
                    return;
                };
                // Beside everything else: what comes of it, the client is told.
                tokio::spawn(async move {
                    if let Err(error) = cancel_backend(&pool, backend).await {
                        tracing::warn!(%error, "a guest's statement cannot be cancelled");
                    }
                });
            }
            EngineRequest::AwaitOthers => {
                let silent = self.parting.is_silent();
                self.begin(async move {
                    silent.await;
                    Done::Other(Input::OthersSilent)
                });
            }
            EngineRequest::GiveUp => self.under_way.clear(),
        }
    }

    fn begin(&self, job: impl Future<Output = Done> + Send + 'static) {
        self.under_way.push(Box::pin(job));
    }

    fn make_schema(&self) {
        let Some(pool) = self.engine.as_ref().map(|engine| engine.pool.clone()) else { return };
        self.begin(async move { Done::SchemaMade(RunSchema::create(&pool, SCHEMA_PREFIX).await) });
    }

    fn drop_schema(&mut self) {
        let Some(schema) = self.schema.take() else { return };
        self.begin(async move {
            let dropped = schema.drop().await.map_err(|error| error.to_string());
            Done::Other(Input::SchemaDropped(dropped))
        });
    }

    /// Keeps what is ours, and says the rest.
    fn take(&mut self, done: Done) -> Option<Input> {
        match done {
            Done::Alive(kind, Ok(_)) => self.go_to(kind),
            Done::Alive(_, Err(error)) => Some(Input::EngineOpened(Err(with_causes(&error)))),
            Done::Opened(opened) => {
                let opened = opened.map(|(engine, swept)| {
                    let facts = facts(&engine);
                    self.engine = Some(engine);
                    EngineOpened { facts, swept }
                });
                Some(Input::EngineOpened(opened.map_err(|error| with_causes(&error))))
            }
            Done::SchemaMade(Ok(schema)) => {
                let name = schema.name().to_owned();
                self.schema = Some(schema);
                Some(Input::SchemaMade(Ok(name)))
            }
            Done::SchemaMade(Err(error)) => Some(Input::SchemaMade(Err(with_causes(&error)))),
            Done::Other(input) => Some(input),
        }
    }

    /// Goes to the engine of that kind, unless that is where we are.
    fn go_to(&mut self, kind: EngineKind) -> Option<Input> {
        if let Some(engine) = self.engine.as_ref().filter(|engine| engine.kind == kind) {
            let opened = EngineOpened { facts: facts(engine), swept: Vec::new() };
            return Some(Input::EngineOpened(Ok(opened)));
        }
        let (last, engines) = (self.engine.take(), self.engines.clone());
        self.begin(async move {
            close(last).await;
            let opened = async {
                let engine = engines.open(kind).await?;
                OpenEngine::open(kind, engine, engines.entrance.as_ref()).await
            };
            Done::Opened(Box::new(opened.await))
        });
        None
    }
}

/// A server that does not answer need not be said goodbye to.
async fn close(engine: Option<OpenEngine>) {
    if let Some(engine) = engine {
        let _ = timeout(TIDY_UP, engine.close()).await;
    }
}

/// Of somebody's own server it is known only now what it is.
fn facts(engine: &OpenEngine) -> EngineFacts {
    let flavor = engine.observer.flavor();
    EngineFacts {
        kind: match engine.kind {
            EngineKind::Optimistic => EngineKind::Optimistic,
            _ => flavor.kind.for_expectations(),
        },
        product: flavor.product.clone(),
        place: engine.engine.place.clone(),
        isolation: engine.isolation,
        is_alone: flavor.kind == flavor::EngineKind::Optimistic,
        is_kept: engine.engine.is_kept,
    }
}

/// The next piece of news from the gateway; without one, nothing ever.
async fn next_news(engine: &mut Option<OpenEngine>) -> News {
    match engine {
        Some(engine) => engine.news().await,
        None => pending().await,
    }
}
