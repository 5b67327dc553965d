//! The names that a copy has: its own, and those of its indexes and constraints.
//!
//! ```text
//!  found by the table's name            t               t_pkey              as what is stored
//!  otherwise                            public.t        public.t_pkey       copies of all schemas
//!                                                                           live in one
//!  where one of these is taken or long  overbooked 42   overbooked 42.1     by the table's number
//! ```

use super::Shape;

impl Shape {
    /// A copy's name that tells its table, and that nobody writes by accident.
    pub(crate) fn telling_name(&self) -> String {
        self.qualified(&self.name)
    }

    /// A copy's name that is no other copy's, whatever tables are called.
    pub(crate) fn numbered_name(&self) -> String {
        format!("overbooked {}", self.oid)
    }

    fn qualified(&self, name: &str) -> String {
        format!("{}.{name}", self.schema)
    }

    /// What a copy made under this name has names for, itself first: what each is called, and what
    /// that of the stored table is.
    pub(crate) fn own_names(&self, copy: &str) -> Vec<(String, &str)> {
        self.names().map(|name| (self.own_name(copy, name), name)).collect()
    }

    /// What a copy made under this name calls its index or constraint of this name, or itself.
    pub(super) fn own_name(&self, copy: &str, name: &str) -> String {
        if copy == self.name {
            return name.to_owned();
        }
        if copy == self.telling_name() {
            return self.qualified(name);
        }
        match self.names().position(|known| known == name) {
            None | Some(0) => copy.to_owned(),
            Some(at) => format!("{copy}.{at}"),
        }
    }

    /// What the stored table calls what a copy made under this name calls so.
    pub(crate) fn stored_name(&self, copy: &str, own: &str) -> String {
        let found = self.names().find(|name| self.own_name(copy, name) == own);
        found.unwrap_or(own).to_owned()
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        let indexes = self.indexes.iter().map(|index| index.name.as_str());
        let constraints = self.constraints.iter().map(|constraint| constraint.name.as_str());
        std::iter::once(self.name.as_str()).chain(indexes).chain(constraints)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_copy_calls_its_own_is_told_by_the_stored_name() {
        let shape = r#"{"oid": 42, "schema": "public", "name": "t", "kind": "r",
            "inherits": false, "uncopied": [], "definition": null, "indexes": [
                {"name": "t_pkey", "immediate": true, "plain": true, "constraint": true,
                 "definition": ""},
                {"name": "t_n_key", "immediate": true, "plain": true, "constraint": false,
                 "definition": ""}]}"#;
        let shape: Shape = serde_json::from_str(shape).unwrap();
        for (copy, key, other) in [
            ("t", "t_pkey", "t_n_key"),
            ("public.t", "public.t_pkey", "public.t_n_key"),
            ("overbooked 42", "overbooked 42.1", "overbooked 42.2"),
        ] {
            let names = shape.own_names(copy);
            let expected = [(copy, "t"), (key, "t_pkey"), (other, "t_n_key")];
            assert_eq!(names, expected.map(|(own, stored)| (own.to_owned(), stored)));
            for (own, stored) in names {
                assert_eq!(shape.stored_name(copy, &own), stored);
            }
            assert_eq!(shape.stored_name(copy, "nothing of it"), "nothing of it");
        }
        assert_eq!([shape.telling_name(), shape.numbered_name()], ["public.t", "overbooked 42"]);
    }
}
