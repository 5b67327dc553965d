//! Names for sessions that are added by a key: the cast of the cryptographers' plays, in its
//! customary order.

use crate::core::event::SessionName;

const CAST: [&str; 20] = [
    "Alice", "Bob", "Mallory", "Carol", "Dave", "Eve", "Frank", "Grace", "Heidi", "Ivan", "Judy",
    "Kevin", "Niaj", "Olivia", "Peggy", "Rupert", "Sybil", "Trudy", "Victor", "Walter",
];

/// The most sessions that one run has: what the embedded engine has connections for.
pub(crate) const MOST_SESSIONS: usize = 60;

/// The most people of the room, each of whom has a session beside those.
pub const MOST_PEOPLE: usize = 100;

/// The names of so many sessions.
pub fn first_names(count: usize) -> Vec<SessionName> {
    let mut names = Vec::with_capacity(count);
    for _ in 0..count {
        names.push(next_free(&names));
    }
    names
}

/// A name that nobody has yet.
pub(crate) fn next_free(taken: &[SessionName]) -> SessionName {
    let is_free = |name: &SessionName| !taken.contains(name);
    let numbered = (CAST.len() + 1..).map(|n| SessionName::new(&format!("Session{n}")));
    let mut names = CAST.iter().map(|n| SessionName::new(n)).chain(numbered);
    names.find(is_free).unwrap_or_else(|| SessionName::new("Session"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sixty_names_are_all_different() {
        let mut taken = Vec::new();
        for _ in 0..MOST_SESSIONS {
            let name = next_free(&taken);
            assert!(!taken.contains(&name));
            taken.push(name);
        }
        assert_eq!(taken[3].as_str(), "Carol");
        assert_eq!(taken[59].as_str(), "Session60");
    }
}
