//! The table of what is compiled in: the stories in the order in which they are best learned, then
//! the ten anomalies of Hermitage at each isolation level.

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
pub const ENTRIES: [Entry; 65] = [
    entry!("adjacent-seats"),
    entry!("last-ticket"),
    entry!("last-ticket-for-update"),
    entry!("last-ticket-conditional-update"),
    entry!("last-ticket-version"),
    entry!("last-ticket-repeatable-read"),
    entry!("last-ticket-serializable"),
    entry!("lost-update-read-committed"),
    entry!("lost-update-repeatable-read"),
    entry!("lost-update-serializable"),
    entry!("non-repeatable-read-read-committed"),
    entry!("non-repeatable-read-repeatable-read"),
    entry!("non-repeatable-read-serializable"),
    entry!("phantom-read-committed"),
    entry!("phantom-repeatable-read"),
    entry!("phantom-serializable"),
    entry!("write-skew-repeatable-read"),
    entry!("write-skew-serializable"),
    entry!("write-skew-for-update"),
    entry!("report-from-a-snapshot"),
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
    entry!("hermitage/g0-read-committed"),
    entry!("hermitage/g0-repeatable-read"),
    entry!("hermitage/g0-serializable"),
    entry!("hermitage/g1a-read-committed"),
    entry!("hermitage/g1a-repeatable-read"),
    entry!("hermitage/g1a-serializable"),
    entry!("hermitage/g1b-read-committed"),
    entry!("hermitage/g1b-repeatable-read"),
    entry!("hermitage/g1b-serializable"),
    entry!("hermitage/g1c-read-committed"),
    entry!("hermitage/g1c-repeatable-read"),
    entry!("hermitage/g1c-serializable"),
    entry!("hermitage/otv-read-committed"),
    entry!("hermitage/otv-repeatable-read"),
    entry!("hermitage/otv-serializable"),
    entry!("hermitage/pmp-read-committed"),
    entry!("hermitage/pmp-repeatable-read"),
    entry!("hermitage/pmp-serializable"),
    entry!("hermitage/p4-read-committed"),
    entry!("hermitage/p4-repeatable-read"),
    entry!("hermitage/p4-serializable"),
    entry!("hermitage/g-single-read-committed"),
    entry!("hermitage/g-single-repeatable-read"),
    entry!("hermitage/g-single-serializable"),
    entry!("hermitage/g2-item-read-committed"),
    entry!("hermitage/g2-item-repeatable-read"),
    entry!("hermitage/g2-item-serializable"),
    entry!("hermitage/g2-read-committed"),
    entry!("hermitage/g2-repeatable-read"),
    entry!("hermitage/g2-serializable"),
];
