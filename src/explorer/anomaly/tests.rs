use super::*;

fn row(key: &str) -> Resource {
    Resource::Row { table: "t".to_owned(), key: key.to_owned() }
}

fn print(resources: &[Resource], access: Access) -> Footprint {
    resources.iter().map(|resource| (resource.clone(), access)).collect()
}

fn history(reads: &[(usize, Resource)], writes: &[Resource], committed: usize) -> History {
    History {
        reads: reads
            .iter()
            .map(|(at, it)| (*at, print(std::slice::from_ref(it), Access::Shared)))
            .collect(),
        writes: print(writes, Access::Exclusive),
        committed,
    }
}

fn named(one: &History, other: &History) -> Option<AnomalyKind> {
    kind(&edges(one, other), &edges(other, one))
        .into_iter()
        .chain(kind(&edges(other, one), &edges(one, other)))
        .min()
}

#[test]
fn who_writes_over_what_was_written_since_it_read_has_lost_an_update() {
    let alice = history(&[(0, row("1"))], &[row("1")], 4);
    let bob = history(&[(1, row("1"))], &[row("1")], 6);
    assert_eq!(named(&alice, &bob), Some(AnomalyKind::LostUpdate));
    let scanning = history(&[(1, Resource::Table("t".to_owned()))], &[row("1")], 6);
    assert_eq!(named(&alice, &scanning), Some(AnomalyKind::LostUpdate));
    let later = history(&[(5, row("1"))], &[row("1")], 6);
    assert_eq!(named(&alice, &later), None);
}

#[test]
fn two_who_each_read_what_the_other_writes_are_a_write_skew() {
    let alice = history(&[(0, Resource::Table("t".to_owned()))], &[row("1")], 4);
    let bob = history(&[(1, Resource::Table("t".to_owned()))], &[row("2")], 5);
    assert_eq!(named(&alice, &bob), Some(AnomalyKind::WriteSkew));
    let gap = Resource::Gap { table: "t".to_owned() };
    let adding = |key: &str, at| history(&[(at, gap.clone())], &[gap.clone(), row(key)], 4 + at);
    assert_eq!(named(&adding("7", 0), &adding("8", 1)), Some(AnomalyKind::WriteSkew));
}

#[test]
fn what_is_read_before_and_after_a_commit_is_told_by_its_row() {
    let writer = history(&[], &[row("1"), row("2")], 2);
    let twice = history(&[(1, row("1")), (3, row("1"))], &[], 4);
    assert_eq!(named(&writer, &twice), Some(AnomalyKind::NonRepeatableRead));
    let skewed = history(&[(1, row("1")), (3, row("2"))], &[], 4);
    assert_eq!(named(&writer, &skewed), Some(AnomalyKind::ReadSkew));
    let gap = Resource::Gap { table: "t".to_owned() };
    let inserter = history(&[], &[gap.clone(), row("9")], 2);
    let counting = history(&[(1, gap.clone()), (3, gap)], &[], 4);
    assert_eq!(named(&inserter, &counting), Some(AnomalyKind::Phantom));
    let once = history(&[(1, row("1"))], &[], 4);
    assert_eq!(named(&writer, &once), None);
}

#[test]
fn a_ring_of_three_is_named_by_how_many_read_what_was_overwritten() {
    let of = |at: usize| {
        history(&[(at, row(&at.to_string()))], &[row(&((at + 1) % 3).to_string())], 5 + at)
    };
    assert_eq!(of_ring(&[of(0), of(1), of(2)]), Some(AnomalyKind::WriteSkew));
    let first = history(&[], &[row("1")], 2);
    let next = history(&[(3, row("1"))], &[row("2")], 4);
    let auditor = history(&[(0, row("1")), (5, row("2"))], &[], 6);
    assert_eq!(of_ring(&[auditor, first, next]), Some(AnomalyKind::ReadSkew));
}
