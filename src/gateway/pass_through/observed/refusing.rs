//! What goes to the server in the place of a statement that does not: something that fails, so that
//! the server knows what the client is told. Whatever it has done before in the same transaction is
//! undone by it as by any error, a block is failed, and in the extended protocol it reads over
//! everything up to the client's own Sync.
//!
//! ```text
//!  Query               a Query that is no SQL
//!  Execute             an Execute of a portal that nobody has
//!  COMMIT by Query     ROLLBACK, since a block whose COMMIT fails is over
//!  COMMIT by Execute   ROLLBACK under names of the gateway's own, and then the same as an Execute
//! ```

use std::io;
use std::sync::atomic::Ordering;

use bytes::BytesMut;

use super::{Observer, Reading, Writing, ended};
use crate::core::event::TransactionStatus;
use crate::gateway::refusal::Refusal;
use crate::gateway::talk::{Launched, Own};
use crate::pg::frame::{ClientTag, FromClient, ServerTag, Stream};
use crate::pg::message::frontend::{
    Format, NO_TYPES, put_bind, put_close, put_execute, put_flush, put_parse, put_query,
};

/// What the gateway's own statements and portals are called.
const OWN: &str = "overbooked: own";

/// A portal that nobody has; the server's log names it.
const NOBODYS: &str = "overbooked: refused";

/// No statement, whatever a server understands; the server's log shows it.
const NO_SQL: &str = "refused by overbooked";

/// Appends a statement of the gateway's own in the extended protocol, and how its parts are noted.
pub(super) fn put_own_steps(out: &mut BytesMut, sql: &str, execute: Own) -> [Own; 5] {
    put_parse(out, OWN, sql, NO_TYPES);
    put_bind(out, OWN, OWN, Format::Text, std::iter::empty::<Option<&[u8]>>());
    put_execute(out, OWN);
    // A portal outlives its statement, and the name is needed again.
    put_close(out, b'P', OWN);
    put_close(out, b'S', OWN);
    [Own::Step, Own::Step, execute, Own::Step, Own::Step]
}

impl Observer {
    /// Sends what fails in a statement's place.
    pub(super) fn refuse<S: Stream>(
        &self,
        launched: Launched,
        refusal: Refusal,
        to_server: &mut Writing<ServerTag, S>,
    ) {
        let mut talk = self.talk();
        let (out, ends_block) = (&mut to_server.out, talk.ends_block(&launched));
        match (launched.prepared(), ends_block) {
            (None, true) => put_query(out, "rollback"),
            (None, false) => put_query(out, NO_SQL),
            (Some(_), ends_block) => {
                if ends_block {
                    for own in put_own_steps(out, "rollback", Own::Rollback) {
                        talk.note_own(own);
                    }
                }
                put_execute(out, NOBODYS);
            }
        }
        talk.note_refused(launched, refusal);
    }

    /// Sends a statement, whose answer the client does not hear, and ends when there is one.
    pub(super) async fn send_last<C: Stream, S: Stream>(
        &self,
        frame: &FromClient,
        from_client: &mut Reading<ClientTag, C>,
        to_server: &mut Writing<ServerTag, S>,
    ) -> io::Result<()> {
        let is_implicit = self.talk().status() == TransactionStatus::Idle;
        self.is_muted.store(true, Ordering::Relaxed);
        self.talk().note_said(frame);
        to_server.pass(frame);
        if frame.tag == ClientTag::Execute {
            put_flush(&mut to_server.out);
            if is_implicit {
                to_server.flush().await?;
                self.send_sync(from_client, to_server).await?;
            }
        }
        to_server.flush().await?;
        self.until(|talk| talk.is_answered() || talk.is_over()).await;
        Err(ended())
    }

    /// A statement without a block takes effect at the client's Sync; so that goes too, where it is
    /// the next that the client asks.
    async fn send_sync<C: Stream, S: Stream>(
        &self,
        from_client: &mut Reading<ClientTag, C>,
        to_server: &mut Writing<ServerTag, S>,
    ) -> io::Result<()> {
        while let Some(frame) = from_client.next().await? {
            if !matches!(frame.tag, ClientTag::Close | ClientTag::Sync) {
                break;
            }
            self.talk().note_said(&frame);
            to_server.pass(&frame);
            if frame.tag == ClientTag::Sync {
                break;
            }
        }
        Ok(())
    }
}
