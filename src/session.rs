//! One named session: a task, commands in, events out.
