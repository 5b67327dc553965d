//! What the server's messages tell the client, as values.

use super::{Described, Sent, Talk};
use crate::core::event::{Column, Row, ServerMessage, TransactionStatus, octets};
use crate::gateway::hooks::Told;
use crate::gateway::values;
use crate::pg::frame::{FromServer, ServerTag};
use crate::pg::message::{
    CommandComplete, DataRow, ErrorFields, Message as _, Notification, ParameterStatus,
    RowDescription,
};

impl Talk {
    /// What a message of the server's tells, in its order; asked before the message is noted. What
    /// cannot be read tells nothing.
    pub(crate) fn told(&mut self, frame: &FromServer) -> Vec<Told> {
        let mut told = Vec::new();
        match frame.tag {
            ServerTag::RowDescription => self.tell_columns(frame, &mut told),
            ServerTag::Row => {
                self.tell_columns_of_portal(&mut told);
                told.extend(DataRow::read(frame).ok().map(|row| Told::Row(self.row(row))));
            }
            ServerTag::CommandComplete => {
                self.tell_columns_of_portal(&mut told);
                let tag = CommandComplete::read(frame).ok();
                told.extend(tag.map(|tag| Told::Done { tag: tag.text() }));
            }
            ServerTag::PortalSuspended => told.push(Told::Suspended),
            ServerTag::EmptyQuery => told.push(Told::Empty),
            ServerTag::Error => told.extend(message(frame).map(Told::Failed)),
            ServerTag::Notice => told.extend(message(frame).map(Told::Notice)),
            ServerTag::CopyIn | ServerTag::CopyOut | ServerTag::CopyBoth => {
                told.push(Told::Copying);
            }
            ServerTag::Notification => told.extend(notification(frame)),
            ServerTag::Parameter => told.extend(parameter(frame)),
            ServerTag::Ready => {
                told.extend(TransactionStatus::read(frame).ok().map(Told::Ready));
            }
            _ => {}
        }
        if is_end(frame.tag) {
            self.columns = None;
        }
        told
    }

    /// Of a Query its own; a Describe's are told with the rows that they are of.
    fn tell_columns(&mut self, frame: &FromServer, told: &mut Vec<Told>) {
        if matches!(self.sent.front(), Some(Sent::Describe(_))) {
            return;
        }
        if let Ok(columns) = RowDescription::read(frame) {
            self.columns = Some(columns.formatted());
            told.push(Told::Columns(columns.columns()));
        }
    }

    /// Once, before the first row or the end of an Execute.
    fn tell_columns_of_portal(&mut self, told: &mut Vec<Told>) {
        let Some(Sent::Execute(launched)) = self.sent.front() else { return };
        let portal = launched.portal.as_ref().filter(|_| self.columns.is_none());
        let columns = portal.and_then(|portal| portal.columns());
        if let Some(columns) = columns.filter(|columns| !columns.is_empty()) {
            let formats = columns.iter().enumerate();
            let is_binary = |at| portal.is_some_and(|portal| portal.is_binary(at));
            let formatted = formats.map(|(at, column)| (column.type_oid, is_binary(at)));
            told.push(Told::Columns(columns.clone()));
            self.columns = Some(formatted.collect());
        }
    }

    fn row(&self, row: DataRow<'_>) -> Row {
        let text =
            |(at, value): (usize, Option<&[u8]>)| {
                let (type_oid, is_binary) = self.format(at);
                value.map(|value| {
                    if is_binary { values::text(type_oid, value) } else { octets::keep(value) }
                })
            };
        row.values().enumerate().map(text).collect()
    }

    /// The type of a column of what is being told, and whether it comes in binary.
    fn format(&self, at: usize) -> (u32, bool) {
        let known = self.columns.as_ref().and_then(|columns| columns.get(at));
        known.copied().unwrap_or_else(|| match self.sent.front() {
            Some(Sent::Execute(launched)) => {
                let portal = launched.portal.as_ref();
                (0, portal.is_some_and(|portal| portal.is_binary(at)))
            }
            _ => (0, false),
        })
    }

    /// Notes the columns that a Describe asked for, or that there are none.
    pub(super) fn note_columns(&self, columns: Vec<Column>) {
        match self.sent.front() {
            Some(Sent::Describe(Described::Statement(prepared))) => {
                prepared.columns.set(columns).ok();
            }
            Some(Sent::Describe(Described::Portal(portal))) => {
                portal.columns.set(columns).ok();
            }
            _ => {}
        }
    }

    /// Notes the types of parameters that a Describe asked for.
    pub(super) fn note_types(&self, frame: &FromServer) {
        if let Some(Sent::Describe(Described::Statement(prepared))) = self.sent.front() {
            let mut fields = frame.fields();
            let count = fields.short().unwrap_or(0);
            let types = (0..count).map_while(|_| fields.long()).map(i32::cast_unsigned);
            prepared.types.set(types.collect()).ok();
        }
    }
}

fn is_end(tag: ServerTag) -> bool {
    matches!(
        tag,
        ServerTag::CommandComplete
            | ServerTag::PortalSuspended
            | ServerTag::Error
            | ServerTag::Ready
    )
}

fn message(frame: &FromServer) -> Option<ServerMessage> {
    ErrorFields::read(frame).ok().map(Into::into)
}

fn notification(frame: &FromServer) -> Option<Told> {
    let Notification { from, channel, payload } = Notification::read(frame).ok()?;
    Some(Told::Notification {
        from,
        channel: octets::keep(channel),
        payload: octets::keep(payload),
    })
}

fn parameter(frame: &FromServer) -> Option<Told> {
    let ParameterStatus { name, value } = ParameterStatus::read(frame).ok()?;
    Some(Told::Parameter { name: octets::keep(name), value: octets::keep(value) })
}
