//! Statements that are parsed and not run.

use std::io;

use super::Backend;
use crate::pg::frame::{FromServer, ServerTag};
use crate::pg::message::frontend::{NO_TYPES, put_parse};
use crate::pg::response::{Aside, Part, Response};

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
        let (mut response, mut parsed, mut refused) = (Response::default(), 0, None);
        response.await_one();
        while !response.is_whole() {
            let frame = self.next().await?;
            match response.apply(&frame).map_err(io::Error::other)? {
                Part::Acknowledged(ServerTag::ParseComplete) => parsed += 1,
                Part::Failed(_) => refused = Some((parsed, frame)),
                Part::Aside(Aside::Parameter(_) | Aside::Notification(_)) => {
                    self.aside.push(frame);
                }
                // A warning about a string comes once more when the statement runs.
                _ => {}
            }
        }
        Ok(refused)
    }
}
