//! The table of what is compiled in: the stories in the order in which they are best learned, those
//! with a lock service beside the database, then the ten anomalies of Hermitage.

use super::Entry;

/// The scenario of that name, its file compiled in.
macro_rules! entry {
    ($name:literal) => {
        Entry {
            name: $name,
            text: include_str!(concat!("../../../../sql/scenarios/", $name, ".sql")),
        }
    };
}

/// All scenarios that come with the program, in the order in which they are best learned.
pub const ENTRIES: [Entry; 48] = [
    entry!("adjacent-seats"),
    entry!("last-ticket"),
    entry!("last-ticket-for-update"),
    entry!("last-ticket-conditional-update"),
    entry!("last-ticket-version"),
    entry!("last-ticket-counted"),
    entry!("three-buyers"),
    entry!("lost-update"),
    entry!("non-repeatable-read"),
    entry!("phantom"),
    entry!("write-skew"),
    entry!("write-skew-for-update"),
    entry!("write-skew-of-three"),
    entry!("report-from-a-snapshot"),
    entry!("two-transfers-and-an-audit"),
    entry!("retry-loop"),
    entry!("queue-of-waiters"),
    entry!("nowait"),
    entry!("lock-timeout"),
    entry!("skip-locked"),
    entry!("deadlock"),
    entry!("unique-key-race"),
    entry!("idempotent-booking"),
    entry!("for-share"),
    entry!("for-key-share"),
    entry!("hold-with-time-limit"),
    entry!("booking-requests"),
    entry!("advisory-lock"),
    entry!("lease-with-fencing-tokens"),
    entry!("leader-election"),
    entry!("serializable-savepoint"),
    entry!("serializable-tid-scan"),
    entry!("serializable-summarised"),
    entry!("chubby/expired-lease"),
    entry!("chubby/lock-delay"),
    entry!("chubby/sequencer"),
    entry!("chubby/paused-leader"),
    entry!("chubby/name-service"),
    entry!("hermitage/g0"),
    entry!("hermitage/g1a"),
    entry!("hermitage/g1b"),
    entry!("hermitage/g1c"),
    entry!("hermitage/otv"),
    entry!("hermitage/pmp"),
    entry!("hermitage/p4"),
    entry!("hermitage/g-single"),
    entry!("hermitage/g2-item"),
    entry!("hermitage/g2"),
];

/// What was called otherwise once. A level at the end of a name is no entry of this table: it is
/// asked for with `--isolation`.
pub(super) const RENAMED: [(&str, &str); 1] = [("last-ticket-serializable", "last-ticket-counted")];
