//! Where a scenario's unqualified names are looked for, and so whether it has tables of its own.

/// The schemas that unqualified names are looked for in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum SearchPath {
    /// The run's own schema alone, which is made for the run and dropped after it.
    #[default]
    Run,
    /// These, as they are written; the run's own is called `run`.
    Listed(Vec<String>),
    /// As the server gives it. No schema is made: what is there already is played on.
    Server,
}

impl SearchPath {
    /// Of these schemas; of none, the run's own alone.
    pub fn listed(schemas: Vec<String>) -> Self {
        if schemas.is_empty() { Self::Run } else { Self::Listed(schemas) }
    }

    /// Whether a schema is made for the run, so that a fresh setup begins without any tables.
    pub fn has_a_schema_of_the_run(&self) -> bool {
        *self != Self::Server
    }

    /// The schemas that are written down; none where none need be.
    pub fn written(&self) -> &[String] {
        match self {
            Self::Listed(schemas) => schemas,
            Self::Run | Self::Server => &[],
        }
    }

    /// Its value for a session, where the run's schema is called so; nothing where it stays as the
    /// server gives it.
    pub fn value(&self, schema: Option<&str>) -> Option<String> {
        let schema = schema?;
        let own = |name: &String| if name == "run" { schema } else { name }.to_owned();
        match self {
            // Alone on the path: a table that the setup has forgotten is an error, and not
            // somebody's table of the same name in `public`.
            Self::Run => Some(schema.to_owned()),
            Self::Listed(schemas) => Some(schemas.iter().map(own).collect::<Vec<_>>().join(", ")),
            Self::Server => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_runs_schema_is_put_where_it_is_named() {
        let listed = SearchPath::listed(vec!["run".to_owned(), "public".to_owned()]);
        assert_eq!(listed.value(Some("r_1")).as_deref(), Some("r_1, public"));
        assert_eq!(SearchPath::listed(Vec::new()).value(Some("r_1")).as_deref(), Some("r_1"));
        assert_eq!(SearchPath::Server.value(None), None);
    }
}
