//! What a database has that a statement can name.

/// Relations, functions, types and settings by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Catalog {
    /// Tables, views and sequences, the observer's own schemas first.
    pub relations: Vec<Relation>,
    pub functions: Vec<Routine>,
    pub types: Vec<String>,
    /// The settings that a session can change.
    pub settings: Vec<String>,
    pub schemas: Vec<String>,
    /// Where a new session looks for names without a schema, in this order.
    pub path: Vec<String>,
    /// The schema of the run, if there is one.
    pub run: Option<String>,
}

/// A table, or what can be read like one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Relation {
    pub schema: String,
    pub name: String,
    pub columns: Vec<String>,
}

/// A function, aggregates and window functions among them; without its arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Routine {
    pub schema: String,
    pub name: String,
}

impl Catalog {
    /// The relations that a name without a schema can mean, each name once: as on the server, the
    /// first schema of the path hides those behind it.
    pub fn on<'a>(&'a self, path: &'a [String]) -> impl Iterator<Item = &'a Relation> {
        let place = |relation: &Relation| path.iter().position(|on| *on == relation.schema);
        self.relations.iter().filter(move |relation| {
            place(relation).is_some_and(|at| {
                let hides = |other: &&Relation| {
                    other.name == relation.name && place(other).is_some_and(|before| before < at)
                };
                !self.relations.iter().any(|other| hides(&other))
            })
        })
    }

    /// The relation of that name; without a schema, the first on the path.
    pub fn relation(&self, schema: Option<&str>, name: &str, path: &[String]) -> Option<&Relation> {
        let called = |schema: &str| {
            let mut all = self.relations.iter();
            all.find(|relation| relation.name == name && relation.schema == schema)
        };
        match schema {
            Some(schema) => called(schema),
            None => path.iter().find_map(|schema| called(schema)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_schema_of_the_path_hides_those_behind_it() {
        let relation = |schema: &str, name: &str| Relation {
            schema: schema.to_owned(),
            name: name.to_owned(),
            columns: Vec::new(),
        };
        let relations =
            vec![relation("public", "seats"), relation("run", "seats"), relation("x", "y")];
        let catalog = Catalog { relations, ..Catalog::default() };
        let path = ["run".to_owned(), "public".to_owned()];
        let seen: Vec<_> = catalog.on(&path).map(|relation| relation.schema.as_str()).collect();
        assert_eq!(seen, ["run"]);
        assert_eq!(catalog.relation(None, "seats", &path).unwrap().schema, "run");
        assert_eq!(catalog.relation(None, "y", &path), None);
        assert!(catalog.relation(Some("x"), "y", &path).is_some());
    }
}
