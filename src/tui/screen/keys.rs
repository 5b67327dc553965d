//! Who reads the terminal's keys: this program, or one that it has lent them to. There is one
//! terminal, so there is one answer.

use std::sync::LazyLock;

use tokio::sync::watch;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reader {
    Ourselves,
    /// Ourselves, and we are to let go.
    Wanted,
    Another,
}

static READER: LazyLock<watch::Sender<Reader>> =
    LazyLock::new(|| watch::channel(Reader::Ourselves).0);

/// The keys, lent. Dropping it takes them back.
#[derive(Debug)]
pub(crate) struct Lent(());

impl Drop for Lent {
    fn drop(&mut self) {
        READER.send_replace(Reader::Ourselves);
    }
}

/// Lends the keys: nobody here waits for them any more when this returns. A thread of crossterm's
/// has been told to end then, and does before it reads anything. Nothing may be asked of crossterm
/// meanwhile: that could take what it was told away from that thread, and leave it waiting.
pub(crate) async fn lend() -> Lent {
    let lent = Lent(());
    if READER.receiver_count() == 0 {
        return lent;
    }
    READER.send_replace(Reader::Wanted);
    let mut reader = READER.subscribe();
    // It fails only if the sender is gone, and that is ours.
    let _ = reader.wait_for(|reader| *reader == Reader::Another).await;
    lent
}

/// Waits until somebody wants the keys.
pub(super) async fn are_wanted() {
    let mut reader = READER.subscribe();
    let _ = reader.wait_for(|reader| *reader == Reader::Wanted).await;
}

/// Lets go of the keys, and waits until they are ours again.
pub(super) async fn are_lent() {
    let mut reader = READER.subscribe();
    READER.send_if_modified(|reader| {
        let is_wanted = *reader == Reader::Wanted;
        if is_wanted {
            *reader = Reader::Another;
        }
        is_wanted
    });
    let _ = reader.wait_for(|reader| *reader == Reader::Ourselves).await;
}
