//! The room: others follow the stage in their browsers, and take part.
//!
//! ```text
//!  the console's loop ── Listener ──▶ follow ──▶ Feed ──▶ events ──▶ thirty browsers
//!         ▲                                                              │
//!         └──── News ◀──────────── room ◀──────── requests ◀─────────────┘
//! ```
//!
//! It runs on a thread of its own, so that the console draws as fast with thirty followers as with
//! none; and there is neither thread nor port before somebody opens it. What is shown is the fold
//! that the screen has, too: see [`crate::stage::audience`].

use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Instant;

use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::stage::audience::Invitation;
use crate::stage::room::{News, Opened, Order, Overview, Standing};

mod address;
mod board;
mod booking;
mod feed;
mod follow;
mod limits;
mod name;
mod people;
mod qr;
mod question;
mod sales;
mod self_test;
mod server;
mod shared;
mod token;
mod typed;
mod view;

pub use address::{Address, AddressError};

use follow::{Asked, Ears};
use limits::Limits;
use people::People;
use shared::Shared;
use token::Keys;

/// What takes the room's news to the console; whether anybody is there to hear them.
pub type Say = Arc<dyn Fn(News) -> bool + Send + Sync>;

/// Opens and closes the room as it is told, until nobody can tell it anything any more.
pub async fn keep(
    address: Address,
    invitation: Invitation,
    mut orders: mpsc::UnboundedReceiver<Order>,
    say: Say,
) {
    let mut open: Option<Room> = None;
    while let Some(order) = orders.recv().await {
        match order {
            Order::Open => {
                if let Some(room) = open.take() {
                    close(room).await;
                }
                open = start(address, invitation.clone(), &say);
            }
            Order::Close => {
                if let Some(room) = open.take() {
                    close(room).await;
                }
                say(News::Glance(Box::default()));
            }
            order => {
                if let Some(room) = &open {
                    let _ = room.orders.send(order);
                }
            }
        }
    }
}

/// A room on its thread.
struct Room {
    thread: JoinHandle<()>,
    /// To those who take part.
    orders: mpsc::UnboundedSender<Order>,
    closing: DropGuard,
}

fn start(address: Address, invitation: Invitation, say: &Say) -> Option<Room> {
    let closing = CancellationToken::new();
    let (closed, told) = (closing.clone(), Arc::clone(say));
    let begin = Instant::now();
    let (orders, obeyed) = mpsc::unbounded_channel();
    let thread = std::thread::Builder::new().name("room".to_owned()).spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let opened = runtime.and_then(|runtime| {
            runtime.block_on(async {
                let (asks, asked) = mpsc::channel(follow::REQUESTS);
                let opened = open(address, &told, asks).await?;
                opened.run(invitation, Ears { asked, orders: obeyed, begin }, closed).await;
                Ok(())
            })
        });
        if let Err(error) = opened {
            fail(&told, format!("the room cannot be opened at {address}: {error}"));
        }
    });
    match thread {
        Ok(thread) => Some(Room { thread, orders, closing: closing.drop_guard() }),
        Err(error) => {
            fail(say, format!("the room cannot be opened: {error}"));
            None
        }
    }
}

fn fail(say: &Say, why: String) {
    say(News::Glance(Box::new(Overview {
        standing: Standing::Failed(why),
        ..Overview::default()
    })));
}

/// Closes the room, so that its address is free again.
async fn close(room: Room) {
    let Room { thread, closing, .. } = room;
    drop(closing);
    // It ends at once, and takes nothing with it that anybody waits for.
    let _ = tokio::task::spawn_blocking(move || thread.join()).await;
}

/// A room that listens.
struct OpenRoom {
    listener: TcpListener,
    shared: Arc<Shared>,
}

async fn open(address: Address, say: &Say, asks: mpsc::Sender<Asked>) -> io::Result<OpenRoom> {
    let listener = TcpListener::bind(address.0).await?;
    let bound = listener.local_addr()?;
    let keys = Keys::new();
    let url = address::joining(bound, &keys.guests);
    let opened = Opened {
        code: qr::code(&url),
        address: url,
        port: bound.port(),
        is_loopback: bound.ip().is_loopback(),
        ..Opened::default()
    };
    let limits = Limits::default();
    let shared = Arc::new(Shared::new(bound, keys, limits, opened, Arc::clone(say), asks));
    shared.tell();
    Ok(OpenRoom { listener, shared })
}

impl OpenRoom {
    async fn run(self, invitation: Invitation, ears: Ears, closed: CancellationToken) {
        let Self { listener, shared } = self;
        let mut people = People::default();
        let following = follow::follow(invitation, &shared, &mut people, ears);
        let serving = server::serve(listener, Arc::clone(&shared));
        let testing = self_test::run(&shared);
        tokio::select! {
            () = closed.cancelled() => {}
            ((), (), ()) = async { tokio::join!(following, serving, testing) } => {}
        }
        people.leave();
        for command in people.take_commands() {
            shared.say(News::Ask(command));
        }
    }
}
