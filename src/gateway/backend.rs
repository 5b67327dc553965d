//! The gateway's side towards PostgreSQL: one connection for each client, on which the client's own
//! statements and the gateway's questions alternate.
//!
//! The gateway asks over the extended protocol, with statements of its own name: a Query message
//! would destroy the client's unnamed statement and portal (PostgreSQL documentation, 54.2.3).

mod parameters;
mod parsing;
mod question;

use std::collections::{HashMap, VecDeque};
use std::io;

use bytes::{BufMut, BytesMut};

use crate::gateway::refusal::Refusal;
use crate::gateway::relay;
use crate::gateway::transaction::blocker_watchdog::BlockerWatchdog;
use crate::pg::frame::{FrameStream, FromServer, ServerTag, put, put_text};
use crate::pg::{Canceller, ConnectError, Connection, Entrance, Target};
pub(crate) use parameters::Parameters;
pub(crate) use question::Question;
use question::{Keep, Spelling};

/// Why a question was not answered.
#[derive(Debug)]
pub(crate) enum BackendError {
    /// The server refused, with this frame for the client.
    Server(FromServer),
    /// The gateway refuses.
    Refused(Refusal),
    /// The connection to the server broke.
    Lost(io::Error),
}

impl BackendError {
    /// What it means that a question about stored tables fails because they are not what the
    /// snapshot shows: PostgreSQL looks names and definitions up as they are now.
    pub(crate) fn of_changed_schema(self) -> Self {
        // A schema, table, column or type that is not there, a column of another type, and "cache
        // lookup failed".
        const SIGNS: [&str; 6] = ["3F000", "42P01", "42703", "42704", "42804", "XX000"];
        let Self::Server(frame) = &self else { return self };
        let code = error_field(frame, b'C').unwrap_or_default();
        if SIGNS.contains(&code.as_str()) { Refusal::schema_changed().into() } else { self }
    }
}

impl From<io::Error> for BackendError {
    fn from(error: io::Error) -> Self {
        Self::Lost(error)
    }
}

impl From<Refusal> for BackendError {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

/// The field of an `ErrorResponse` with this letter.
pub(crate) fn error_field(frame: &FromServer, letter: u8) -> Option<String> {
    let mut fields = frame.fields();
    while let Some(field) = fields.byte().filter(|byte| *byte != 0) {
        let text = fields.text()?;
        if field == letter {
            return Some(text);
        }
    }
    None
}

/// Questions on their way.
#[derive(Debug)]
pub(crate) struct Asked {
    count: usize,
    /// Which of them nobody has asked for: they change the settings.
    ours: Vec<usize>,
    /// The statements whose Parse goes with them.
    parsed: VecDeque<Option<String>>,
}

/// A row of an answer.
pub(crate) type AnswerRow = Vec<Option<String>>;

/// The rows that a question gave.
#[derive(Debug, Default)]
pub(crate) struct Answer {
    pub(crate) rows: Vec<AnswerRow>,
}

impl Answer {
    /// The value at this place of the first row.
    pub(crate) fn value(&self, column: usize) -> Option<&str> {
        self.rows.first()?.get(column)?.as_deref()
    }
}

/// What the names of the gateway's own statements begin with.
const OWN: &str = "overbooked_";

const STORED_FIRST: &str = "select set_config('search_path', concat_ws(', ', nullif(current_setting('search_path'), ''), 'pg_temp'), true)";
const COPIES_FIRST: &str = "select set_config('search_path', regexp_replace(current_setting('search_path'), '(, )?pg_temp$', ''), true)";

/// The connection to PostgreSQL.
pub(crate) struct Server {
    pub(crate) line: FrameStream<ServerTag>,
    canceller: Canceller,
    parameters: Parameters,
    prepared: HashMap<String, String>,
    named: u64,
    /// What the names of the gateway's own statements and portals begin with: no client comes upon
    /// it.
    own: String,
    /// What the server said to the client while the gateway was asking.
    pub(crate) aside: Vec<FromServer>,
    lookout: Option<BlockerWatchdog>,
}

impl Server {
    /// Connects for the gateway's own questions.
    pub(crate) async fn connect(target: &Target) -> Result<Self, ConnectError> {
        let raw = Connection::connect(target).await?.into_raw();
        let line = FrameStream::<ServerTag>::new(Box::new(raw.stream), raw.read);
        Ok(Self::new(line, raw.canceller, Parameters::default()))
    }

