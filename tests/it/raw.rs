//! A client that speaks the protocol message by message, so that a test decides what is sent before
//! what is answered.

use std::io;
use std::path::Path;
use std::time::Duration;

use overbooked::cluster::SUPERUSER;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

/// How long an answer may take before the test gives up on it.
const DEADLINE: Duration = Duration::from_mins(1);

/// A connection past its start-up.
pub(crate) struct Raw {
    stream: UnixStream,
    out: Vec<u8>,
}

/// One message of the server.
pub(crate) struct Answer {
    pub(crate) tag: u8,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// The field of an error or a notice.
    pub(crate) fn field(&self, letter: u8) -> Option<String> {
        let fields = self.body.split(|byte| *byte == 0);
        let field = fields.into_iter().find(|field| field.first() == Some(&letter))?;
        Some(String::from_utf8_lossy(&field[1..]).into_owned())
    }

    /// The values of a row; NULL is an empty one.
    pub(crate) fn values(&self) -> Vec<String> {
        let (mut body, mut values) = (&self.body[2..], Vec::new());
        while let Some((length, rest)) = body.split_first_chunk() {
            let length = usize::try_from(i32::from_be_bytes(*length)).unwrap_or(0);
            let (value, rest) = rest.split_at(length);
            values.push(String::from_utf8_lossy(value).into_owned());
            body = rest;
        }
        values
    }
}

impl Raw {
    /// Connects to the socket in this folder, to the database that the optimistic engine serves.
    pub(crate) async fn connect(folder: &Path) -> Self {
        Self::connect_with(folder, "").await.0
    }

    /// The same with more parameters (`name\0value\0`), and what the server says to that.
    pub(crate) async fn connect_with(folder: &Path, parameters: &str) -> (Self, Vec<Answer>) {
        let mut raw = Self::reach(folder, parameters).await.unwrap();
        let answers = raw.until_ready_or_ended().await;
        (raw, answers)
    }

    /// Connects where the server may be about to turn it away.
    pub(crate) async fn try_connect(folder: &Path) -> io::Result<Self> {
        let mut raw = Self::reach(folder, "").await?;
        raw.try_until(b'Z').await?;
        Ok(raw)
    }

    async fn reach(folder: &Path, parameters: &str) -> io::Result<Self> {
        let stream = UnixStream::connect(folder.join(".s.PGSQL.5432")).await?;
        let mut raw = Self { stream, out: Vec::new() };
        let body = format!("user\0{SUPERUSER}\0{parameters}\0");
        let length = u32::try_from(body.len() + 8).unwrap();
        raw.out.extend(length.to_be_bytes());
        raw.out.extend(196_608_u32.to_be_bytes());
        raw.out.extend(body.as_bytes());
        Ok(raw)
    }

    pub(crate) fn put(&mut self, tag: u8, body: &[u8]) -> &mut Self {
        self.out.push(tag);
        self.out.extend(u32::try_from(body.len() + 4).unwrap().to_be_bytes());
        self.out.extend(body);
        self
    }

    pub(crate) fn parse(&mut self, name: &str, sql: &str) -> &mut Self {
        self.put(b'P', format!("{name}\0{sql}\0\0\0").as_bytes())
    }

    pub(crate) fn bind(&mut self, portal: &str, name: &str) -> &mut Self {
        self.bind_values(portal, name, &[])
    }

    /// With parameters as text.
    pub(crate) fn bind_values(&mut self, portal: &str, name: &str, values: &[String]) -> &mut Self {
        let mut body = format!("{portal}\0{name}\0\0\0").into_bytes();
        body.extend(u16::try_from(values.len()).unwrap().to_be_bytes());
        for value in values {
            body.extend(u32::try_from(value.len()).unwrap().to_be_bytes());
            body.extend(value.as_bytes());
        }
        body.extend([0, 0]);
        self.put(b'B', &body)
    }

