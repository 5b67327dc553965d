//! The driver's commands, in order, some of which cannot wait for a setup to end.

use std::collections::VecDeque;

use crate::run::Command;

/// Commands that have not been obeyed yet.
#[derive(Debug, Default)]
pub(crate) struct Orders {
    waiting: VecDeque<Command>,
    /// Whether the driver has left.
    is_abandoned: bool,
}

impl Orders {
    pub(crate) fn push(&mut self, command: Command) {
        self.waiting.push_back(command);
    }

    /// The driver has left.
    pub(crate) fn abandon(&mut self) {
        self.is_abandoned = true;
    }

    /// Whether the driver has left.
    pub(crate) fn is_abandoned(&self) -> bool {
        self.is_abandoned
    }

    /// The next command.
    pub(crate) fn next(&mut self) -> Option<Command> {
        self.waiting.pop_front()
    }

    /// Whether another setup is wanted: whatever is being set up is then pointless.
    pub(crate) fn has_another_setup(&self) -> bool {
        self.waiting.iter().any(asks_for_another_setup)
    }

    /// Drops what was meant for the scene that will not be, but for what somebody has typed, and
    /// for steps if it is only the engine that changes. What comes after the next setup is meant
    /// for that one.
    pub(crate) fn drop_the_pointless(&mut self) {
        let Some(next) = self.waiting.iter().position(asks_for_another_setup) else { return };
        let plays_on = matches!(self.waiting[next].plain(), Command::Switch(_));
        let kept = self.waiting.split_off(next);
        self.waiting.retain(|command| match command {
            Command::Submit { .. } => true,
            Command::Step | Command::StepEdited(_) => plays_on,
            _ => false,
        });
        self.waiting.extend(kept);
    }
}

fn asks_for_another_setup(command: &Command) -> bool {
    use Command::{GoTo, Open, OpenOn, Switch};
    matches!(command.plain(), GoTo(_) | Open(_) | OpenOn(..) | Switch(_))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::event::SessionName;
    use crate::core::scenario::EngineKind;

    /// What is left of these once the setup has been given up.
    fn left_of(commands: impl IntoIterator<Item = Command>) -> Vec<Command> {
        let mut orders = Orders::default();
        commands.into_iter().for_each(|command| orders.push(command));
        assert!(orders.has_another_setup());
        orders.drop_the_pointless();
        std::iter::from_fn(|| orders.next()).collect()
    }

    #[test]
    fn a_step_has_no_hurry_and_another_setup_has() {
        let mut orders = Orders::default();
        orders.push(Command::Step);
        assert!(!orders.has_another_setup());
        orders.push(Command::Again(Box::new(Command::GoTo(0))));
        assert!(orders.has_another_setup());
    }

    #[test]
    fn a_step_was_meant_for_the_old_setup() {
        assert_eq!(left_of([Command::Step, Command::GoTo(0)]), [Command::GoTo(0)]);
    }

    #[test]
    fn steps_outlive_a_change_of_engine_and_those_after_a_setup_are_meant_for_it() {
        let switch = Command::Switch(EngineKind::Optimistic);
        let commands = [Command::Step, switch.clone(), Command::Step, Command::GoTo(0)];
        assert_eq!(left_of(commands.clone()), commands);
        assert_eq!(left_of(commands[2..].to_vec()), [Command::GoTo(0)], "what was left is over");
    }

    #[test]
    fn what_was_typed_is_not_lost_and_what_was_asked_of_sessions_is() {
        let session = SessionName::new("Alice");
        let typed = Command::Submit { session: session.clone(), sql: "select 1".to_owned() };
        let commands = [Command::Cancel(session), typed.clone(), Command::GoTo(1)];
        assert_eq!(left_of(commands), [typed, Command::GoTo(1)]);
    }
}
