use super::*;
use crate::room::board::Verdict;
use crate::stage::watched::sample::held_by;

/// Seats being sold, and what the tables show of them.
#[derive(Default)]
struct Counter {
    sales: Sales,
    tables: WatchedTables,
    clock: u64,
}

impl Counter {
    fn now(&mut self) -> Duration {
        self.clock += 1;
        Duration::from_millis(self.clock)
    }

    /// The tables show these holders, and no others.
    fn shows(&mut self, all: &[(&str, &str)]) -> Vec<GivenBack> {
        self.tables = held_by(all);
        let now = self.now();
        self.sales.look(&self.tables, now)
    }

    /// Somebody is told to have A-4, who found it free at this moment.
    fn sells(&mut self, who: &str, free_at: Option<Duration>) -> Vec<GivenBack> {
        let at = self.now();
        let sale = Sale { key: "A-4".to_owned(), who: who.to_owned(), at, free_at };
        self.sales.sell(sale, at)
    }

    /// So long that the tables have been looked at.
    fn settles(&mut self) {
        if let Some(due) = self.sales.due() {
            self.sales.wake(due + SETTLED);
        }
    }

    fn verdict(&self) -> Verdict {
        Verdict::of(&self.sales, &self.tables)
    }
}

fn given_back(who: &str) -> Vec<GivenBack> {
    vec![(who.to_owned(), "A-4".to_owned())]
}

#[test]
fn a_seat_that_one_was_told_and_has_is_sold() {
    let mut counter = Counter::default();
    counter.sells("Maria", None);
    counter.shows(&[("A-4", "Maria")]);
    assert_eq!(counter.verdict().words(), ["1 seat sold, none twice, by the database"]);
}

#[test]
fn a_seat_that_two_were_told_is_sold_twice_and_one_has_lost_it() {
    let mut counter = Counter::default();
    counter.sells("Maria", None);
    counter.sells("Jonas", None);
    counter.shows(&[("A-4", "Jonas")]);
    assert_eq!((counter.verdict().sold, counter.verdict().sold_twice()), (1, 1));
    let words = [
        "A-4 was sold 2 times: to Maria, Jonas",
        "Maria was told to have A-4; the database says Jonas has it",
    ];
    assert_eq!(counter.verdict().words(), words);
}

#[test]
fn a_sale_that_the_tables_show_before_it_is_told_can_be_given_back() {
    let mut counter = Counter::default();
    counter.shows(&[("A-4", "Maria")]);
    counter.sells("Maria", None);
    assert_eq!(counter.shows(&[]), given_back("Maria"));
    counter.settles();
    assert_eq!(counter.verdict(), Verdict::default());
}

#[test]
fn a_seat_that_was_seen_free_between_is_sold_once_and_once_more() {
    let mut counter = Counter::default();
    counter.sells("Maria", None);
    counter.shows(&[("A-4", "Maria")]);
    assert_eq!(counter.shows(&[]), given_back("Maria"));
    assert_eq!(counter.verdict(), Verdict::default());
    counter.sells("Jonas", None);
    counter.shows(&[("A-4", "Jonas")]);
    assert_eq!(counter.verdict().words(), ["1 seat sold, none twice, by the database"]);
}

#[test]
fn whoever_found_it_free_after_the_first_was_told_has_not_taken_it_from_them() {
    let mut counter = Counter::default();
    counter.sells("Maria", None);
    let free = counter.now();
    assert_eq!(counter.sells("Jonas", Some(free)), given_back("Maria"));
    counter.shows(&[("A-4", "Jonas")]);
    assert_eq!(counter.verdict().words(), ["1 seat sold, none twice, by the database"]);
    // Found free before Jonas was told: both are.
    counter.sells("Lea", Some(free));
    counter.shows(&[("A-4", "Lea")]);
    assert_eq!(counter.verdict().sold_twice(), 1);
}

#[test]
fn a_session_of_the_script_that_overwrites_it_has_bought_it_too() {
    let mut counter = Counter::default();
    counter.sells("Ann", None);
    counter.shows(&[("A-4", "Ann")]);
    counter.shows(&[("A-4", "Bob")]);
    let words = [
        "A-4 was sold 2 times: to Ann, Bob",
        "Ann was told to have A-4; the database says Bob has it",
    ];
    assert_eq!((counter.verdict().sold_twice(), counter.verdict().sold), (1, 0));
    assert_eq!(counter.verdict().words(), words);
    assert_eq!(counter.sales.lost_to("Ann", "A-4", &counter.tables), Some(Some("Bob")));
    // And where it was overwritten before anybody looked.
    let mut unseen = Counter::default();
    unseen.sells("Ann", None);
    unseen.shows(&[("A-4", "Bob")]);
    unseen.settles();
    assert_eq!(unseen.verdict().words(), words);
}

#[test]
fn overwriting_a_session_of_the_script_is_selling_twice_as_well() {
    let mut counter = Counter::default();
    let looked = counter.now();
    counter.shows(&[("A-4", "Bob")]);
    assert_eq!(counter.verdict(), Verdict::default(), "nobody of the room has bought anything");
    counter.sells("Ann", Some(looked));
    counter.shows(&[("A-4", "Ann")]);
    assert_eq!(counter.verdict().words(), ["A-4 was sold 2 times: to Bob, Ann"]);
}

#[test]
fn what_was_sold_twice_stays_so_after_it_is_free_again() {
    let mut counter = Counter::default();
    counter.sells("Maria", None);
    counter.sells("Jonas", None);
    counter.shows(&[("A-4", "Jonas")]);
    counter.shows(&[]);
    assert_eq!(counter.verdict().words(), ["A-4 was sold 2 times: to Maria, Jonas"]);
    assert_eq!(counter.sales.lost_to("Maria", "A-4", &counter.tables), None);
}

#[test]
fn tables_that_are_older_than_what_was_told_say_nothing() {
    let mut counter = Counter::default();
    counter.shows(&[("A-4", "Zoe")]);
    let free = counter.now();
    counter.sells("Maria", Some(free));
    counter.shows(&[("A-4", "Zoe")]);
    assert_eq!(counter.verdict(), Verdict::default());
    counter.shows(&[("A-4", "Maria")]);
    assert_eq!(counter.verdict().words(), ["1 seat sold, none twice, by the database"]);
}

#[test]
fn what_the_database_has_not_shown_yet_is_not_lost() {
    let mut counter = Counter::default();
    counter.shows(&[]);
    counter.sells("Maria", None);
    assert_eq!(counter.verdict(), Verdict::default());
    counter.settles();
    assert_eq!(counter.sales.due(), None);
    assert!(counter.verdict().words()[0].contains("nobody has it"), "{:?}", counter.verdict());
}
