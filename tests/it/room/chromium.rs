//! The room's page in a real browser: thirty pages at once, pages that sleep, a phone's width and a
//! laptop's, and what axe-core finds.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use serde_json::json;

use super::browser::{Chromium, Page};
use super::{ALT_R, hide, leave, open, show};
use crate::terminal::{Terminal, key};

/// The same address, as this person calls it.
fn address_of(url: &str, person: usize) -> String {
    url.replacen("127.0.0.1", &format!("127.0.0.{}", person + 2), 1)
}

/// So many pages that have joined and seen the stage.
pub(super) fn joined(chromium: &Chromium, url: &str, count: usize) -> Vec<Page> {
    let pages = (0..count).map(|person| {
        let page = chromium.open();
        chromium.go(&address_of(url, person));
        chromium.until("document.body.dataset.event");
        page
    });
    pages.collect()
}

fn say_name(chromium: &Chromium, name: &str) {
    chromium.read(&format!(
        "(document.getElementById('name').value = '{name}', \
          document.querySelector('#call button').click(), true)"
    ));
    chromium.until(&format!("document.getElementById('me').textContent.includes('{name}')"));
}

fn press(chromium: &Chromium, seat: &str) {
    chromium.read(&format!("(document.querySelector('[data-key=\"{seat}\"]').click(), true)"));
}

/// Opens booking in the room's layer.
fn open_booking(console: &mut Terminal) {
    show(console);
    console.type_keys("b");
    console.wait_for("booking is open");
}

#[test]
fn thirty_pages_and_the_presenter() {
    let Some(chromium) = Chromium::here() else { return };
    let (mut console, url) = open();
    let begin = Instant::now();
    let pages = joined(&chromium, &url, 30);
    println!("30 pages joined after {:.1} s", begin.elapsed().as_secs_f64());
    console.type_keys(ALT_R);
    console.wait_for("30 browsers follow");
    console.type_keys(key::F5);
    for page in &pages {
        chromium.turn_to(page);
        chromium.until("document.getElementById('step').textContent.startsWith('Step 2 ')");
    }
    console.type_keys("b");
    console.wait_for("booking is open");
    for (number, page) in pages.iter().enumerate() {
        chromium.turn_to(page);
        say_name(&chromium, &format!("Guest{number}"));
        press(&chromium, ["A-2", "A-4", "A-5"][number % 3]);
    }
    let over = "[...document.querySelectorAll('#people li')].filter((it) => \
        /have|taken|late|4000|database/.test(it.textContent)).length === 30";
    chromium.until(over);
    hide(&mut console);
    leave(console);
}

/// All that a page shows.
const SHOWN: &str = "document.querySelector('main').textContent";

#[test]
fn pages_that_sleep_come_back_without_a_loss() {
    let Some(chromium) = Chromium::here() else { return };
    let (mut console, url) = open();
    let mut pages = joined(&chromium, &url, 11);
    let awake = pages.pop().unwrap();
    let offline = |is_offline: bool| {
        chromium.command("Network.enable", &json!({}));
        let conditions = json!({
            "offline": is_offline, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1,
        });
        chromium.command("Network.emulateNetworkConditions", &conditions);
    };
    for page in &pages {
        chromium.turn_to(page);
        offline(true);
    }
    for step in 2..=4 {
        console.type_keys(key::F5);
        console.wait_for(&format!("step {step} of"));
    }
    chromium.turn_to(&awake);
    chromium.until("document.getElementById('step').textContent.startsWith('Step 4 ')");
    // What the third step locks is seen a moment after its answer.
    chromium.until("document.getElementById('contested').textContent.includes('has locked it')");
    let shown = chromium.read(SHOWN);
    assert_eq!(chromium.read("document.querySelectorAll('#timeline code').length"), 3);
    for page in &pages {
        chromium.turn_to(page);
        offline(false);
        chromium.until("document.getElementById('step').textContent.startsWith('Step 4 ')");
        assert_eq!(chromium.read(SHOWN), shown, "nothing is missing and nothing came twice");
    }
    leave(console);
}

#[test]
fn the_keyboard_reaches_everything_and_the_page_fits_a_phone() {
    let Some(chromium) = Chromium::here() else { return };
    let (mut console, url) = open();
    let _page = joined(&chromium, &url, 1);
    open_booking(&mut console);
    for (width, height) in [(390, 844), (1280, 800)] {
        chromium.resize(width, height);
        let overflow = chromium.read("document.documentElement.scrollWidth - innerWidth");
        assert!(overflow.as_i64().unwrap() <= 0, "{width}: {overflow} pixels too wide");
        let shown =
            "[...document.querySelectorAll('.pane')].filter((it) => it.offsetParent).length";
        assert_eq!(chromium.read(shown), if width < 600 { 1 } else { 3 });
        if let Some(folder) = std::env::var_os("OVERBOOKED_SCREENSHOTS") {
            chromium.screenshot(&Path::new(&folder).join(format!("room-{width}.png")));
        }
    }
    say_name(&chromium, "Maria");
    chromium.read("(document.querySelector('[data-key=\"A-4\"]').focus(), true)");
    console.type_keys(key::F5);
    chromium.until("document.getElementById('step').textContent.startsWith('Step 2 ')");
    let focused = chromium.read("document.activeElement.dataset.key");
    assert_eq!(focused, "A-4", "what has the keyboard keeps it");
    hide(&mut console);
    leave(console);
}