    /// Takes over a connection that the server has let in.
    pub(crate) fn entered(entrance: Entrance, parameters: Parameters) -> Self {
        let canceller = entrance.canceller();
        let (stream, read) = entrance.into_parts();
        Self::new(FrameStream::new(Box::new(stream), read), canceller, parameters)
    }

    fn new(line: FrameStream<ServerTag>, canceller: Canceller, parameters: Parameters) -> Self {
        Self {
            line,
            canceller,
            parameters,
            prepared: HashMap::new(),
            named: 0,
            own: format!("{OWN}{:016x}", rand::random::<u64>()),
            aside: Vec::new(),
            lookout: None,
        }
    }

    /// Has the server give up whatever it does, and waits until its process is gone.
    pub(crate) async fn leave(mut self) {
        relay::take_leave(self.line.stream(), &self.canceller).await;
    }

    /// What cancels the statement that runs.
    pub(crate) fn canceller(&self) -> Canceller {
        self.canceller.clone()
    }

    /// The parameters that the server has reported.
    pub(crate) fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    /// The next frame; the stream's end is an error.
    pub(crate) async fn next(&mut self) -> io::Result<FromServer> {
        loop {
            let next = self.line.next();
            let frame = match &self.lookout {
                Some(lookout) => lookout.watch(next).await?,
                None => next.await?,
            };
            if let Some(frame) = self.take_note(frame)? {
                return Ok(frame);
            }
        }
    }

    /// The next frame while nothing is asked. Dropping the future loses nothing.
    pub(crate) async fn next_unasked(&mut self) -> io::Result<FromServer> {
        loop {
            let frame = self.line.next().await?;
            if let Some(frame) = self.take_note(frame)? {
                return Ok(frame);
            }
        }
    }

    /// Keeps a parameter that the server reports. An encoding that is refused never reaches the
    /// client.
    fn take_note(&mut self, frame: Option<FromServer>) -> io::Result<Option<FromServer>> {
        let ended =
            || io::Error::new(io::ErrorKind::UnexpectedEof, "the server closed the connection");
        let frame = frame.ok_or_else(ended)?;
        let is_kept = frame.tag != ServerTag::Parameter || self.parameters.note(&frame);
        Ok(is_kept.then_some(frame))
    }

    /// Brings back the encoding that the client had before the one that it cannot have.
    pub(crate) async fn restore_encoding(&mut self) -> Result<(), BackendError> {
        let encoding = self.parameters.readable_encoding();
        let question = Question::once("select set_config('client_encoding', $1, false)");
        self.ask(question.with(encoding)).await.map(drop)
    }

    /// Has this connection watched from now on: nobody may hold it up.
    pub(crate) fn watched_by(mut self, lookout: BlockerWatchdog) -> Self {
        self.lookout = Some(lookout);
        self
    }

    /// Forgets statements that DISCARD or DEALLOCATE has taken away.
    pub(crate) fn forget_prepared(&mut self) {
        self.prepared.clear();
    }

    /// Asks one question.
    pub(crate) async fn ask(&mut self, question: Question) -> Result<Answer, BackendError> {
        Ok(self.ask_all(vec![question]).await?.pop().unwrap_or_default())
    }

    /// Asks several in one round trip: all are answered, or none after the first that failed.
    pub(crate) async fn ask_all(
        &mut self,
        questions: Vec<Question>,
    ) -> Result<Vec<Answer>, BackendError> {
        if questions.is_empty() {
            return Ok(Vec::new());
        }
        let asked = self.put_questions(&questions);
        self.line.flush_hearing().await?;
        self.answers(asked).await
    }

