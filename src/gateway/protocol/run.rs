//! One statement, whichever way it came: held by the hooks, let in, sent, answered, and what
//! follows from it.

use std::sync::Arc;

use super::Protocol;
use super::held::Held;
use super::queue::Does;
use super::reply::Submitted;
use crate::gateway::backend::BackendError;
use crate::gateway::dsql::Strictness;
use crate::gateway::facade::Done;
use crate::gateway::hooks::{Form, Parameter, StatementContext, StatementOutcome, Verdict};
use crate::gateway::refusal::{Refusal, Warning};
use crate::gateway::statement::{Kind, Statement, Which, is_async};
use crate::gateway::transaction::blocks::Completion;
use crate::gateway::transaction::prepare_statement::Admitted;
use crate::gateway::transaction::row_locks::ALL_ROWS;
use crate::gateway::transaction::tables::{Parameters, Rewritten};
use crate::pg::frame::FromClient;
use crate::pg::message::{CommandComplete, Message as _};

/// How a statement came.
#[derive(Clone, Copy)]
pub(super) enum Submission<'a> {
    /// In a Query message, so many characters into it.
    Query { before: usize },
    /// By Execute of a portal, at most so many rows of it.
    Execute { frame: &'a FromClient, portal: &'a str, limit: i32 },
}

impl Submission<'_> {
    fn limit(self) -> i32 {
        match self {
            Self::Query { .. } => ALL_ROWS,
            Self::Execute { limit, .. } => limit,
        }
    }
}

impl Protocol {
    /// Runs a statement between the hooks: the one place from which they are called.
    pub(super) async fn run(
        &mut self,
        statement: &Statement,
        submission: Submission<'_>,
    ) -> Result<Held, BackendError> {
        let Some(joined) = &self.joined else {
            return self.execute(statement, submission).await;
        };
        let (hooks, client) = (Arc::clone(joined.hooks()), Arc::clone(joined.client()));
        if joined.may_be_held() {
            // What came before it is not held with it.
            self.dispatch().await?;
        }
        let application = Arc::clone(self.transaction.application());
        let (prepared, parameters) = self.bound(submission);
        let context = StatementContext {
            client: &client,
            application: &application,
            sql: &statement.sql,
            parameters: &parameters,
            form: prepared.as_deref().map_or(Form::Query, |prepared| Form::Execute { prepared }),
            status: self.transaction.status().told(),
            strings: self.backend.parameters().strings(),
        };
        // What was answered before need not wait for as long as this one is held.
        self.show_answers().await?;
        let verdict = self.hold_back(&*hooks, context).await?;
        let ran = self.judge(verdict, statement, submission).await?;
        let context = StatementContext { status: self.transaction.status().told(), ..context };
        self.hold(hooks.after_statement(context, outcome(&ran))).await?;
        ran
    }

    /// The name of the prepared statement that an Execute runs, and what Bind gave it.
    fn bound(&self, submission: Submission<'_>) -> (Option<String>, Vec<Parameter>) {
        let Submission::Execute { portal, .. } = submission else { return (None, Vec::new()) };
        let (prepared, mut parameters) = self.names.given(portal);
        for (at, parameter) in parameters.iter_mut().enumerate() {
            let told = self.heard.as_ref().and_then(|heard| heard.type_of(&prepared, at));
            parameter.type_oid = told.unwrap_or(parameter.type_oid);
        }
        (Some(prepared), parameters)
    }

    /// Does with a statement what was said. An error of it is its own; any other ends the session.
    async fn judge(
        &mut self,
        verdict: Verdict,
        statement: &Statement,
        submission: Submission<'_>,
    ) -> Result<Result<Held, BackendError>, BackendError> {
        match verdict {
            Verdict::Pass => {}
            Verdict::Refuse { code, message } => {
                self.end_refused(statement).await?;
                return Ok(Err(Refusal::of_verdict(code, message).into()));
            }
            Verdict::Cut => return Err(self.cut_off().into()),
            Verdict::CutAfter => self.cut_after(),
        }
        Ok(self.execute(statement, submission).await)
    }

