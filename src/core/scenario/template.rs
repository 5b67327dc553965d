//! A scenario to begin with: it plays as it is, on both engines, and says what is what.

use std::fmt::Write as _;

use crate::core::event::SessionName;

/// What a comment that is no part of the story says of the format. Block comments are skipped.
const GUIDE: &str = "\
/* How a scenario is written, in short; delete this comment when you know it.

   The first line is the title, the comment under it the story. What stands behind `afterwards:` is
   shown once all steps are played. `seats:` names the table of the seat map and its columns (row,
   number, holder); `watch: a, b` shows other tables instead. Leave out what you do not need.

   `-- setup` makes the tables, `-- NAME: what happens` begins a step of that session, `-- finally`
   looks at the end. Lines with an arrow say what must happen:

       UPDATE 1                 a command tag          A | 1 | Alice     a row
       (2 rows)                 how many rows          ERROR 40001       an error, by its SQLSTATE
       waits for Alice          on whom it waits       Bob resumes: UPDATE 0

   `postgres:` or `optimistic:` in front limits a line to that engine. `overbooked play FILE.sql`
   checks them all. The whole format is in docs/scenarios.md. */
";

const SETUP: &str = "\
-- setup
create table seats (
    seat_row    char,
    seat_number int,
    booked_by   text,
    primary key (seat_row, seat_number)
);

insert into seats (seat_row, seat_number) values ('A', 1), ('A', 2);
";

/// A scenario of this name for these sessions.
pub fn template(name: &str, sessions: &[SessionName]) -> String {
    let (first, others) = match sessions {
        [first, others @ ..] => (first.as_str(), others),
        [] => ("Alice", &[][..]),
    };
    let mut text = head(name, sessions);
    let _ = write!(text, "\n{GUIDE}\n{SETUP}\n{}", books(first));
    match others {
        [] => text.push_str(&commits_alone(first)),
        [second, onlookers @ ..] => {
            text.push_str(&wants_it_too(second.as_str(), first));
            text.extend(onlookers.iter().map(looks));
            text.push_str(&commits(first, second.as_str()));
        }
    }
    text.push_str(&finally(first, others.first()));
    text
}

fn head(name: &str, sessions: &[SessionName]) -> String {
    let names: Vec<&str> = sessions.iter().map(SessionName::as_str).collect();
    format!(
        "-- {}\n--\n\
         -- Say here what happens, in a paragraph or two, and end with a question for the\n\
         -- room: who will get A-1?\n\
         --\n-- afterwards:\n\
         -- Say here what it comes to, and why.\n\
         --\n-- sessions: {}\n-- seats: seats (seat_row, seat_number, booked_by)\n\
         -- isolation: read committed\n",
        title(name),
        names.join(", ")
    )
}

/// `my-race` in words: `My race`.
fn title(name: &str) -> String {
    let words = name.replace(['-', '_'], " ");
    let words = words.trim();
    let mut letters = words.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

fn books(who: &str) -> String {
    format!(
        "-- {who}: begins\nbegin;\n--> BEGIN\n\n\
         -- {who}: books A-1\n{}--> UPDATE 1\n\n",
        takes(who)
    )
}

fn takes(who: &str) -> String {
    format!(
        "update seats set booked_by = '{who}'\n\
         where (seat_row, seat_number) = ('A', 1) and booked_by is null;\n"
    )
}

fn wants_it_too(who: &str, holder: &str) -> String {
    format!(
        "-- {who}: wants A-1 too\n{}\
         --> postgres: waits for {holder}\n--> optimistic: UPDATE 1\n\n",
        takes(who)
    )
}

fn looks(who: &SessionName) -> String {
    format!(
        "-- {who}: looks\nselect * from seats order by seat_row, seat_number;\n--> (2 rows)\n\n"
    )
}

fn commits(who: &str, waiter: &str) -> String {
    format!(
        "-- {who}: commits\ncommit;\n\
         --> postgres: COMMIT\n--> postgres: {waiter} resumes: UPDATE 0\n\
         --> optimistic: ERROR 40001 (OC000)\n\n"
    )
}

fn commits_alone(who: &str) -> String {
    format!("-- {who}: commits\ncommit;\n--> COMMIT\n\n")
}

fn finally(first: &str, second: Option<&SessionName>) -> String {
    let optimistic = second.map_or(first, SessionName::as_str);
    format!(
        "-- finally\nselect * from seats order by seat_row, seat_number;\n\
         --> postgres: A | 1 | {first}\n--> optimistic: A | 1 | {optimistic}\n--> A | 2 |\n"
    )
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::core::scenario::sql_file;

    #[test]
    fn it_reads_as_a_scenario_whoever_takes_part() {
        let names = ["Ann", "Ben", "Cem", "Dora"].map(SessionName::new);
        for count in 1..=names.len() {
            let text = template("my-first_race", &names[..count]);
            let scenario = sql_file::parse(&text, Path::new("a.sql"), "a").unwrap();
            assert_eq!(scenario.title, "My first race");
            assert_eq!(scenario.sessions.len(), count);
            assert_eq!((scenario.story.len(), scenario.afterwards.len()), (1, 1));
            assert!(text.lines().all(|line| line.chars().count() <= 100), "{text}");
        }
    }
}