    /// `what` is `S` or `P`, then the name.
    pub(crate) fn describe(&mut self, what: &str) -> &mut Self {
        self.put(b'D', format!("{what}\0").as_bytes())
    }

    pub(crate) fn close(&mut self, what: &str) -> &mut Self {
        self.put(b'C', format!("{what}\0").as_bytes())
    }

    pub(crate) fn execute(&mut self, portal: &str) -> &mut Self {
        self.execute_some(portal, 0)
    }

    /// At most so many rows; 0 means all.
    pub(crate) fn execute_some(&mut self, portal: &str, rows: u32) -> &mut Self {
        let mut body = format!("{portal}\0").into_bytes();
        body.extend(rows.to_be_bytes());
        self.put(b'E', &body)
    }

    pub(crate) fn flush(&mut self) -> &mut Self {
        self.put(b'H', b"")
    }

    pub(crate) fn sync(&mut self) -> &mut Self {
        self.put(b'S', b"")
    }

    pub(crate) fn query(&mut self, sql: &str) -> &mut Self {
        self.put(b'Q', format!("{sql}\0").as_bytes())
    }

    pub(crate) fn terminate(&mut self) -> &mut Self {
        self.put(b'X', b"")
    }

    /// The next answer.
    pub(crate) async fn try_answer(&mut self) -> io::Result<Answer> {
        let read = async {
            let tag = self.stream.read_u8().await?;
            let mut body = vec![0; self.stream.read_u32().await? as usize - 4];
            self.stream.read_exact(&mut body).await?;
            Ok(Answer { tag, body })
        };
        tokio::time::timeout(DEADLINE, read).await.expect("the server answers")
    }

    /// Sends what was put, and takes the answers up to `ReadyForQuery` or to the connection's end.
    pub(crate) async fn until_ready_or_ended(&mut self) -> Vec<Answer> {
        let out = std::mem::take(&mut self.out);
        self.stream.write_all(&out).await.unwrap();
        let mut answers = Vec::new();
        while answers.last().is_none_or(|last: &Answer| last.tag != b'Z') {
            let Ok(answer) = self.try_answer().await else { break };
            answers.push(answer);
        }
        answers
    }

    /// Sends what was put, and takes the answers up to one with this tag.
    pub(crate) async fn until(&mut self, tag: u8) -> Vec<Answer> {
        self.try_until(tag).await.unwrap()
    }

    /// The same where the connection may break.
    pub(crate) async fn try_until(&mut self, tag: u8) -> io::Result<Vec<Answer>> {
        self.send().await?;
        let mut answers = Vec::new();
        loop {
            let answer = self.try_answer().await?;
            let is_last = answer.tag == tag || answer.tag == b'E' && tag != b'Z';
            answers.push(answer);
            if is_last {
                return Ok(answers);
            }
        }
    }

    /// Sends what was put.
    pub(crate) async fn send(&mut self) -> io::Result<()> {
        let out = std::mem::take(&mut self.out);
        self.stream.write_all(&out).await
    }

    pub(crate) async fn until_ready(&mut self) -> Vec<Answer> {
        self.until(b'Z').await
    }

    /// The answers up to `ReadyForQuery` in one line.
    pub(crate) async fn says(&mut self) -> String {
        line(&self.until_ready().await)
    }
}

/// Answers in one line: tags, values, the codes of errors.
pub(crate) fn line(answers: &[Answer]) -> String {
    answers.iter().map(word).collect::<Vec<_>>().join(" ")
}

fn word(answer: &Answer) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim_end_matches('\0').to_owned();
    match answer.tag {
        b'C' => format!("[{}]", text(&answer.body)),
        b'E' => format!("!{}", answer.field(b'C').unwrap_or_default()),
        b'D' => format!("({})", answer.values().join(",")),
        b'Z' => format!("Z{}", text(&answer.body)),
        tag => char::from(tag).to_string(),
    }
}
