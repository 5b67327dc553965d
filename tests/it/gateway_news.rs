//! What only the gateway can tell, and what only its client can see: private changes, and why a
//! COMMIT was refused.

use overbooked::core::seats::HoldKind;
use overbooked::gateway::{Happening, News, PrivateChange};
use tokio::sync::mpsc::UnboundedReceiver;

use crate::gateway::{CONFLICT, says, served_seats};

async fn next_of(
    news: &mut UnboundedReceiver<News>,
    application: &str,
    wanted: impl Fn(&Happening) -> bool,
) -> Happening {
    let find = async {
        loop {
            let news = news.recv().await.unwrap();
            if news.application == application && wanted(&news.what) {
                return news.what;
            }
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(20), find).await.unwrap()
}

fn some_changes(what: &Happening) -> bool {
    matches!(what, Happening::Private(changes) if !changes.is_empty())
}

fn value<'c>(change: &'c PrivateChange, column: &str) -> Option<&'c str> {
    let values = change.becomes.as_ref()?;
    values.iter().find(|(name, _)| name == column)?.1.as_deref()
}

#[tokio::test]
async fn private_bookings_and_the_winner_are_told() {
    let (mut served, bob, mallory) = served_seats().await;
    let mut news = served.gateway.events().unwrap();
    says(&bob, "set application_name = 'Bob'").await;
    says(&mallory, "set application_name = 'Mallory'").await;
    let book = "begin; update seats set booked_by = 'X' where seat_number = 4";
    says(&bob, &book.replace('X', "Bob")).await;
    says(&mallory, &book.replace('X', "Mallory")).await;
    for name in ["Bob", "Mallory"] {
        let told = next_of(&mut news, name, some_changes).await;
        let Happening::Private(changes) = told else { unreachable!() };
        assert_eq!((changes.len(), changes[0].key.as_str()), (1, "A-4"));
        assert_eq!(
            (changes[0].kind, value(&changes[0], "booked_by")),
            (HoldKind::Write, Some(name))
        );
    }
    assert_eq!(says(&bob, "commit").await, "(0)");
    assert_eq!(says(&mallory, "commit").await, CONFLICT);
    let why = next_of(&mut news, "Mallory", |what| matches!(what, Happening::Conflict(_))).await;
    let Happening::Conflict(why) = why else { unreachable!() };
    assert_eq!((why.table.as_str(), why.key.as_str()), ("seats", "A-4"));
    assert_eq!(why.winner.as_deref(), Some("Bob"));
}

#[tokio::test]
async fn a_view_shows_its_reader_what_the_reader_wrote() {
    let (served, bob, mallory) = served_seats().await;
    let view = "create view free as select seat_number from seats where booked_by is null";
    served.outsider().await.batch_execute(view).await.unwrap();
    assert_eq!(says(&bob, "begin; select count(*) from free").await, "(0); 2; (1)");
    assert_eq!(says(&bob, "update seats set booked_by = 'Bob' where seat_number = 4").await, "(1)");
    assert_eq!(says(&bob, "select seat_number from free").await, "1; (1)");
    assert_eq!(says(&mallory, "select count(*) from free").await, "2; (1)");
    assert_eq!(says(&bob, "commit; select seat_number from free").await, "(0); 1; (1)");
    assert_eq!(says(&mallory, "select seat_number from free").await, "1; (1)");
}
