//! Submissions from their beginning to their end, as `PQexec` has them.

use super::{Answer, Client, NO_CONNECTION, SubmissionStage, refusal};
use crate::core::event::{Pid, Row};
use crate::run::specification::SpecError;
use crate::run::specification::news::TellingSender;

impl Client {
    /// Runs SQL of ours before the run begins, and gives the cells of its last row.
    pub(crate) async fn prepare(
        &mut self,
        sql: &str,
        news: &mut TellingSender,
    ) -> Result<Row, SpecError> {
        match self.execute(sql, news).await.map_err(|reason| refusal(&reason))? {
            Answer::Rows { mut rows, .. } => Ok(rows.pop().unwrap_or_default()),
            Answer::Failed(message) => Err(refusal(&message.message)),
            Answer::Broken(reason) => Err(refusal(&reason)),
            Answer::Done | Answer::Empty | Answer::Copy(_) => Ok(Row::new()),
        }
    }

    /// Hears the end of what was sent first, and gives the cells of its last row.
    pub(crate) async fn finish(&mut self, news: &mut TellingSender) -> Result<Row, SpecError> {
        let mut last = Row::new();
        while let Some(answer) = self.result(news).await {
            match answer {
                Answer::Rows { mut rows, .. } => last = rows.pop().unwrap_or_default(),
                Answer::Failed(message) => return Err(refusal(&message.message)),
                Answer::Broken(reason) => return Err(refusal(&reason)),
                Answer::Done | Answer::Empty | Answer::Copy(_) => {}
            }
        }
        Ok(last)
    }

    /// Asks the server who works for this connection: behind a pooler the key names nobody.
    pub(crate) async fn ask_pid(&mut self, news: &mut TellingSender) -> Result<(), SpecError> {
        let row = self.prepare("select pg_catalog.pg_backend_pid()", news).await?;
        let pid = row.into_iter().next().flatten().and_then(|pid| pid.parse().ok());
        self.pid = pid.map_or(self.pid, Pid);
        Ok(())
    }

    /// Runs a submission to its end and gives its last result (`PQexec`). libpq says all that went
    /// wrong with it, one after the other.
    pub(crate) async fn execute(
        &mut self,
        sql: &str,
        news: &mut TellingSender,
    ) -> Result<Answer, String> {
        self.begin(sql, news).await?;
        self.conclude(news).await
    }

    /// Sends a submission that [`conclude`](Self::conclude) hears out, behind what is not heard out
    /// yet.
    pub(crate) async fn begin(
        &mut self,
        sql: &str,
        news: &mut TellingSender,
    ) -> Result<(), String> {
        if matches!(self.stage, SubmissionStage::Idle) {
            self.look(news);
        }
        self.send(sql).await
    }

    /// Hears a submission to its end and gives its last result.
    pub(crate) async fn conclude(&mut self, news: &mut TellingSender) -> Result<Answer, String> {
        if matches!(self.stage, SubmissionStage::Idle) {
            self.turn();
        }
        let (mut last, mut said) = (None, String::new());
        while let Some(answer) = self.result(news).await {
            match &answer {
                Answer::Failed(message) => said += &self.in_full(message),
                Answer::Broken(reason) => return Err(said + reason),
                _ => {}
            }
            last = Some(answer);
        }
        last.ok_or_else(|| NO_CONNECTION.to_owned())
    }
}
