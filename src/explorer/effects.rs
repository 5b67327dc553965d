//! What a step does to others, so that two steps that cannot meet are played in one order only.

use std::collections::BTreeMap;

/// Something that two steps may both touch.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Resource {
    /// All of a table, by its name with its schema.
    Table(String),
    /// A row, by its table and its primary key.
    Row { table: String, key: String },
    /// A value of a unique key.
    Key { table: String, index: String, values: String },
    /// That no further row appears which an index would find.
    Gap { table: String },
    /// Something else with a name: an advisory lock, what serializable transactions share.
    Named(String),
}

/// How something is touched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Access {
    /// Several may at once.
    Shared,
    /// Only one may.
    Exclusive,
}

/// What is touched, and how.
pub type Footprint = BTreeMap<Resource, Access>;

/// What a step does that another one may notice.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Effects {
    /// What it sees of what others have committed, or will see through the snapshot that it takes.
    pub reads: Footprint,
    /// What it locks or writes; nobody else can until its transaction ends.
    pub locks: Footprint,
    /// What it makes visible to others: all that its transaction has written, if it ends with it.
    pub publishes: Footprint,
    /// What it lets go: all that its transaction has locked, if it ends with it or may fail.
    pub releases: Footprint,
    /// Nothing is known of it: it depends on every step.
    pub is_unknown: bool,
}

impl Resource {
    fn table(&self) -> Option<&str> {
        match self {
            Self::Table(table)
            | Self::Row { table, .. }
            | Self::Key { table, .. }
            | Self::Gap { table } => Some(table),
            Self::Named(_) => None,
        }
    }
}

/// Whether two footprints have something in common that not both only share. A whole table is
/// every row, key and gap of it.
pub fn meet(one: &Footprint, other: &Footprint) -> bool {
    let same = one.iter().any(|(resource, access)| {
        other.get(resource).is_some_and(|others| exclude(*access, *others))
    });
    same || whole_meets(one, other) || whole_meets(other, one)
}

fn whole_meets(one: &Footprint, other: &Footprint) -> bool {
    one.iter().any(|(resource, access)| {
        let Resource::Table(whole) = resource else { return false };
        let within = |part: &Resource| part.table() == Some(whole.as_str());
        other.iter().any(|(part, others)| within(part) && exclude(*access, *others))
    })
}

fn exclude(one: Access, other: Access) -> bool {
    (one, other) != (Access::Shared, Access::Shared)
}

impl Effects {
    /// Whether it may matter which of two sessions' steps comes first.
    pub fn depends_on(&self, other: &Self) -> bool {
        self.is_unknown
            || other.is_unknown
            || meet(&self.locks, &other.locks)
            || self.is_noticed_by(other)
            || other.is_noticed_by(self)
    }

    fn is_noticed_by(&self, other: &Self) -> bool {
        meet(&self.publishes, &other.reads) || meet(&self.releases, &other.locks)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(key: &str) -> Resource {
        Resource::Row { table: "seats".to_owned(), key: key.to_owned() }
    }

    fn whole() -> Resource {
        Resource::Table("seats".to_owned())
    }

    fn only(resource: Resource, access: Access) -> Footprint {
        Footprint::from([(resource, access)])
    }

    fn locks(resource: Resource, access: Access) -> Effects {
        Effects { locks: only(resource, access), ..Effects::default() }
    }

    #[test]
    fn locks_exclude_each_other_unless_both_are_shared() {
        let shared = locks(row("1"), Access::Shared);
        let exclusive = locks(row("1"), Access::Exclusive);
        assert!(!shared.depends_on(&shared));
        assert!(shared.depends_on(&exclusive) && exclusive.depends_on(&shared));
        assert!(!exclusive.depends_on(&locks(row("2"), Access::Exclusive)));
    }

    #[test]
    fn a_table_is_all_that_is_in_it() {
        let table = locks(whole(), Access::Exclusive);
        let gap = Resource::Gap { table: "seats".to_owned() };
        for part in [row("1"), gap, whole()] {
            assert!(table.depends_on(&locks(part.clone(), Access::Shared)));
            assert!(locks(part, Access::Shared).depends_on(&table));
        }
        let other = Resource::Row { table: "other".to_owned(), key: "1".to_owned() };
        let named = Resource::Named("seats".to_owned());
        assert!(!table.depends_on(&locks(other, Access::Exclusive)));
        assert!(!table.depends_on(&locks(named, Access::Exclusive)));
    }

    #[test]
    fn a_reader_notices_what_is_published_and_no_lock() {
        let reads = Effects { reads: only(row("1"), Access::Shared), ..Effects::default() };
        let writes = locks(row("1"), Access::Exclusive);
        let publishes =
            Effects { publishes: only(row("1"), Access::Exclusive), ..Effects::default() };
        assert!(reads.depends_on(&publishes) && publishes.depends_on(&reads));
        assert!(!reads.depends_on(&writes) && !publishes.depends_on(&writes));
    }

    #[test]
    fn who_wants_a_lock_notices_that_it_is_let_go() {
        let releases =
            Effects { releases: only(row("1"), Access::Exclusive), ..Effects::default() };
        let wants = locks(row("1"), Access::Shared);
        assert!(releases.depends_on(&wants) && wants.depends_on(&releases));
        assert!(!releases.depends_on(&releases));
    }

    #[test]
    fn what_is_not_known_depends_on_everything() {
        let unknown = Effects { is_unknown: true, ..Effects::default() };
        assert!(unknown.depends_on(&Effects::default()));
        assert!(Effects::default().depends_on(&unknown));
    }
}
