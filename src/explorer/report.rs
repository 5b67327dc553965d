//! What was found, written for people and for programs.

use std::fmt::Write as _;

use crate::explorer::expected::{Expected, Fate, Told, is_bad};
use crate::explorer::exploration::Exploration;
use crate::explorer::explore::{Judged, Rank};
use crate::explorer::search::Mode;
use crate::explorer::serial::Verdict;

mod export;
mod json;
mod levels;
mod markdown;
mod told;

pub use export::{Permutation, Specification, every_permutation, permutations};
pub use json::{json, order_line};
pub use levels::levels;
pub use markdown::markdown;
pub use told::witness;

use told::{counted, plural, width, witness_of_programs};

/// A line is folded where it would be longer than this.
const WIDEST: usize = 118;

/// The classes in the order in which they are told.
pub fn in_order(exploration: &Exploration) -> Vec<usize> {
    let classes = &exploration.found.classes;
    let mut order: Vec<usize> = (0..classes.len()).collect();
    order.sort_by_key(|&at| {
        let class = &classes[at].class;
        Rank::of(is_bad(&classes[at]), class.orders, &class.witness)
    });
    order
}

/// Everything, for a terminal.
pub fn text(exploration: &Exploration) -> String {
    let mut text = format!("{}: {}\n", exploration.scenario.name, head(exploration));
    text += &table(exploration);
    for line in remarks(exploration) {
        let _ = writeln!(text, "{line}");
    }
    text
}

/// `2 sessions, 8 steps: 70 orders · 9 played, the rest are equivalent · 0.3 s · PostgreSQL 15.18,
/// read committed`.
pub(crate) fn head(exploration: &Exploration) -> String {
    let Exploration { program, took, .. } = exploration;
    let sessions = program.sessions.iter().filter(|steps| !steps.is_empty()).count();
    format!(
        "{}, {}: {} · {} · {:.1} s · {}",
        plural(sessions as u64, "session"),
        plural(program.steps() as u64, "step"),
        orders(exploration),
        coverage(exploration),
        took.as_secs_f64(),
        place(exploration),
    )
}

/// `PostgreSQL 15.18, read committed`.
pub(crate) fn place(exploration: &Exploration) -> String {
    use crate::core::scenario::EngineKind;
    let Exploration { engine, product, level, .. } = exploration;
    match engine {
        EngineKind::Optimistic => format!("optimistic engine on {product}"),
        _ => format!("{product}, {}", level.as_sql()),
    }
}

/// `70 orders`, `70 orders, 46 of them possible`.
fn orders(exploration: &Exploration) -> String {
    let Some(all) = exploration.program.orders() else {
        return "more orders than can be counted".to_owned();
    };
    let is_whole = exploration.found.is_complete && !is_sample(exploration);
    let possible = exploration.found.orders.filter(|possible| is_whole && *possible < all);
    match possible {
        Some(possible) => {
            format!("{}, {} of them possible", plural(all, "order"), counted(Some(possible)))
        }
        None => plural(all, "order"),
    }
}

fn is_sample(exploration: &Exploration) -> bool {
    matches!(exploration.options.mode, Mode::Sample { .. })
}

/// How much of it was played, in words.
pub(crate) fn coverage(exploration: &Exploration) -> String {
    let found = &exploration.found;
    let plays = counted(Some(found.plays));
    let classes = match found.classes.len() {
        1 => "1 class so far".to_owned(),
        many => format!("{many} classes so far"),
    };
    match (exploration.options.mode, found.is_interrupted, found.is_complete) {
        (Mode::Sample { seed, .. }, false, _) => {
            format!("{plays} sampled, seed {seed}, {classes}")
        }
        (_, true, _) => format!("stopped after {plays}, {classes}"),
        (_, false, false) if exploration.coverage.diverged > 0 => format!(
            "{plays} played, which stand for {}, {} could not be played again, {classes}",
            counted(found.orders),
            plural(exploration.coverage.diverged, "order"),
        ),
        (_, false, false) => format!(
            "{plays} played, which stand for {}, then the budget was spent, {classes}",
            counted(found.orders)
        ),
        (Mode::Every, false, true) => "all played".to_owned(),
        (Mode::Reduced, false, true) if found.orders == Some(found.plays) => {
            "all played".to_owned()
        }
        (Mode::Reduced, false, true) => format!("{plays} played, the rest are equivalent"),
    }
}

