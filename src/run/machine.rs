//! What a run decides with: from what sessions say and the observer sees to what is sent and told.

pub(crate) mod actor;
pub(crate) mod ahead;
pub(crate) mod alias;
pub(crate) mod failure;
pub(crate) mod hearing;
pub(crate) mod hold;
pub(crate) mod lasting;
pub(crate) mod live_run;
pub(crate) mod names;
pub(crate) mod observation_scheduler;
pub(crate) mod orders;
pub(crate) mod pause;
pub(crate) mod private;
pub(crate) mod quiet;
pub(crate) mod schedule_position;
pub(crate) mod session_setup;
pub(crate) mod settle;
pub(crate) mod teardown;
