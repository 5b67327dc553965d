//! Pictures, read as XML.

use proptest::prelude::*;
use ratatui::layout::Rect;
use ratatui::style::{Color, Style};

use super::*;

fn frame(lines: &[(&str, Style)]) -> Buffer {
    let height = u16::try_from(lines.len()).unwrap();
    let mut buffer = Buffer::empty(Rect::new(0, 0, 20, height));
    for (y, (line, style)) in (0..).zip(lines) {
        buffer.set_stringn(0, y, line, 20, *style);
    }
    buffer
}

/// The written pieces: column, text, colour and attributes.
fn written(svg: &str) -> Vec<(usize, String, String)> {
    let document = roxmltree::Document::parse(svg).unwrap();
    let texts = document.descendants().filter(|node| node.has_tag_name("text"));
    let piece = |node: roxmltree::Node<'_, '_>| {
        let x: usize = node.attribute("x").unwrap().parse().unwrap();
        let look = ["fill", "font-weight", "font-style", "text-decoration"];
        let look: Vec<&str> = look.iter().filter_map(|name| node.attribute(*name)).collect();
        ((x - MARGIN) / WIDTH, node.text().unwrap().to_owned(), look.join(" "))
    };
    texts.map(piece).collect()
}

#[test]
fn colours_and_attributes_are_kept() {
    let style = Style::new().fg(Color::Rgb(1, 2, 255)).bold().underlined();
    let svg = render(&frame(&[("a <b> & \"c\"", style), ("free", Style::new().red())]), "T & <t>");
    let pieces = written(&svg);
    assert_eq!(pieces[0].1, "a <b> & \"c\"");
    assert_eq!(pieces[0].2, "#0102ff bold underline");
    assert_eq!(pieces[1].2, palette::hex(Color::Red, INK));
    assert!(svg.contains("<title>T &amp; &lt;t&gt;</title>"));
}

#[test]
fn wide_characters_take_two_cells() {
    let svg = render(&frame(&[("a張b🎫c", Style::new())]), "");
    let places: Vec<(usize, String)> = written(&svg).into_iter().map(|(x, t, _)| (x, t)).collect();
    let trimmed: Vec<(usize, &str)> = places.iter().map(|(x, t)| (*x, t.trim_end())).collect();
    assert_eq!(trimmed, [(0, "a"), (1, "張"), (3, "b"), (4, "🎫"), (6, "c")]);
}

#[test]
fn what_is_reversed_changes_sides() {
    let svg = render(&frame(&[("x", Style::new().reversed())]), "");
    assert!(svg.contains(&format!("fill=\"{INK}\"/>")), "{svg}");
    assert_eq!(written(&svg)[0].2, BACKGROUND);
}

#[test]
fn the_margin_is_painted_as_the_screen_is() {
    let mut buffer = frame(&[("on paper", Style::new().black())]);
    buffer.set_style(buffer.area, Style::new().bg(Color::Rgb(252, 252, 250)));
    let svg = render(&buffer, "");
    let document = roxmltree::Document::parse(&svg).unwrap();
    let painted: Vec<_> = document
        .descendants()
        .filter(|node| node.has_tag_name("rect"))
        .map(|node| (node.attribute("rx"), node.attribute("fill").unwrap()))
        .collect();
    assert_eq!(painted, [(Some("8"), "#fcfcfa")], "{svg}");
}

#[test]
fn borders_are_drawn_and_not_written() {
    let svg = render(&frame(&[("╭─┬╮│▐▒▌╌⏳", Style::new())]), "");
    assert!(written(&svg).is_empty(), "{svg}");
    let document = roxmltree::Document::parse(&svg).unwrap();
    let paths = document.descendants().filter(|node| node.has_tag_name("path"));
    assert!(paths.filter_map(|path| path.attribute("d")).all(|d| d.starts_with('M')));
}

proptest! {
    #[test]
    fn any_text_gives_well_formed_xml(text in any::<String>(), title in any::<String>()) {
        let svg = render(&frame(&[(&text, Style::new()), ("]]>", Style::new())]), &title);
        prop_assert!(roxmltree::Document::parse(&svg).is_ok(), "{svg}");
    }
}