/// The rows of the table: what each class is, how many orders, its verdict, its witness.
pub(crate) struct Row {
    pub(crate) is_bad: bool,
    pub(crate) is_unknown: bool,
    pub(crate) name: String,
    pub(crate) orders: String,
    pub(crate) verdict: String,
    pub(crate) witness: String,
}

pub(crate) fn rows(exploration: &Exploration) -> Vec<Row> {
    in_order(exploration).into_iter().map(|class| row(exploration, class)).collect()
}

fn row(exploration: &Exploration, class: usize) -> Row {
    let judged = &exploration.found.classes[class];
    Row {
        is_bad: is_bad(judged),
        is_unknown: !matches!(judged.verdict, Some(Verdict::Serial(_) | Verdict::Anomaly { .. })),
        name: exploration.names[class].clone(),
        orders: counted(judged.class.orders),
        verdict: verdict(exploration, class),
        witness: in_words(exploration, class),
    }
}

fn in_words(exploration: &Exploration, class: usize) -> String {
    let Exploration { scenario, program, deeds, .. } = exploration;
    let turns = &exploration.found.classes[class].class.witness;
    match deeds {
        Some(deeds) => witness_of_programs(scenario, turns, &deeds[class]),
        None => witness(scenario, program, turns),
    }
}

/// `Alice, Bob`; `in no order: lost update`.
pub(crate) fn verdict(exploration: &Exploration, class: usize) -> String {
    let judged = &exploration.found.classes[class];
    let told = match &judged.verdict {
        None => "not judged".to_owned(),
        Some(Verdict::Unknown) => "not known: too many orders to try".to_owned(),
        Some(Verdict::Anomaly { .. }) => match exploration.kinds[class] {
            Some(kind) => format!("in no order: {kind}"),
            None => "in no order".to_owned(),
        },
        Some(Verdict::Serial(order)) => {
            let mut who: Vec<&str> = order
                .iter()
                .map(|it| exploration.scenario.sessions[it.session].name.as_str())
                .collect();
            who.dedup();
            if who.is_empty() { "nobody".to_owned() } else { who.join(", ") }
        }
    };
    let what = if exploration.deeds.is_some() { "the check" } else { "an invariant" };
    if judged.class.broken.is_empty() { told } else { format!("{told}; breaks {what}") }
}

fn table(exploration: &Exploration) -> String {
    let rows = rows(exploration);
    let widest = |cell: fn(&Row) -> &str, title: &str| {
        rows.iter().map(|row| width(cell(row))).chain([width(title)]).max().unwrap_or(0)
    };
    let (outcome, orders) = ("outcome", "orders");
    let (like, shortest) = ("like one after another?", "shortest witness");
    let name = widest(|row| &row.name, outcome);
    let count = widest(|row| &row.orders, orders);
    let verdict = widest(|row| &row.verdict, like);
    let witness = widest(|row| &row.witness, shortest);
    let is_beside = 2 + name + 2 + count + 3 + verdict + 3 + witness <= WIDEST;
    let mut text = format!(
        "  {}  {}   {}",
        padded(outcome, name),
        aligned(orders, count),
        padded(like, verdict)
    );
    if is_beside {
        let _ = write!(text, "   {shortest}");
    }
    text = format!("{}\n", text.trim_end());
    for row in &rows {
        let line = format!(
            "{} {}  {}   {}",
            mark(row),
            padded(&row.name, name),
            aligned(&row.orders, count),
            padded(&row.verdict, verdict)
        );
        if is_beside {
            let _ = writeln!(text, "{line}   {}", row.witness);
        } else {
            let _ = writeln!(text, "{}", line.trim_end());
            for part in folded(&row.witness, WIDEST - 4) {
                let _ = writeln!(text, "    {part}");
            }
        }
    }
    text
}

pub(crate) fn mark(row: &Row) -> char {
    match (row.is_bad, row.is_unknown) {
        (true, _) => '\u{2717}',
        (false, true) => '?',
        (false, false) => '\u{2714}',
    }
}

fn padded(text: &str, to: usize) -> String {
    format!("{text}{}", " ".repeat(to.saturating_sub(width(text))))
}