    /// Has a statement parsed as one on the stored tables, which are found first where `pg_temp`
    /// comes last; it is not run.
    pub(crate) async fn try_on_stored(&mut self, sql: &str) -> Result<(), BackendError> {
        let name = self.own.clone();
        let mut parsed = VecDeque::new();
        self.put_question(&Question::prepared(STORED_FIRST), &mut parsed);
        self.put_close(b'S', &name);
        put_parse(&mut self.line.out, &name, sql, NO_TYPES);
        parsed.push_back(None);
        self.put_close(b'S', &name);
        self.put_question(&Question::prepared(COPIES_FIRST), &mut parsed);
        put(&mut self.line.out, b'S', |_| {});
        self.line.flush_hearing().await?;
        self.answers(Asked { count: 2, ours: Vec::new(), parsed }).await.map(drop)
    }

    /// Prepares a client's statement of this name anew.
    pub(crate) async fn prepare_anew(
        &mut self,
        name: &str,
        sql: &str,
        types: &[u8],
    ) -> Result<(), BackendError> {
        self.put_close(b'S', name);
        put_parse(&mut self.line.out, name, sql, types);
        self.hear_out().await
    }

    /// Closes a client's statement of this name.
    pub(crate) async fn close_statement(&mut self, name: &str) -> Result<(), BackendError> {
        self.put_close(b'S', name);
        self.hear_out().await
    }

    async fn hear_out(&mut self) -> Result<(), BackendError> {
        put(&mut self.line.out, b'S', |_| {});
        self.line.flush_hearing().await?;
        let asked = Asked { count: 0, ours: Vec::new(), parsed: VecDeque::new() };
        self.answers(asked).await.map(drop)
    }

    /// Rolls the open transaction back. A cancellation that comes late may hit this instead of what
    /// it was meant for.
    pub(crate) async fn roll_back(&mut self) -> io::Result<()> {
        const QUERY_CANCELED: &str = "57014";
        loop {
            match self.ask(Question::prepared("rollback")).await {
                Ok(_) => return Ok(()),
                Err(BackendError::Server(frame))
                    if error_field(&frame, b'C').as_deref() == Some(QUERY_CANCELED) => {}
                Err(BackendError::Lost(error)) => return Err(error),
                Err(trouble) => {
                    return Err(io::Error::other(format!("it does not roll back: {trouble:?}")));
                }
            }
        }
    }

    /// Queues questions behind whatever else is to be sent; [`answers`](Self::answers) takes the
    /// answers when it is their turn.
    pub(crate) fn put_questions(&mut self, questions: &[Question]) -> Asked {
        let (mut parsed, mut ours) = (VecDeque::new(), Vec::new());
        let mut spelling = Spelling::Clients;
        for (place, question) in questions.iter().enumerate() {
            if question.spelling != spelling {
                spelling = question.spelling;
                ours.push(place + ours.len());
                self.put_question(&spelling.question(), &mut parsed);
            }
            self.put_question(question, &mut parsed);
        }
        if spelling == Spelling::Ours {
            ours.push(questions.len() + ours.len());
            self.put_question(&Spelling::Clients.question(), &mut parsed);
        }
        put(&mut self.line.out, b'S', |_| {});
        Asked { count: questions.len(), ours, parsed }
    }

    fn put_question(&mut self, question: &Question, parsed: &mut VecDeque<Option<String>>) {
        let kept = self.prepared.get(&question.sql).filter(|_| question.keep == Keep::Prepared);
        let known = kept.cloned();
        let name = known.clone().unwrap_or_else(|| self.new_name(question.keep));
        if known.is_none() {
            // What an error has kept from being closed would be in the way.
            self.put_close(b'S', &name);
            put_parse(&mut self.line.out, &name, &question.sql, NO_TYPES);
            let kept = (question.keep == Keep::Prepared).then(|| question.sql.clone());
            if let Some(sql) = &kept {
                self.prepared.insert(sql.clone(), name.clone());
            }
            parsed.push_back(kept);
        }
        self.put_execution(&name, &question.parameters);
        if question.keep == Keep::Once {
            self.put_close(b'S', &name);
        }
    }

