//! The commands of a session that speaks to etcd: `etcdctl`'s words, one command a statement.
//!
//! ```text
//!  lease grant 2               put KEY VALUE [lease L]     lock NAME [lease L | ttl …]
//!  lease keep-alive L          get KEY [prefix]            unlock NAME
//!  lease timetolive L          del KEY [prefix]            elect NAME VALUE [lease L | ttl …]
//!  lease revoke L              watch KEY [prefix]          leader NAME
//!                              unwatch KEY                 resign NAME
//! ```
//!
//! Options are words, since `--` begins a comment in a scenario's file. A word with blanks in it
//! stands in single quotes, as a string of SQL does.

use std::time::Duration;

/// What `etcdctl lock` gives its lease, in seconds (etcd, `etcdctl/ctlv3/command/lock_command.go`).
const USUAL_SECONDS: u64 = 60;

/// The longest lease that etcd grants, in seconds (etcd, `server/lease/lessor.go`).
const MOST_SECONDS: u64 = 9_000_000_000;

/// What a session asks of etcd.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EtcdCommand {
    /// A lease for so long, which nobody keeps alive.
    Grant(Duration),
    /// The lease lives as long again.
    KeepAlive(i64),
    /// How long a lease has been granted for, and what is left of it.
    TimeToLive(i64),
    /// Ends a lease, and deletes its keys.
    Revoke(i64),
    /// A key with a value, until that lease ends where one is named.
    Put {
        key: String,
        value: String,
        lease: Option<i64>,
    },
    Get(Range),
    Delete(Range),
    /// Waits until the lock is ours.
    Lock {
        name: String,
        lease: Lease,
    },
    Unlock {
        name: String,
    },
    /// Waits until we lead, with this to be told of us.
    Elect {
        name: String,
        value: String,
        lease: Lease,
    },
    /// Who leads.
    Leader {
        name: String,
    },
    /// Leads no more.
    Resign {
        name: String,
    },
    /// Is told of every change from now on.
    Watch(Range),
    /// Is told no more.
    Unwatch(String),
}

/// A key, or all that begin so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Range {
    pub key: String,
    pub is_prefix: bool,
}

impl Range {
    /// Whether this key is among them.
    pub fn has(&self, key: &str) -> bool {
        if self.is_prefix { key.starts_with(&self.key) } else { key == self.key }
    }
}

/// What a lock or a candidacy lives on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lease {
    /// A lease that was granted before, which whoever wants it to live keeps alive.
    Granted(i64),
    /// A new one, which the session keeps alive for as long as it is there.
    Own(Duration),
}

/// Why a command cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{problem}")]
pub struct CommandError {
    pub problem: String,
    /// How it is written.
    pub hint: String,
}

/// How each command is written.
const FORMS: [(&str, &str); 11] = [
    ("put", "put KEY VALUE [lease LEASE]"),
    ("get", "get KEY [prefix]"),
    ("del", "del KEY [prefix]"),
    (
        "lease",
        "lease grant SECONDS | lease keep-alive LEASE | lease timetolive LEASE | lease revoke \
         LEASE",
    ),
    ("lock", "lock NAME [lease LEASE | ttl SECONDS]"),
    ("unlock", "unlock NAME"),
    ("elect", "elect NAME VALUE [lease LEASE | ttl SECONDS]"),
    ("leader", "leader NAME"),
    ("resign", "resign NAME"),
    ("watch", "watch KEY [prefix]"),
    ("unwatch", "unwatch KEY"),
];

/// Reads one command, with or without its `;`.
pub fn parse(text: &str) -> Result<EtcdCommand, CommandError> {
    let words = words(text)?;
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let [verb, ref rest @ ..] = words[..] else { return Err(unknown("nothing")) };
    let Some((_, form)) = FORMS.iter().find(|(name, _)| *name == verb) else {
        return Err(unknown(verb));
    };
    read(verb, rest)
        .map_err(|problem| CommandError { problem, hint: format!("it is written: {form}") })
}

fn unknown(verb: &str) -> CommandError {
    CommandError { problem: format!("{verb} is no command of etcd's"), hint: known() }
}

/// What is said to psql's commands that ask a database.
pub fn of_psql(command: &str) -> CommandError {
    let problem = format!("{} asks a database", command.trim());
    CommandError { problem, hint: known() }
}

fn known() -> String {
    let verbs: Vec<&str> = FORMS.iter().map(|(name, _)| *name).collect();
    format!("this session speaks to etcd; its commands are {}", verbs.join(", "))
}

