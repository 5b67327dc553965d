//! The driver's commands, in order, some of which cannot wait for a setup to end.

use std::collections::VecDeque;

use tokio::sync::mpsc;

use crate::run::Command;

/// Commands on their way to the director.
#[derive(Debug)]
pub(crate) struct Orders {
    incoming: mpsc::UnboundedReceiver<Command>,
    /// Those that came while a stage was being set up.
    deferred: VecDeque<Command>,
}

impl Orders {
    /// The orders of a driver that holds the other end.
    pub(crate) fn new(incoming: mpsc::UnboundedReceiver<Command>) -> Self {
        Self { incoming, deferred: VecDeque::new() }
    }

    /// The next command; none once the driver has left.
    pub(crate) async fn next(&mut self) -> Option<Command> {
        match self.deferred.pop_front() {
            Some(command) => Some(command),
            None => self.incoming.recv().await,
        }
    }

    /// Waits until the driver has left. Commands are kept for [`next`](Self::next), and nothing is
    /// lost if the wait is given up.
    pub(crate) async fn abandonment(&mut self) {
        while let Some(command) = self.incoming.recv().await {
            self.deferred.push_back(command);
        }
    }

    /// Waits until a setup that is under way has become pointless: the driver has left, or wants
    /// another. What was meant for the scene that will not be is dropped then, but for what
    /// somebody has typed, and for steps if it is only the engine that changes; other commands are
    /// kept for [`next`](Self::next), and nothing is lost if the wait is given up.
    pub(crate) async fn overtaking(&mut self) {
        while !self.has_another_setup() {
            match self.incoming.recv().await {
                Some(command) => self.deferred.push_back(command),
                None => return,
            }
        }
        self.drop_the_pointless();
    }

    /// What comes after the next setup is meant for that one.
    fn drop_the_pointless(&mut self) {
        let Some(next) = self.deferred.iter().position(asks_for_another_setup) else { return };
        let plays_on = matches!(self.deferred[next].plain(), Command::Switch(_));
        let kept = self.deferred.split_off(next);
        self.deferred.retain(|command| match command {
            Command::Submit { .. } => true,
            Command::Step | Command::StepEdited(_) => plays_on,
            _ => false,
        });
        self.deferred.extend(kept);
    }

    /// Whether another setup is wanted.
    pub(crate) fn has_another_setup(&self) -> bool {
        self.deferred.iter().any(asks_for_another_setup)
    }
}

fn asks_for_another_setup(command: &Command) -> bool {
    use Command::{GoTo, Open, OpenOn, Switch};
    matches!(command.plain(), GoTo(_) | Open(_) | OpenOn(..) | Switch(_))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn steps_wait_for_the_setup_and_another_setup_does_not() {
        let (commands, incoming) = mpsc::unbounded_channel();
        let mut orders = Orders::new(incoming);
        commands.send(Command::Step).unwrap();
        tokio::select! {
            biased;
            () = orders.overtaking() => panic!("a step has no hurry"),
            () = std::future::ready(()) => {}
        }
        commands.send(Command::GoTo(0)).unwrap();
        orders.overtaking().await;
        assert_eq!(
            orders.next().await,
            Some(Command::GoTo(0)),
            "the step was meant for the old setup"
        );
        commands.send(Command::Step).unwrap();
        assert_eq!(orders.next().await, Some(Command::Step));
    }

    #[tokio::test]
    async fn steps_outlive_a_change_of_engine_and_those_after_a_setup_are_meant_for_it() {
        let (commands, incoming) = mpsc::unbounded_channel();
        let mut orders = Orders::new(incoming);
        let switch = Command::Switch(crate::core::scenario::EngineKind::Optimistic);
        for command in [Command::Step, switch.clone(), Command::Step, Command::GoTo(0)] {
            commands.send(command).unwrap();
        }
        drop(commands);
        orders.overtaking().await;
        assert_eq!(orders.next().await, Some(Command::Step));
        assert_eq!(orders.next().await, Some(switch));
        orders.abandonment().await;
        orders.overtaking().await;
        assert_eq!(orders.next().await, Some(Command::GoTo(0)), "what was left to play is over");
    }

    #[tokio::test]
    async fn orders_end_with_their_driver() {
        let (commands, incoming) = mpsc::unbounded_channel();
        let mut orders = Orders::new(incoming);
        drop(commands);
        orders.overtaking().await;
        orders.abandonment().await;
        assert_eq!(orders.next().await, None);
    }
}
