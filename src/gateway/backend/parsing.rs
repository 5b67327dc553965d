//! Statements that are parsed and not run.

use std::io;

use super::Backend;
use super::message::{NO_TYPES, put_parse};
use crate::pg::frame::{FromServer, ServerTag};

impl Backend {
    /// Has texts parsed, one after the other in one round trip, and forgotten. Which of them was
    /// refused first, and how.
    pub(crate) async fn try_to_parse(
        &mut self,
        texts: &[String],
    ) -> io::Result<Option<(usize, FromServer)>> {
        let name = self.own.clone();
        for text in texts {
            self.put_close(b'S', &name);
            put_parse(&mut self.line.out, &name, text, NO_TYPES);
        }
        self.put_close(b'S', &name);
        self.put_sync();
        self.flush().await?;
        let (mut parsed, mut refused) = (0, None);
        loop {
            let frame = self.next().await?;
            match frame.tag {
                ServerTag::ParseComplete => parsed += 1,
                ServerTag::Error => refused = Some((parsed, frame)),
                ServerTag::Parameter | ServerTag::Notification => self.aside.push(frame),
                ServerTag::Ready => return Ok(refused),
                // A warning about a string comes once more when the statement runs.
                _ => {}
            }
        }
    }
}
