//! The end of a run that somebody has stopped: whatever its sessions do is over, and the teardowns
//! are played.
//!
//! Where a connection stands that was left in the middle of something, nobody knows, so everybody
//! goes, and somebody new tidies up. Going rolls back what was open.

use std::time::Duration;

use futures::future::join_all;
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::client::{Answer, Client};
use super::connections::Connections;
use super::news::TellingSender;
use crate::core::event::SessionName;
use crate::core::scenario::Scenario;
use crate::reports::isolation_output::{Complaint, Whose};

/// How long tidying up may take.
const TIDY_UP: Duration = Duration::from_secs(3);

/// How long a cancelled session is listened to before it is cancelled again.
const HEARING: Duration = Duration::from_millis(100);

/// Ends what the cast does and plays the specification's teardowns, those of its sessions first.
/// What fails in them is passed over: nobody knows how far the setup was played. A teardown that
/// could not be played at all is told.
pub(super) async fn fall(mut cast: Connections, spec: &Scenario) {
    let news = std::mem::replace(&mut cast.news, silence());
    let reason = match timeout(TIDY_UP, tidy_up(cast, spec)).await {
        Ok(Ok(())) => return,
        Ok(Err(reason)) => format!("{reason}\n"),
        Err(_) => format!("it did not finish within {} s\n", TIDY_UP.as_secs()),
    };
    news.complain(Complaint::Teardown(Whose::Control, reason));
}

/// Nobody wants to hear more of a run that was stopped.
fn silence() -> TellingSender {
    TellingSender::new(mpsc::unbounded_channel().0)
}

async fn tidy_up(mut cast: Connections, spec: &Scenario) -> Result<(), String> {
    let target = cast.target.clone();
    join_all(cast.sessions.iter_mut().chain([&mut cast.control]).map(call_off)).await;
    cast.close().await;
    let mut client = Client::connect(&target, &SessionName::new("teardown"), "")
        .await
        .map_err(|error| error.to_string())?;
    let mut news = silence();
    client.finish(&mut news).await.map_err(|error| error.to_string())?;
    let own = spec.sessions.iter().filter_map(|player| player.teardown.as_ref());
    for sql in own.chain(&spec.teardown).map(|statement| statement.sql.as_str()) {
        if let Answer::Failed(message) = client.execute(sql, &mut news).await? {
            tracing::warn!(sql, message.message, "a teardown failed");
        }
    }
    client.close().await;
    Ok(())
}

/// What a session is busy with ends only when it is cancelled, and it must have ended before
/// anybody rolls back: what waits for a lock would get it then. A cancel that comes before the
/// server has begun is lost, so it is told until it is heard.
async fn call_off(client: &mut Client) {
    client.gather();
    while !client.is_idle() {
        if let Err(error) = client.canceller().cancel().await {
            tracing::warn!(%error, session = %client.name, "it could not be cancelled");
        }
        let _over = timeout(HEARING, client.hear()).await;
    }
}