/// axe-core's script, where npm has put it.
fn axe() -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let own = root.join("target/programs/node/node_modules/axe-core/axe.min.js");
    if own.exists() {
        return Some(own);
    }
    let global = Command::new("npm").args(["root", "-g"]).output().ok()?;
    let global = String::from_utf8(global.stdout).ok()?;
    Some(Path::new(global.trim()).join("axe-core/axe.min.js")).filter(|file| file.exists())
}

#[test]
fn axe_finds_nothing_serious() {
    let Some(chromium) = Chromium::here() else { return };
    let Some(axe) = axe().and_then(|file| std::fs::read_to_string(file).ok()) else {
        return println!("there is no axe-core here; the test is left out");
    };
    let (mut console, url) = open();
    let _page = joined(&chromium, &url, 1);
    open_booking(&mut console);
    for step in 2..=9 {
        console.type_keys(key::F5);
        console.wait_for(&format!("step {step} of"));
    }
    say_name(&chromium, "Maria");
    // What only some are shown is looked at as well.
    chromium.read("['own', 'remote'].map((it) => { document.getElementById(it).hidden = false; })");
    for (width, scheme) in [(390, "light"), (390, "dark"), (1280, "light"), (1280, "dark")] {
        chromium.resize(width, 844);
        let features = json!([{"name": "prefers-color-scheme", "value": scheme}]);
        chromium.command("Emulation.setEmulatedMedia", &json!({"features": features}));
        let found = chromium.wait(&format!(
            "{axe}; axe.run().then((it) => done(it.violations
                .filter((found) => ['serious', 'critical'].includes(found.impact))
                .map((found) => [found.id, found.nodes.map((node) =>
                    node.html + node.failureSummary)])))"
        ));
        assert_eq!(found, json!([]), "{width} {scheme}");
    }
    hide(&mut console);
    leave(console);
}

#[test]
fn a_question_is_answered_by_pressing_it() {
    let Some(chromium) = Chromium::here() else { return };
    let (mut console, url) = open();
    let _page = joined(&chromium, &url, 1);
    say_name(&chromium, "Maria");
    show(&mut console);
    console.type_keys("a");
    console.wait_for("asked: who will have A-4?");
    chromium.until("document.querySelector('#answers button')");
    let bob = "[...document.querySelectorAll('#answers button')]\
         .find((it) => it.textContent.startsWith('Bob'))";
    chromium.read(&format!("({bob}.click(), true)"));
    chromium.until(&format!("{bob}.getAttribute('aria-pressed') === 'true'"));
    console.wait_for("Bob           1 ");
    for step in 2..=12 {
        console.type_keys(key::F5);
        let is_played = if step == 12 { "All 11 steps " } else { &format!("Step {step} ") };
        chromium.until(&format!(
            "document.getElementById('step').textContent.startsWith('{is_played}')"
        ));
    }
    chromium.until("document.getElementById('outcome').textContent.endsWith('You were right.')");
    hide(&mut console);
    leave(console);
}

#[test]
fn high_contrast_tells_by_borders_what_colours_tell() {
    let Some(chromium) = Chromium::here() else { return };
    let (mut console, url) = open();
    let _page = joined(&chromium, &url, 1);
    open_booking(&mut console);
    say_name(&chromium, "Maria");
    for step in 2..=5 {
        console.type_keys(key::F5);
        console.wait_for(&format!("step {step} of"));
    }
    for (width, feature, value) in [
        (390, "forced-colors", "active"),
        (1280, "forced-colors", "active"),
        (390, "prefers-contrast", "more"),
        (1280, "prefers-contrast", "more"),
    ] {
        chromium.resize(width, 844);
        let features = json!([{"name": feature, "value": value}]);
        chromium.command("Emulation.setEmulatedMedia", &json!({"features": features}));
        let is_so = chromium.read(&format!("matchMedia('({feature}: {value})').matches"));
        assert_eq!(is_so, true, "{feature}");
        let borders = chromium.read(
            "['free', 'held', 'booked'].map((it) => document.querySelector(`.seat.${it}`))\
                .map((it) => it && getComputedStyle(it).borderTopStyle \
                    + getComputedStyle(it).borderTopWidth)",
        );
        let borders = borders.as_array().unwrap();
        assert_ne!(borders[0], borders[1], "free and held: {borders:?}");
        if feature == "forced-colors" {
            assert_ne!(borders[0], borders[2], "free and booked: {borders:?}");
        }
        if let Some(folder) = std::env::var_os("OVERBOOKED_SCREENSHOTS") {
            let file = format!("room-{feature}-{width}.png");
            chromium.screenshot(&Path::new(&folder).join(file));
        }
    }
    hide(&mut console);
    leave(console);
}
