//! Jobs: what the service builds and validates in the background. Here it is done when the
//! statement that asks for it has run, and what is left is to tell of it.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use crate::core::syntax::literal;

/// How long the service tells of a job that has ended.
const KEPT: Duration = Duration::from_mins(30);

/// A statement names all of them, so there is an end to how many that can be.
const MOST: usize = 1_000;

/// What a job does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum JobType {
    IndexBuild,
    ValidateConstraint,
}

impl JobType {
    /// As `sys.jobs` calls it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::IndexBuild => "INDEX_BUILD",
            Self::ValidateConstraint => "VALIDATE_CONSTRAINT",
        }
    }
}

/// The object that a job is about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct JobObject {
    /// The number of the catalog in which it stands.
    pub(crate) class: String,
    pub(crate) number: String,
    /// With its schema.
    pub(crate) name: String,
}

/// A job that is done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Job {
    pub(crate) id: String,
    pub(crate) kind: JobType,
    /// Where it is known.
    pub(crate) object: Option<JobObject>,
    pub(crate) since: SystemTime,
}

/// The jobs of all clients, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Jobs(Mutex<VecDeque<Job>>);

impl Jobs {
    /// Tells of one more from now on.
    pub(crate) fn add(&self, job: Job) {
        let mut jobs = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if jobs.len() == MOST {
            jobs.pop_front();
        }
        jobs.push_back(job);
    }

    fn known(&self) -> Vec<Job> {
        let mut jobs = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        jobs.retain(|job| job.since.elapsed().is_ok_and(|age| age < KEPT));
        jobs.iter().cloned().collect()
    }

    /// The view `sys.jobs` (Aurora DSQL documentation, System tables and commands).
    pub(super) fn table(&self) -> String {
        let mut rows =
            "(null::text, null::text, null::oid, null::oid, null::text, null::float8)".to_owned();
        for job in self.known() {
            let object = job.object.unwrap_or_default();
            let known = |text: &str| match text {
                "" => "null".to_owned(),
                text => literal(text),
            };
            let since = job.since.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
            // Into a text: nothing fails there.
            let _ = write!(
                rows,
                ", ({}, {}, {}, {}, {}, {})",
                literal(&job.id),
                literal(job.kind.name()),
                known(&object.class),
                known(&object.number),
                known(&object.name),
                since.as_secs()
            );
        }
        format!(
            "select job_id, 'completed'::text as status, null::text as details, job_type, \
             class_id, object_id, object_name, pg_catalog.to_timestamp(since) as start_time, \
             pg_catalog.to_timestamp(since) as update_time from (values {rows}) as overbooked \
             (job_id, job_type, class_id, object_id, object_name, since) where job_id is not null"
        )
    }

    /// What waits for the job of the identifier that this expression gives. It is over already
    /// where there is one.
    pub(super) fn waiting_for(&self, expression: &str) -> String {
        let known: Vec<String> = self.known().iter().map(|job| literal(&job.id)).collect();
        // An identifier that cannot be one is refused by the cast.
        format!(
            "select case when id is null then null \
             when id = any (array[{}]::pg_catalog.text[]) then true \
             when id ~ '^{SHAPE}$' then null else id::pg_catalog.uuid is null end as succeeded \
             from (values (({expression})::pg_catalog.text)) as overbooked (id)",
            known.join(", ")
        )
    }
}

/// What all identifiers look like.
const SHAPE: &str = "[a-z2-7]{26}";

/// Whether a text may be a job's identifier.
pub(super) fn is_identifier(text: &str) -> bool {
    text.len() == 26 && text.bytes().all(|byte| LETTERS.contains(&byte))
}

const LETTERS: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

/// A job's name as the service writes it: sixteen bytes in base32, in small letters.
pub(crate) fn new_identifier() -> String {
    // The 26 letters have room for two bits more.
    let (number, last) = (rand::random::<u128>(), 25);
    let bits = |place| match place {
        25 => number << 2,
        place => number >> (123 - 5 * place),
    };
    (0..=last).map(|place| char::from(LETTERS[(bits(place) & 31) as usize])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identifier_is_one_and_another_text_is_none() {
        let id = new_identifier();
        assert!(is_identifier(&id), "{id}");
        assert_ne!(id, new_identifier());
        for text in ["no-such-job", "", "A234567ABCDEFGHIJKLMNOPQRS", "a1a1a1a1a1a1a1a1a1a1a1a1a1"]
        {
            assert!(!is_identifier(text), "{text}");
        }
    }

    #[test]
    fn a_job_that_is_long_over_is_told_of_no_more() {
        let jobs = Jobs::default();
        let since = SystemTime::now();
        let job = |id: &str, since| Job {
            id: id.to_owned(),
            kind: JobType::IndexBuild,
            object: None,
            since,
        };
        jobs.add(job("old", since.checked_sub(KEPT).unwrap()));
        jobs.add(job("new", since));
        assert_eq!(jobs.known(), [job("new", since)]);
        assert!(jobs.table().contains("'new'") && !jobs.table().contains("'old'"));
    }
}