fn read(verb: &str, rest: &[&str]) -> Result<EtcdCommand, String> {
    let name = |name: &&str| (*name).to_owned();
    match (verb, rest) {
        ("put", [key, value]) => Ok(put(key, value, None)),
        ("put", [key, value, "lease", lease]) => Ok(put(key, value, Some(lease_id(lease)?))),
        ("get", rest) => range(rest).map(EtcdCommand::Get),
        ("del", rest) => range(rest).map(EtcdCommand::Delete),
        ("watch", rest) => range(rest).map(EtcdCommand::Watch),
        ("lease", ["grant", time]) => seconds(time).map(EtcdCommand::Grant),
        ("lease", ["keep-alive", id]) => lease_id(id).map(EtcdCommand::KeepAlive),
        ("lease", ["timetolive", id]) => lease_id(id).map(EtcdCommand::TimeToLive),
        ("lease", ["revoke", id]) => lease_id(id).map(EtcdCommand::Revoke),
        ("lock", [lock, rest @ ..]) => {
            Ok(EtcdCommand::Lock { name: name(lock), lease: lease(rest)? })
        }
        ("elect", [election, value, rest @ ..]) => {
            Ok(EtcdCommand::Elect { name: name(election), value: name(value), lease: lease(rest)? })
        }
        ("unlock", [lock]) => Ok(EtcdCommand::Unlock { name: name(lock) }),
        ("leader", [election]) => Ok(EtcdCommand::Leader { name: name(election) }),
        ("resign", [election]) => Ok(EtcdCommand::Resign { name: name(election) }),
        ("unwatch", [key]) => Ok(EtcdCommand::Unwatch(name(key))),
        (verb, rest) => Err(strange(verb, rest)),
    }
}

fn strange(verb: &str, rest: &[&str]) -> String {
    match rest {
        [] => format!("{verb} needs something behind it"),
        rest => format!("{verb} cannot be followed by {}", rest.join(" ")),
    }
}

fn put(key: &str, value: &str, lease: Option<i64>) -> EtcdCommand {
    EtcdCommand::Put { key: key.to_owned(), value: value.to_owned(), lease }
}

fn range(rest: &[&str]) -> Result<Range, String> {
    match rest {
        [key] => Ok(Range { key: (*key).to_owned(), is_prefix: false }),
        [key, "prefix"] => Ok(Range { key: (*key).to_owned(), is_prefix: true }),
        [] => Err("a key is missing".to_owned()),
        [_, rest @ ..] => Err(format!("{} is not expected behind the key", rest.join(" "))),
    }
}

fn lease(rest: &[&str]) -> Result<Lease, String> {
    match rest {
        [] => Ok(Lease::Own(Duration::from_secs(USUAL_SECONDS))),
        ["lease", id] => lease_id(id).map(Lease::Granted),
        ["ttl", time] => seconds(time).map(Lease::Own),
        rest => Err(format!("{} is not expected there", rest.join(" "))),
    }
}

fn lease_id(text: &str) -> Result<i64, String> {
    text.parse().map_err(|_| format!("{text} is not a lease's number"))
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.parse().ok().filter(|seconds| (1..=MOST_SECONDS).contains(seconds));
    let seconds = seconds.ok_or_else(|| format!("{text} is not a number of seconds from 1 on"))?;
    Ok(Duration::from_secs(seconds))
}

/// The words of a command; those in quotes without them. A comment ends the line, as in SQL.
fn words(text: &str) -> Result<Vec<String>, CommandError> {
    let mut words = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let (word, after) = match first {
            '\'' => quoted(&rest[1..])?,
            ';' => break,
            _ if rest.starts_with("--") => {
                rest = rest.split_once('\n').map_or("", |(_, next)| next).trim_start();
                continue;
            }
            _ => {
                let end = rest.find(|c: char| c.is_whitespace() || c == ';').unwrap_or(rest.len());
                (rest[..end].to_owned(), &rest[end..])
            }
        };
        words.push(word);
        rest = after.trim_start();
    }
    match rest.trim_start_matches(';').trim() {
        "" => Ok(words),
        more => Err(CommandError {
            problem: format!("{more} comes behind the command's end"),
            hint: "put a word that has a `;` in it into single quotes".to_owned(),
        }),
    }
}

/// What stands in quotes, two of them being one, and what comes after.
fn quoted(text: &str) -> Result<(String, &str), CommandError> {
    let mut word = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\'') {
        word.push_str(before);
        match after.strip_prefix('\'') {
            Some(more) => {
                word.push('\'');
                rest = more;
            }
            None => return Ok((word, after)),
        }
    }
    Err(CommandError {
        problem: "a quote is not closed".to_owned(),
        hint: "a word in single quotes ends with one".to_owned(),
    })
}

#[cfg(test)]
mod tests;
