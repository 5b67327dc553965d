//! The screen.

pub mod flash;
mod flow;
pub mod graph;
pub mod house;
pub mod remark;
mod seat_map;
mod table_view;
pub mod text;
pub mod theme;
