//! The notifications that sessions have got. They come when they come, so each counts for the first
//! line that speaks of it.

use std::collections::{BTreeMap, BTreeSet};

use crate::core::event::SessionName;
use crate::core::scenario::Expected;

/// A notification, by whose it is and its place among theirs.
pub(super) type Claim = (SessionName, usize);

#[derive(Clone, Debug, Default)]
pub(super) struct Inbox(BTreeMap<SessionName, Vec<Notification>>);

#[derive(Clone, Debug)]
struct Notification {
    channel: String,
    payload: String,
    from: Option<SessionName>,
    is_claimed: bool,
}

impl Inbox {
    pub(super) fn take(
        &mut self,
        session: &SessionName,
        channel: &str,
        payload: &str,
        from: Option<&SessionName>,
    ) {
        let (channel, payload, from) = (channel.to_owned(), payload.to_owned(), from.cloned());
        let notification = Notification { channel, payload, from, is_claimed: false };
        self.0.entry(session.clone()).or_default().push(notification);
    }

    /// The first notification of this session that the line speaks of and no other has spoken of.
    pub(super) fn find(
        &self,
        session: &SessionName,
        expected: &Expected,
        claimed: &BTreeSet<Claim>,
    ) -> Option<Claim> {
        let all = self.0.get(session)?.iter().enumerate();
        // Claims of this judgement are kept apart until it is over: one side of an `either:` may be
        // dropped.
        let mut free = all.filter(|(nth, it)| {
            !it.is_claimed && !claimed.contains(&(session.clone(), *nth)) && it.is(expected)
        });
        free.next().map(|(nth, _)| (session.clone(), nth))
    }

    /// What this session was notified of last.
    pub(super) fn describe(&self, session: &SessionName) -> String {
        let last = self.0.get(session).and_then(|all| all.iter().rfind(|it| !it.is_claimed));
        last.map_or_else(
            || "no notification".to_owned(),
            |it| format!("NOTIFY {}: {}", it.channel, it.payload).trim_end().to_owned(),
        )
    }

    pub(super) fn claim(&mut self, claims: &BTreeSet<Claim>) {
        for (session, nth) in claims {
            if let Some(claimed) = self.0.get_mut(session).and_then(|all| all.get_mut(*nth)) {
                claimed.is_claimed = true;
            }
        }
    }
}

impl Notification {
    fn is(&self, expected: &Expected) -> bool {
        let Expected::Notify { channel, payload, from } = expected else { return false };
        let is_from = from.is_none() || *from == self.from;
        *channel == self.channel && *payload == self.payload && is_from
    }
}
