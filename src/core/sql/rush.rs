//! The rush. Its tables stand in a schema that is called `rush` here and gets its run's name when a
//! run begins.

pub const SEATS: &str = include_str!("../../../sql/rush/seats.sql");
pub const BOOKINGS: &str = include_str!("../../../sql/rush/bookings.sql");
/// Removes every seat.
pub const EMPTY_SEATS: &str = include_str!("../../../sql/rush/empty_seats.sql");
/// Forgets every sale.
pub const EMPTY_BOOKINGS: &str = include_str!("../../../sql/rush/empty_bookings.sql");
/// Some of the seats, all free.
pub const FILL: &str = include_str!("../../../sql/rush/fill.sql");
/// How many seats there are.
pub const COUNT_SEATS: &str = include_str!("../../../sql/rush/count_seats.sql");
/// Who has the seat?
pub const LOOK: &str = include_str!("../../../sql/rush/look.sql");
/// The same, under lock.
pub const LOOK_FOR_UPDATE: &str = include_str!("../../../sql/rush/look_for_update.sql");
/// The same, under lock or not at all.
pub const LOOK_NOWAIT: &str = include_str!("../../../sql/rush/look_nowait.sql");
/// The first free seat of a compartment that nobody has under lock.
pub const BEST_AVAILABLE: &str = include_str!("../../../sql/rush/best_available.sql");
/// Whether a compartment has a free seat.
pub const ANY_FREE: &str = include_str!("../../../sql/rush/any_free.sql");
pub const FREE_SEATS_INDEX: &str = include_str!("../../../sql/rush/free_seats_index.sql");
/// Sells the seat, whoever has it.
pub const SELL: &str = include_str!("../../../sql/rush/sell.sql");
/// Sells the seat if it is free.
pub const SELL_IF_FREE: &str = include_str!("../../../sql/rush/sell_if_free.sql");
/// Sells the seat if it has not changed.
pub const SELL_IF_VERSION: &str = include_str!("../../../sql/rush/sell_if_version.sql");
/// Who has the seat, and a fencing token left in its row.
pub const LOOK_FENCED: &str = include_str!("../../../sql/rush/look_fenced.sql");
/// The same for a leader, who has one token for many seats.
pub const LOOK_LED: &str = include_str!("../../../sql/rush/look_led.sql");
/// Sells the seat if the token is the last.
pub const SELL_FENCED: &str = include_str!("../../../sql/rush/sell_fenced.sql");
/// A lock on the seat's number.
pub const LOCK_SEAT: &str = include_str!("../../../sql/rush/lock_seat.sql");
/// The table of holds.
pub const HOLDS: &str = include_str!("../../../sql/rush/holds.sql");
/// Who holds the seat, and whether it is paid?
pub const LOOK_AT_HOLD: &str = include_str!("../../../sql/rush/look_at_hold.sql");
/// Takes the hold.
pub const HOLD: &str = include_str!("../../../sql/rush/hold.sql");
/// Sells the seat to its holder.
pub const PAY: &str = include_str!("../../../sql/rush/pay.sql");
/// Which requests got a seat.
pub const REQUESTS: &str = include_str!("../../../sql/rush/requests.sql");
/// Who has the seat, and which one has this request got already?
pub const LOOK_ONCE: &str = include_str!("../../../sql/rush/look_once.sql");
/// Sells the seat if it is free and the request has got none.
pub const SELL_ONCE: &str = include_str!("../../../sql/rush/sell_once.sql");
/// Up to where each partition of a topic is worked through.
pub const OFFSETS: &str = include_str!("../../../sql/rush/offsets.sql");
/// Every partition from its beginning.
pub const FILL_OFFSETS: &str = include_str!("../../../sql/rush/fill_offsets.sql");
/// Up to where is this partition worked through?
pub const OFFSET: &str = include_str!("../../../sql/rush/offset.sql");
/// The partition is worked through up to here.
pub const KEEP_OFFSET: &str = include_str!("../../../sql/rush/keep_offset.sql");
/// The partition begins anew.
pub const FORGET_OFFSET: &str = include_str!("../../../sql/rush/forget_offset.sql");
/// Sells the seat, and keeps the place in the partition.
pub const SELL_AT: &str = include_str!("../../../sql/rush/sell_at.sql");
/// Which seat a passenger has.
pub const BOOKING_OF: &str = include_str!("../../../sql/rush/booking_of.sql");
pub const LEDGER: &str = include_str!("../../../sql/rush/ledger.sql");
/// Every seat that somebody has.
pub const SOLD_SEATS: &str = include_str!("../../../sql/rush/sold_seats.sql");
/// Whether this server process is the one that answers.
pub const IS_PROCESS: &str = include_str!("../../../sql/rush/is_process.sql");
/// Which server process answers.
pub const BACKEND: &str = include_str!("../../../sql/rush/backend.sql");
/// Ends the process of a lost connection.
pub const DISMISS: &str = include_str!("../../../sql/rush/dismiss.sql");
/// Which transactions of others have our tables open.
pub const OTHERS: &str = include_str!("../../../sql/rush/others.sql");
/// Which statements of ours wait for a lock.
pub const WAITING: &str = include_str!("../../../sql/rush/waiting.sql");
