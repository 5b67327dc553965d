//! One file a subcommand.

pub mod cli;
pub mod compare;
pub mod config;
pub mod console;
pub mod ctl;
pub mod debug;
pub mod exit;
pub mod explore;
pub mod explore_programs;
pub mod launch;
pub mod log;
pub mod matrix;
pub mod new;
pub mod own_files;
pub mod own_tables;
pub mod play;
mod programs;
pub mod rush;
pub mod serve;
pub mod sessions;
pub mod show;
pub mod spec;
