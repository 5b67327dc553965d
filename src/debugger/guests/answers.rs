//! What the server answers, told where the statement was told.

use std::sync::Arc;
use std::time::Instant;

use super::{Course, Dropped, Guests, InFlight};
use crate::core::event::{
    Kind, ROWS_KEPT, ServerMessage, SessionName, SubmissionId, TransactionStatus,
};
use crate::gateway::{ClientId, Told};

impl Guests {
    /// Takes in what the server has told a client.
    pub fn told(&mut self, client: ClientId, told: Told, now: Instant) {
        if matches!(told, Told::Done { .. } | Told::Failed(_) | Told::Empty | Told::Suspended) {
            self.note_served(client);
        }
        self.take_in(client, told, now);
        self.go_on_in_turn(now);
    }

    fn take_in(&mut self, client: ClientId, told: Told, now: Instant) {
        let is_end = |message: &ServerMessage| matches!(&*message.severity, "FATAL" | "PANIC");
        if matches!(&told, Told::Failed(message) if is_end(message)) {
            if let Some(guest) = self.clients.get_mut(&client) {
                guest.is_ended = true;
            }
        } else {
            self.settle_dropped(client, Dropped::Cancelled, now);
        }
        match told {
            Told::Ready(status) => return self.ready(client, status, now),
            Told::Notice(notice) => return self.aside(client, Kind::Notice(notice)),
            Told::Notification { channel, payload, from } => {
                return self.aside(client, Kind::Notification { channel, payload, from });
            }
            Told::Parameter { .. } | Told::Copying => return,
            _ => {}
        }
        let Some(guest) = self.clients.get_mut(&client) else { return };
        let Some(front) = guest.in_flight.front_mut() else {
            // What was refused in the server's place.
            if let Told::Failed(message) = told {
                guest.was_refused = true;
                self.aside(client, Kind::Failed(message));
            }
            return;
        };
        let is_silent = front.progress == Course::Silent;
        let is_over = !front.is_query
            && matches!(told, Told::Done { .. } | Told::Failed(_) | Told::Empty | Told::Suspended);
        let kind = match told {
            Told::Columns(columns) => {
                front.rows = 0;
                Some(Kind::Columns(columns))
            }
            Told::Row(row) => {
                front.rows += 1;
                let is_kept = front.rows <= ROWS_KEPT as u64;
                is_kept.then(|| Kind::Rows(vec![row]))
            }
            Told::Done { tag } => Some(Kind::Done { tag, rows: std::mem::take(&mut front.rows) }),
            Told::Failed(message) => Some(Kind::Failed(message)),
            _ => None,
        };
        if let (Some(kind), Some(place), false) = (kind, guest.place.clone(), is_silent) {
            self.tell(&place, kind);
        }
        if is_over {
            self.answered(client, now);
        }
    }

    /// Something that belongs to no statement.
    fn aside(&mut self, client: ClientId, kind: Kind) {
        let place = self.clients.get(&client).and_then(|guest| guest.place.clone());
        if let Some(place) = place {
            self.tell(&place, kind);
        }
    }

    /// The oldest statement has been answered. Whether its transaction goes on is known with the
    /// next statement or with `ReadyForQuery`.
    fn answered(&mut self, client: ClientId, now: Instant) {
        let Some(guest) = self.clients.get_mut(&client) else { return };
        let Some(front) = guest.in_flight.front_mut() else { return };
        match front.progress {
            Course::Told(submission, since) => {
                front.progress = Course::Answered(submission, since);
            }
            _ => drop(guest.in_flight.pop_front()),
        }
        if guest.in_flight.len() > 1 {
            self.end_answered(client, TransactionStatus::InTransaction, now);
        }
        self.tell_next(client, now);
    }

    /// Tells the end of the statement that has been answered, if one has.
    pub(super) fn end_answered(
        &mut self,
        client: ClientId,
        status: TransactionStatus,
        now: Instant,
    ) {
        let Some(guest) = self.clients.get_mut(&client) else { return };
        let Some(InFlight { progress: Course::Answered(submission, since), .. }) =
            guest.in_flight.front()
        else {
            return;
        };
        let (submission, since) = (*submission, *since);
        guest.in_flight.pop_front();
        if let Some(place) = guest.place.clone() {
            self.tell_ready(&place, submission, status, now, since);
        }
    }

    fn tell_ready(
        &mut self,
        place: &SessionName,
        submission: SubmissionId,
        status: TransactionStatus,
        now: Instant,
        since: Instant,
    ) {
        self.answers += 1;
        let elapsed = now.saturating_duration_since(since);
        self.tell(place, Kind::Ready { submission, status, elapsed });
    }

    /// Tells the oldest statement as sent, now that what was sent before it is answered.
    pub(super) fn tell_next(&mut self, client: ClientId, now: Instant) {
        let submission = self.next_submission();
        let Some(guest) = self.clients.get_mut(&client) else { return };
        let Some(front) = guest.in_flight.front_mut() else { return };
        if front.progress != Course::Behind {
            return;
        }
        front.progress = Course::Told(submission, now);
        let (sql, place) = (Arc::clone(&front.sql), guest.place.clone());
        if let Some(place) = place {
            self.tell(&place, Kind::Sent { submission, sql, step: None, typed: None });
        }
    }

    /// Everything that the client has sent is answered.
    fn ready(&mut self, client: ClientId, status: TransactionStatus, now: Instant) {
        let Some(guest) = self.clients.get_mut(&client) else { return };
        guest.status = status;
        let was_refused = std::mem::take(&mut guest.was_refused);
        guest.identity.ready(status);
        guest.history.ready(status);
        // Of an Execute that has not been answered this is not the end: the client has sent on
        // before the end of what came before.
        let is_over =
            |front: &mut InFlight| front.is_query || matches!(front.progress, Course::Answered(..));
        if let Some(over) = guest.in_flight.pop_front_if(is_over)
            && let Course::Told(submission, since) | Course::Answered(submission, since) =
                over.progress
            && let Some(place) = guest.place.clone()
        {
            self.tell_ready(&place, submission, status, now, since);
        } else if was_refused && let Some(place) = guest.place.clone() {
            // The server has sent no answer of which this would be the end.
            let submission = self.next_submission();
            self.tell_ready(&place, submission, status, now, now);
        }
        if status == TransactionStatus::Idle {
            self.transaction_ended(client);
        }
        self.tell_next(client, now);
    }

    fn transaction_ended(&mut self, client: ClientId) {
        let is_held = self.held.values().any(|held| held.client == client);
        let Some(guest) = self.clients.get_mut(&client) else { return };
        // What is on its way already, or held, is the next transaction's; it is told here as well.
        if is_held || !guest.in_flight.is_empty() {
            return;
        }
        if let Some(place) = guest.place.take() {
            self.places.free(&place);
        }
        self.plan_transaction_over(client);
    }
}
