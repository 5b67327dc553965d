//! What psql's commands look like in a pane.

use insta::assert_snapshot;
use overbooked::core::event::{Form, Typed};

use super::*;

/// The projector's smallest, and the others.
const ALL_SIZES: [(u16, u16); 4] = [(60, 18), (80, 24), (120, 40), (200, 50)];

/// What the catalog answers for `\d seats`.
const SHEET: [(&str, &str); 9] = [
    ("1", r#"["Table \"public.seats\""]"#),
    ("2", r#"["Column","Type","Collation","Nullable","Default"]"#),
    ("3", r#"["seat_row","text","","not null",""]"#),
    ("3", r#"["seat_number","integer","","not null",""]"#),
    ("3", r#"["booked_by","text","","",""]"#),
    ("20", r#"["Indexes:","    \"seats_pkey\" PRIMARY KEY, btree (seat_row, seat_number)"]"#),
    ("21", r#"["Check constraints:","    \"named\" CHECK (booked_by <> ''::text)"]"#),
    (
        "23",
        concat!(
            r#"["Referenced by:","    TABLE \"tickets\" CONSTRAINT \"seat\" FOREIGN KEY "#,
            r#"(seat_row, seat_number) REFERENCES seats(seat_row, seat_number)"]"#
        ),
    ),
    (
        "30",
        concat!(
            r#"["Triggers:","    touched BEFORE UPDATE ON seats "#,
            r#"FOR EACH ROW EXECUTE FUNCTION touch()"]"#
        ),
    ),
];

impl Stage {
    fn types_for_psql(&mut self, line: &str, answer: Form, sql: &str) {
        self.submissions += 1;
        let submission = SubmissionId(self.submissions);
        let typed = Some(Box::new(Typed { line: line.to_owned(), answer, every: None }));
        let sent = Kind::Sent { submission, sql: sql.into(), step: None, typed };
        self.happens(Some("Alice"), sent);
    }

    fn gets(&mut self, columns: Vec<Column>, rows: Vec<Vec<Option<String>>>) {
        let count = rows.len() as u64;
        self.happens(Some("Alice"), Kind::Columns(columns));
        self.happens(Some("Alice"), Kind::Rows(rows));
        self.happens(Some("Alice"), Kind::Done { tag: format!("SELECT {count}"), rows: count });
        self.answers("Alice", TransactionStatus::Idle, 2345);
    }

    /// `\d seats`, `\x`, and a record.
    fn speaks_psql(&mut self) {
        self.presses(KeyCode::Char('z'), KeyModifiers::ALT);
        let none = "Did not find any relation named \"seats\".".to_owned();
        self.types_for_psql("\\d seats", Form::Sheets { none }, "select of the catalog");
        let column = |name: &str| Column { name: name.to_owned(), type_oid: 25 };
        let row = |(part, cells): (&str, &str)| {
            vec![Some("1".to_owned()), Some(part.to_owned()), Some(cells.to_owned())]
        };
        let sheet = SHEET.into_iter().map(row).collect();
        self.gets(["sheet", "part", "cells"].map(column).to_vec(), sheet);
        let said = Form::Said("Expanded display is on.".to_owned());
        self.types_for_psql("\\x", said, "");
        self.answers("Alice", TransactionStatus::Idle, 0);
        self.types_for_psql("select * from seats where seat_number = 4;", Form::Expanded, "select");
        let values = ["A", "4", "Bob"].map(|value| Some(value.to_owned())).to_vec();
        self.gets(columns(), vec![values]);
    }
}

#[test]
fn descriptions_and_records_stand_in_the_pane() {
    for size in ALL_SIZES {
        let mut stage = Stage::opened(Charset::Unicode, size);
        stage.speaks_psql();
        assert_snapshot!(format!("psql-{}x{}", size.0, size.1), stage.frame());
        assert!(
            !stage.frame().contains("of the catalog"),
            "the catalog's SQL is nobody's business"
        );
    }
}
