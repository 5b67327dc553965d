//! The examples' races (`examples/*`) from their plans, without a screen: broken every time, shrunk
//! to what they need, and clean with the mended programs.

use std::path::{Path, PathBuf};
use std::process::Output;

use tokio::time::timeout;

use crate::debug_examples::{
    ACTIVE_RECORD, DJANGO, Example, HIKARI, KNEX_0_95_12, NODE, SQLALCHEMY,
};
use crate::debug_programs::DEADLINE;
use crate::debug_programs::program::{Program, root};

/// The plan that mends, where the mended program sends other statements.
const OWN_PLAN: &str = "mended.plan";
const SAME_PLAN: &str = "race.plan";

/// A race that can be replayed.
pub(crate) struct Race {
    program: Program,
    wanted: &'static str,
    /// What must be so in the end.
    check: &'static str,
    /// How it is mended: an option of the program, or SQL.
    mended: &'static str,
    /// What order the mended program is played in.
    mended_plan: &'static str,
}

impl Race {
    const fn of(example: &Example, mended: &'static str, mended_plan: &'static str) -> Self {
        let Example { program, wanted, check, .. } = *example;
        Self { program, wanted, check, mended, mended_plan }
    }

    fn folder(&self) -> PathBuf {
        root().join(self.program.file).parent().unwrap().to_owned()
    }

    fn is_mended_by_sql(&self) -> bool {
        Path::new(self.mended).extension().is_some_and(|extension| extension == "sql")
    }

    /// The setup of the mended database in a file, where it is mended there.
    fn mended_setup(&self, place: &Path) -> PathBuf {
        let read = |name: &str| std::fs::read_to_string(self.folder().join(name)).unwrap();
        let mended = if self.is_mended_by_sql() { read(self.mended) } else { String::new() };
        let setup = place.join("setup.sql");
        std::fs::write(&setup, read("setup.sql") + &mended).unwrap();
        setup
    }

    /// Plays a plan; the exit code, and what was told.
    async fn play(&self, setup: &Path, option: &str, own: &[&str]) -> (i32, String) {
        let setup = setup.to_str().unwrap();
        let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_overbooked"));
        command.args(["debug", "--setup", setup, "--reset", "reset.sql", "--check", self.check]);
        for customer in ["alice", "bob"] {
            let words = [&self.program.shell(), option, self.wanted, customer].join(" ");
            command.args(["--actor", &format!("{customer}={words}")]);
        }
        self.program.surround(&mut command);
        command.args(own).current_dir(self.folder()).env_remove("OVERBOOKED_URL");
        let output = timeout(DEADLINE * 5, command.kill_on_drop(true).output()).await;
        let Output { status, stdout, stderr } = output.expect("it ends").unwrap();
        let told = String::from_utf8_lossy(&[stdout, stderr].concat()).into_owned();
        (status.code().unwrap(), told)
    }

    async fn is_replayed(&self, times: u32) {
        if !self.program.is_had() {
            return;
        }
        let (setup, times) = (self.folder().join("setup.sql"), times.to_string());
        let own = ["--plan", SAME_PLAN, "--repeat", &times];
        let (code, told) = self.play(&setup, "", &own).await;
        assert_eq!(code, 1, "{told}");
        assert!(told.contains(&broken(&times, &times)), "{told}");
    }

    /// A plan in some other file breaks the check as well.
    pub(crate) async fn is_broken_by(&self, plan: &Path, own: &[&str]) {
        let setup = self.folder().join("setup.sql");
        let own = [&["--plan", plan.to_str().unwrap()], own].concat();
        let (code, told) = self.play(&setup, "", &own).await;
        let plan = std::fs::read_to_string(plan).unwrap();
        assert_eq!(code, 1, "{plan}\n{told}");
    }

    /// What is left breaks the check every time, too.
    async fn is_shrunk(&self) {
        if !self.program.is_had() {
            return;
        }
        let folder = tempfile::tempdir().unwrap();
        let (setup, shortest) = (self.folder().join("setup.sql"), folder.path().join("short.plan"));
        let short = shortest.to_str().unwrap();
        let (code, told) = self.play(&setup, "", &["--plan", SAME_PLAN, "--shrink", short]).await;
        assert_eq!(code, 1, "{told}");
        let plan = std::fs::read_to_string(&shortest).unwrap();
        let releases = plan.lines().filter(|line| line.contains(" | ")).count();
        assert!((1..=4).contains(&releases), "{plan}\n{told}");
        let (_, told) = self.play(&setup, "", &["--plan", short, "--repeat", "5"]).await;
        assert!(told.contains(&broken("5", "5")), "{told}");
    }

    async fn is_clean_when_mended(&self) {
        if !self.program.is_had() {
            return;
        }
        let folder = tempfile::tempdir().unwrap();
        let setup = self.mended_setup(folder.path());
        let option = if self.is_mended_by_sql() { "" } else { self.mended };
        let own = ["--plan", self.mended_plan, "--repeat", "3"];
        let (code, told) = self.play(&setup, option, &own).await;
        assert_eq!(code, 0, "{told}");
        assert!(told.contains(&broken("0", "3")), "{told}");
    }
}

/// What is told at the end of several runs.
fn broken(times: &str, of: &str) -> String {
    format!("the check was broken in {times} of {of} runs\n")
}

/// Three tests for each.
macro_rules! races {
    ($($name:ident: $times:literal times of $race:expr;)*) => {$(
        pub(crate) mod $name {
            use super::*;

            pub(crate) const RACE: Race = $race;

            #[tokio::test(flavor = "multi_thread")]
            async fn is_replayed_every_time() {
                RACE.is_replayed($times).await;
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn is_shrunk_to_what_it_needs() {
                RACE.is_shrunk().await;
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn is_clean_when_mended() {
                RACE.is_clean_when_mended().await;
            }
        }
    )*};
}

races! {
    a_seat_sold_twice_by_node: 20 times of Race::of(&NODE, "--mended", OWN_PLAN);
    a_seat_sold_twice_by_java: 20 times of Race::of(&HIKARI, "--mended", OWN_PLAN);
    a_seat_booked_twice_by_django: 20 times of Race::of(&DJANGO, "mended.sql", SAME_PLAN);
    a_seat_booked_twice_by_active_record: 20 times of
        Race::of(&ACTIVE_RECORD, "mended.sql", SAME_PLAN);
    an_update_lost_by_sqlalchemy: 20 times of Race::of(&SQLALCHEMY, "--mended", OWN_PLAN);
    the_lock_of_knex: 20 times of Race {
        program: KNEX_0_95_12,
        wanted: "",
        check: "select count(*) <= 1 from knex_migrations_lock",
        mended: "--mended",
        mended_plan: OWN_PLAN,
    };
}