    async fn execute(
        &mut self,
        statement: &Statement,
        submission: Submission<'_>,
    ) -> Result<Held, BackendError> {
        if let Submission::Execute { portal, .. } = submission {
            // It may have gone while the statement was held.
            self.known_portal(portal)?;
        }
        if let Some(held) = self.run_transaction_statement(statement).await? {
            return Ok(held);
        }
        match self.let_run(statement, submission).await {
            Err(trouble) if self.transaction.takes_back(&mut self.backend, &trouble).await? => {
                self.let_run(statement, submission).await
            }
            ran => ran,
        }
    }

    async fn let_run(
        &mut self,
        statement: &Statement,
        submission: Submission<'_>,
    ) -> Result<Held, BackendError> {
        let executed = self.names.executed(statement);
        let parameters = match submission {
            Submission::Query { .. } => Parameters::None,
            Submission::Execute { .. } => Parameters::BoundBefore,
        };
        let admitted = self.admit(statement, &executed, parameters).await?;
        if self.context.strictness == Strictness::Dsql {
            // Apart, so that no other session's future is as large as it would be with this.
            Box::pin(self.check_as_the_service(statement)).await?;
        }
        self.transaction.check_numbers(&mut self.backend, &executed, &admitted).await?;
        let marks = if self.transaction.locks_apart(&executed, &admitted, submission.limit())? {
            // The Bind must reach the server before the savepoint: going back to it would take the
            // portal away.
            self.dispatch().await?;
            self.transaction.bring_now(&mut self.backend).await?;
            Some(self.transaction.before_locking(&mut self.backend, &admitted).await?)
        } else {
            None
        };
        self.explains = [statement, &executed].iter().any(|it| it.command() == "EXPLAIN");
        let held = self.send(statement, &admitted, submission).await?;
        self.transaction.confirm(&mut self.backend).await?;
        if let Some(marks) = marks {
            let backend = &mut self.backend;
            self.transaction.after_locking(backend, &executed, &admitted, marks).await?;
        }
        self.after_statement(statement, &admitted, held).await
    }

    /// Lets a statement in, or says why not.
    pub(super) async fn admit(
        &mut self,
        statement: &Statement,
        executed: &Statement,
        parameters: Parameters<'_>,
    ) -> Result<Admitted, BackendError> {
        let is_moved = self.transaction.hides_copies() || executed.asks_catalog();
        let is_new = !matches!(parameters, Parameters::BoundBefore);
        // To let a statement in may rename copies, or drop them.
        let is_beside = self.queue.iter().any(|queued| queued.prepares_beside(statement));
        if is_moved || is_beside || is_new && self.transaction.is_bringing() {
            // What is queued was meant for where the copies stand now.
            self.dispatch().await?;
        }
        let backend = &mut self.backend;
        let mut admitted = self.transaction.admit(backend, statement, executed, parameters).await?;
        if let Kind::Execute(name) = &statement.kind {
            self.renew(name).await?;
        }
        if let Some(substitute) = self.substitute(statement) {
            admitted.rewritten = Rewritten::whole(substitute.sql);
        }
        Ok(admitted)
    }

    /// Sends it, and what is asked behind it.
    async fn send(
        &mut self,
        statement: &Statement,
        admitted: &Admitted,
        submission: Submission<'_>,
    ) -> Result<Held, BackendError> {
        let (sent, before) = match submission {
            Submission::Query { before } => {
                self.transaction.note_part();
                self.transaction.put_bringing(&mut self.backend);
                // The statement must not run before its BEGIN.
                self.backend.send_deferred().await?;
                self.backend.put_query(&admitted.rewritten.sql);
                (Vec::new(), before)
            }
            Submission::Execute { frame, .. } => {
                self.enqueue(frame, Does::Nothing);
                (self.put_queue(), 0)
            }
        };
        let ahead = self.transaction.ask_ahead(&mut self.backend, statement);
        let submitted = Submitted { statement, rewritten: &admitted.rewritten, before };
        self.exchange(sent, Some(submitted), ahead).await
    }