    fn put_close(&mut self, what: u8, name: &str) {
        put(&mut self.line.out, b'C', |out| {
            out.put_u8(what);
            put_text(out, name);
        });
    }

    fn new_name(&mut self, keep: Keep) -> String {
        if keep == Keep::Once {
            return self.own.clone();
        }
        self.named += 1;
        format!("{}_{}", self.own, self.named)
    }

    /// Bind and Execute, on a portal of our own.
    fn put_execution(&mut self, name: &str, parameters: &[Option<String>]) {
        let portal = self.own.clone();
        self.put_close(b'P', &portal);
        let out = &mut self.line.out;
        put(out, b'B', |out| {
            put_text(out, &portal);
            put_text(out, name);
            out.put_u16(0);
            put_parameters(out, parameters);
            out.put_u16(0);
        });
        put(out, b'E', |out| {
            put_text(out, &portal);
            out.put_u32(0);
        });
        self.put_close(b'P', &portal);
    }

    /// Reads up to `ReadyForQuery`.
    pub(crate) async fn answers(&mut self, asked: Asked) -> Result<Vec<Answer>, BackendError> {
        let Asked { count, ours, mut parsed } = asked;
        let mut answers = vec![Answer::default()];
        let mut refused = None;
        loop {
            let frame = self.next().await?;
            match frame.tag {
                ServerTag::Row => {
                    let row = values(&frame).ok_or_else(unreadable)?;
                    answers.last_mut().unwrap_or(&mut Answer::default()).rows.push(row);
                }
                ServerTag::CommandComplete | ServerTag::EmptyQuery => {
                    answers.push(Answer::default());
                }
                ServerTag::ParseComplete => drop(parsed.pop_front()),
                ServerTag::Error => refused = Some(frame),
                ServerTag::Ready => break,
                ServerTag::Parameter | ServerTag::Notification => self.aside.push(frame),
                _ => {}
            }
        }
        if let Some(frame) = refused {
            self.forget_unparsed(parsed);
            return Err(BackendError::Server(without_place(&frame)));
        }
        for place in ours.into_iter().rev() {
            answers.remove(place);
        }
        answers.truncate(count);
        Ok(answers)
    }

    /// Statements whose Parse was never reached, or failed, are not prepared.
    fn forget_unparsed(&mut self, unparsed: VecDeque<Option<String>>) {
        for sql in unparsed.into_iter().flatten() {
            self.prepared.remove(&sql);
        }
    }
}

/// No types of parameters: what follows the text of a Parse.
const NO_TYPES: &[u8] = &[0, 0];

/// Writes a Parse, with what follows its text.
pub(crate) fn put_parse(out: &mut BytesMut, name: &str, sql: &str, types: &[u8]) {
    put(out, b'P', |out| {
        put_text(out, name);
        put_text(out, sql);
        out.put_slice(types);
    });
}

/// An error without places in a text that no client has written.
fn without_place(frame: &FromServer) -> FromServer {
    let mut told = Vec::new();
    let mut fields = frame.fields();
    while let Some(letter) = fields.byte().filter(|letter| *letter != 0) {
        let text = fields.text().unwrap_or_default();
        if !matches!(letter, b'P' | b'p' | b'q') {
            told.push((letter, text));
        }
    }
    frame.with_error_fields(&told)
}

fn put_parameters(out: &mut BytesMut, parameters: &[Option<String>]) {
    out.put_u16(u16::try_from(parameters.len()).unwrap_or(u16::MAX));
    for parameter in parameters {
        match parameter {
            None => out.put_i32(-1),
            Some(text) => {
                out.put_i32(i32::try_from(text.len()).unwrap_or(i32::MAX));
                out.put_slice(text.as_bytes());
            }
        }
    }
}

/// The values of a row, where all of them are text.
fn values(frame: &FromServer) -> Option<AnswerRow> {
    let mut fields = frame.fields();
    (0..fields.short()?).map(|_| fields.value()).collect()
}

fn unreadable() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "it answered in another encoding than UTF-8")
}