fn aligned(text: &str, to: usize) -> String {
    format!("{}{text}", " ".repeat(to.saturating_sub(width(text))))
}

/// In lines of this width, parted between steps.
fn folded(witness: &str, wide: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for part in witness.split_inclusive(" · ") {
        match lines.last_mut() {
            Some(line) if width(line) + width(part.trim_end()) <= wide => line.push_str(part),
            _ => lines.push(part.to_owned()),
        }
    }
    lines.into_iter().map(|line| line.trim_end().to_owned()).collect()
}

/// What is to be said besides: invariants, stability, what was widened, what the file says.
pub(crate) fn remarks(exploration: &Exploration) -> Vec<String> {
    let mut lines = broken(exploration);
    lines.extend(stability(exploration));
    lines.extend(exploration.notes.clone());
    if exploration.coverage.diverged > 0 {
        lines.push(format!(
            "{} could not be played again: something here does not depend on the order alone",
            plural(exploration.coverage.diverged, "order")
        ));
    }
    let note = exploration.scenario.level_note(exploration.engine, exploration.level);
    lines.extend(note);
    let expected = Expected::of(exploration);
    lines.extend(expected.told.iter().map(|told| claim(exploration, told)));
    if exploration.deeds.is_some() {
        // Programs come without a file that could expect anything.
        return lines;
    }
    let has_lines = !expected.told.is_empty();
    for class in expected.unexpected {
        let name = &exploration.names[class];
        let what = verdict(exploration, class);
        let but =
            if has_lines { "no line of the file expects" } else { "the file does not expect" };
        lines.push(format!("\u{2717} {but} {name} ({what})"));
    }
    lines
}

fn broken(exploration: &Exploration) -> Vec<String> {
    if exploration.deeds.is_some() {
        // There is one check, and the table says where it is broken.
        return Vec::new();
    }
    let classes = exploration.found.classes.iter().zip(&exploration.names);
    let each = classes.flat_map(|(judged, name)| {
        judged.class.broken.iter().map(move |broken| {
            let sql = &exploration.scenario.invariants[broken.invariant].sql;
            let after = match broken.after {
                Some(_) => " on the way",
                None => "",
            };
            format!("\u{2717} {name} breaks{after}: {sql}, which gave {}", broken.gave)
        })
    });
    each.collect()
}

/// `each witness was played again 5 times and came to the same`, or which were not stable.
fn stability(exploration: &Exploration) -> Vec<String> {
    let classes = exploration.found.classes.iter().enumerate();
    let again: Vec<(usize, &Judged)> = classes.filter(|(_, it)| !it.again.is_empty()).collect();
    let unstable: Vec<String> = again
        .iter()
        .filter(|(class, judged)| judged.again.iter().any(|(came, _)| came != class))
        .map(|(class, judged)| {
            let came = judged.again.iter();
            let came = came.map(|(to, often)| format!("{often} times {}", exploration.names[*to]));
            let came: Vec<String> = came.collect();
            format!(
                "? {}: its witness, played again, came {}",
                exploration.names[*class],
                came.join(", ")
            )
        })
        .collect();
    let times = again.iter().map(|(_, it)| it.again.iter().map(|(_, n)| n).sum::<u32>()).min();
    match times {
        Some(times) if unstable.is_empty() => {
            let times = match times {
                1 => "once".to_owned(),
                2 => "twice".to_owned(),
                more => format!("{more} times"),
            };
            vec![format!("each witness was played again {times} and came to the same")]
        }
        _ => unstable,
    }
}

fn claim(exploration: &Exploration, told: &Told) -> String {
    let Told { claim, line, is_possible, found, fate } = told;
    let said = format!("line {line}: explore: {claim}");
    let name = found.map(|class| exploration.names[class].as_str()).unwrap_or_default();
    match (fate, is_possible) {
        (Fate::Kept, _) => format!("\u{2714} {said}"),
        (Fate::Broken, true) => format!("\u{2717} {said}: it was not found"),
        (Fate::Broken, false) => format!("\u{2717} {said}: it is, see {name}"),
        (Fate::Unknown, _) => format!("? {said}: not found in what was played"),
    }
}

#[cfg(test)]
mod tests;