    /// BEGIN, COMMIT and ROLLBACK are the gateway's own.
    async fn run_transaction_statement(
        &mut self,
        statement: &Statement,
    ) -> Result<Option<Held>, BackendError> {
        if statement.refusal.is_some() {
            return Ok(None);
        }
        let tag = match statement.kind {
            Kind::Begin(access) => {
                let warning = self.transaction.begin_block(&mut self.backend, access).await?;
                self.warn(warning);
                statement.begin_tag()
            }
            Kind::Commit => {
                let is_outside = self.transaction.is_outside_block();
                self.warn(is_outside.then_some(Warning::NoTransaction));
                let completion = self.transaction.commit_block(&mut self.backend).await?;
                self.complete(completion);
                completion.tag()
            }
            Kind::Rollback => {
                let is_outside = self.transaction.is_outside_block();
                self.warn(is_outside.then_some(Warning::NoTransaction));
                self.transaction.roll_back_block(&mut self.backend).await?;
                self.done = Done::default();
                self.names.drop_portals();
                "ROLLBACK"
            }
            _ => return Ok(None),
        };
        Ok(Some(Held::Tag(tag)))
    }

    fn warn(&mut self, warning: Option<Warning>) {
        if let Some(warning) = warning {
            warning.write(&mut self.client.out);
        }
    }

    /// Ends an implicit transaction at the end of its message.
    pub(super) async fn settle(&mut self) -> Result<(), BackendError> {
        let completion = self.transaction.settle(&mut self.backend).await?;
        self.complete(completion);
        Ok(())
    }

    fn complete(&mut self, completion: Completion) {
        if completion == Completion::Nothing {
            return;
        }
        let done = std::mem::take(&mut self.done);
        if completion == Completion::Committed {
            self.names.keep_held_portals();
            self.context.transactions.facade().tell_of(done);
        }
    }

    /// What follows from a statement that has run.
    async fn after_statement(
        &mut self,
        statement: &Statement,
        admitted: &Admitted,
        held: Held,
    ) -> Result<Held, BackendError> {
        self.check_encoding().await?;
        self.transaction.after_statement(&mut self.backend, statement, admitted).await?;
        self.check_counts(statement).await?;
        if matches!(statement.kind, Kind::Ddl(_)) && is_async(&statement.words) {
            self.put_job(statement).await?;
        }
        let tag = self.substitute(statement).map(|substitute| Held::Tag(substitute.tag));
        self.names.note_statement(statement, &admitted.rewritten);
        if statement.deallocates() == Some(Which::All) {
            // DEALLOCATE knows names only, and takes the gateway's own along.
            self.backend.forget_prepared();
        }
        let rows = rows_of(statement, &held);
        self.transaction.note_effects(&mut self.backend, statement, admitted, rows).await?;
        self.check_sizes_within(statement).await?;
        Ok(tag.unwrap_or(held))
    }
}

fn outcome(ran: &Result<Held, BackendError>) -> StatementOutcome {
    match ran {
        Ok(_) => StatementOutcome::Done,
        Err(BackendError::Lost(_)) => StatementOutcome::Lost,
        Err(BackendError::Refused(refusal)) => StatementOutcome::Refused(refusal.code().to_owned()),
        Err(trouble) => StatementOutcome::Refused(trouble.code().unwrap_or_default()),
    }
}

/// How many rows a statement says it has written or locked; nothing where its tag does not tell all
/// of them.
fn rows_of(statement: &Statement, held: &Held) -> Option<u64> {
    let Held::Frame(frame) = held else { return None };
    if statement.locks.is_some() && !statement.writes {
        // In a join, or behind a subquery, more rows may be locked than come out.
        statement.single()?;
        return CommandComplete::read(frame).ok()?.rows();
    }
    let verbs = statement.words.iter().filter(|word| {
        ["insert", "update", "delete", "merge", "copy", "execute"].iter().any(|verb| word.is(verb))
    });
    // Several verbs: a WITH clause that writes, or ON CONFLICT DO UPDATE.
    if verbs.count() == 1 { CommandComplete::read(frame).ok()?.rows() } else { None }
}
