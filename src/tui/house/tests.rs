use proptest::prelude::*;
use ratatui::Terminal;
use ratatui::backend::TestBackend;

use super::sample::*;
use super::*;
use crate::seats::{HoldKind, Holder};
use crate::tui::theme::{Charset, Depth, Theme};

fn drawn_in(house: &House, width: u16, height: u16, scene: &Scene<'_>) -> Terminal<TestBackend> {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| draw(house, frame.area(), frame.buffer_mut(), scene)).unwrap();
    terminal
}

fn drawn(house: &House, width: u16, height: u16) -> String {
    drawn_in(house, width, height, &scene()).backend().to_string()
}

/// At the height that the house asks for.
fn drawn_whole(house: &House, width: u16) -> String {
    drawn(house, width, desired_height(house, width, &scene()))
}

#[test]
fn look() {
    println!("{}", drawn_whole(&picture(), 120));
    println!("{}", drawn_whole(&picture(), 80));
    println!("{}", drawn_whole(&cinema(10), 80));
    println!("{}", drawn(&cinema(10), 80, 12));
    println!("{}", drawn(&cinema(20), 80, 12));
    println!("{}", drawn_whole(&cinema(10), 120));
    println!("{}", drawn_whole(&cinema(10), 200));
}
