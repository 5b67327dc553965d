//! psql's backslash commands, as far as fingers type them without thinking; the others are refused
//! with a sentence.

/// What a line that begins with a backslash comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Backslash {
    /// `\q`: close the session.
    Close,
    /// `\?`: show every key.
    Help,
    /// `\e`: edit the last statement in an editor.
    Edit,
    /// `\r`: empty the line.
    Clear,
    /// Ordinary SQL that shows what psql would show.
    Sql(String),
    /// Nothing to do but this to say.
    Say(String),
}

const TABLES: &str = "select schemaname, tablename, tableowner from pg_tables \
     where schemaname = any (current_schemas(false)) order by schemaname, tablename;";
const DATABASES: &str =
    "select datname, pg_get_userbyid(datdba) as owner from pg_database order by datname;";
const ROLES: &str = "select rolname, rolsuper, rolcanlogin from pg_roles order by rolname;";
const SCHEMAS: &str = "select nspname from pg_namespace where nspname !~ '^pg_' order by nspname;";
const CONNECTION: &str = "select current_database(), current_user, pg_backend_pid();";

impl Backslash {
    /// Reads a line; `None` when it does not begin with a backslash.
    pub fn parse(line: &str) -> Option<Self> {
        let line = line.trim();
        let (command, argument) = match line.strip_prefix('\\')?.split_once(char::is_whitespace) {
            Some((command, argument)) => (command, argument.trim().trim_end_matches(';')),
            None => (line[1..].trim_end_matches(';'), ""),
        };
        Some(Self::of(command, argument))
    }

    fn of(command: &str, argument: &str) -> Self {
        match command {
            "q" => Self::Close,
            "?" | "h" => Self::Help,
            "r" => Self::Clear,
            "e" | "edit" if argument.is_empty() => Self::Edit,
            "d" | "d+" if !argument.is_empty() => Self::Sql(columns_of(argument)),
            "d" | "dt" | "d+" | "dt+" => Self::Sql(TABLES.to_owned()),
            "l" | "l+" => Self::Sql(DATABASES.to_owned()),
            "du" | "dg" => Self::Sql(ROLES.to_owned()),
            "dn" => Self::Sql(SCHEMAS.to_owned()),
            "conninfo" => Self::Sql(CONNECTION.to_owned()),
            "timing" => Self::Say("the time of every statement is shown anyway".to_owned()),
            "x" => {
                Self::Say("no expanded rows here; Alt-z gives the pane the whole width".to_owned())
            }
            _ => Self::Say(format!("\\{command} is not known here; \\? shows what is")),
        }
    }
}

fn columns_of(table: &str) -> String {
    let name = match table.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        Some(quoted) => quoted.to_owned(),
        None => table.to_lowercase(),
    };
    let name = name.rsplit('.').next().unwrap_or_default().replace('\'', "''");
    format!(
        "select column_name, data_type, is_nullable, column_default from \
         information_schema.columns\n\
         where table_schema = any (current_schemas(false)) and table_name = '{name}' order by \
         ordinal_position;"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_commands_that_fingers_know_are_understood() {
        assert_eq!(Backslash::parse("\\q"), Some(Backslash::Close));
        assert_eq!(Backslash::parse(" \\? "), Some(Backslash::Help));
        assert!(matches!(Backslash::parse("\\dt"), Some(Backslash::Sql(_))));
        assert_eq!(Backslash::parse("select 1;"), None);
    }

    #[test]
    fn a_table_name_is_folded_and_quoted() {
        let Some(Backslash::Sql(sql)) = Backslash::parse("\\d Sea'ts;") else { panic!("no SQL") };
        assert!(sql.contains("'sea''ts'"), "{sql}");
        let Some(Backslash::Sql(sql)) = Backslash::parse("\\d \"Seats\"") else { panic!("no SQL") };
        assert!(sql.contains("'Seats'"), "{sql}");
    }

    #[test]
    fn any_other_command_is_refused_by_name() {
        let Some(Backslash::Say(said)) = Backslash::parse("\\copy x to y") else {
            panic!("silent")
        };
        assert!(said.contains("\\copy"));
    }
}
