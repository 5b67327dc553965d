//! What lets a browser in: a token in the address, which becomes a cookie that is signed.
//!
//! Nothing of a visitor is kept here: a cookie says who it is, and the signature that it was this
//! program that said so.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hmac;

/// The letters of a token: none looks like another.
const LETTERS: &[u8; 32] = b"abcdefghjkmnpqrstuvwxyz23456789w";
/// How many of them: sixty bits, at twenty guesses a minute.
const LENGTH: usize = 12;
/// How many wrong tokens an address may send at once.
const GUESSES: u32 = 20;
/// After how long it may send one more.
const RECOVERY: Duration = Duration::from_secs(3);
/// How many addresses are remembered.
const REMEMBERED: usize = 1024;

/// What is in an address for a browser.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Token(String);

impl Token {
    pub(super) fn new() -> Self {
        let letter = |byte: u8| char::from(LETTERS[usize::from(byte) % LETTERS.len()]);
        Self(rand::random::<[u8; LENGTH]>().into_iter().map(letter).collect())
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// Compared in a time that tells nothing.
    fn is(&self, guess: &str) -> bool {
        let (own, guess) = (self.0.as_bytes(), guess.as_bytes());
        let differing = own.iter().zip(guess).fold(0, |sum, (left, right)| sum | (left ^ right));
        own.len() == guess.len() && differing == 0
    }
}

/// Who somebody is: a number that nobody can guess.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Visitor(u128);

impl Visitor {
    pub(super) fn new() -> Self {
        Self(rand::random())
    }
}

/// What a visitor may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// Follow, and take part.
    Guest,
    /// Steer, as well: with the remote that was offered as the first, the second and so on.
    Teacher(u32),
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Guest => f.write_str("g"),
            Self::Teacher(number) => write!(f, "t{number}"),
        }
    }
}

impl Part {
    fn parse(text: &str) -> Option<Self> {
        match text.strip_prefix('t') {
            Some(number) => number.parse().ok().map(Self::Teacher),
            None => (text == "g").then_some(Self::Guest),
        }
    }
}

/// The teacher's remote: one browser has it at most, which is the first that comes by its token.
#[derive(Debug, Default)]
pub(super) struct RemoteKey {
    /// How often it was offered.
    number: u32,
    offered: Option<Token>,
    is_taken: bool,
}

impl RemoteKey {
    /// Whoever comes by this token first has it, and nobody has it who has had it so far.
    pub(super) fn offer(&mut self) -> Token {
        let token = Token::new();
        *self = Self { number: self.number + 1, offered: Some(token.clone()), is_taken: false };
        token
    }

    /// Nobody can have it any more who has not got it.
    pub(super) fn withdraw(&mut self) {
        self.offered = None;
    }

    /// Gives it to whoever has come by this token.
    pub(super) fn take(&mut self, token: &str) -> Option<Part> {
        self.offered.take_if(|offered| offered.is(token))?;
        self.is_taken = true;
        Some(Part::Teacher(self.number))
    }

    /// Whether a browser has it.
    pub(super) fn is_taken(&self) -> bool {
        self.is_taken
    }

    /// What a browser may do that was once let do this.
    pub(super) fn part_now(&self, part: Part) -> Part {
        match part {
            Part::Teacher(number) if self.is_taken && number == self.number => part,
            _ => Part::Guest,
        }
    }
}

/// The token of an open room, and what its cookies are signed with.
#[derive(Debug)]
pub(super) struct Keys {
    pub(super) guests: Token,
    signing: hmac::Key,
}

impl Keys {
    /// New ones, which die with the room.
    pub(super) fn new() -> Self {
        let secret: [u8; 32] = rand::random();
        let signing = hmac::Key::new(hmac::HMAC_SHA256, &secret);
        Self { guests: Token::new(), signing }
    }

    /// Whether this token lets somebody in.
    pub(super) fn lets_in(&self, token: &str) -> bool {
        self.guests.is(token)
    }

    /// The cookie's value.
    pub(super) fn cookie(&self, visitor: Visitor, part: Part) -> String {
        let said = format!("{:032x}.{part}", visitor.0);
        let signature = hmac::sign(&self.signing, said.as_bytes());
        format!("{said}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    /// Who has been given this cookie by us.
    pub(super) fn visitor(&self, cookie: &str) -> Option<(Visitor, Part)> {
        let (said, signature) = cookie.rsplit_once('.')?;
        let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
        hmac::verify(&self.signing, said.as_bytes(), &signature).ok()?;
        let (number, part) = said.split_once('.')?;
        Some((Visitor(u128::from_str_radix(number, 16).ok()?), Part::parse(part)?))
    }
}

/// How many wrong tokens have come from where.
#[derive(Debug, Default)]
pub(super) struct Guesses(BTreeMap<IpAddr, (u32, Instant)>);

impl Guesses {
    /// Whether a token from there is looked at.
    pub(super) fn may(&mut self, from: IpAddr, now: Instant) -> bool {
        self.recover(from, now) < GUESSES
    }

    /// One from there was wrong.
    pub(super) fn note_wrong(&mut self, from: IpAddr, now: Instant) {
        let wrong = self.recover(from, now) + 1;
        if self.0.len() >= REMEMBERED && !self.0.contains_key(&from) {
            self.0.retain(|_, (_, at)| now.duration_since(*at) < RECOVERY * GUESSES);
        }
        if self.0.len() < REMEMBERED || self.0.contains_key(&from) {
            self.0.insert(from, (wrong, now));
        }
    }

    fn recover(&self, from: IpAddr, now: Instant) -> u32 {
        let Some((wrong, at)) = self.0.get(&from) else { return 0 };
        let forgiven = now.duration_since(*at).as_secs() / RECOVERY.as_secs();
        wrong.saturating_sub(u32::try_from(forgiven).unwrap_or(u32::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_own_token_lets_somebody_in_and_no_other() {
        let keys = Keys::new();
        assert!(keys.lets_in(keys.guests.as_str()));
        let cut = &keys.guests.as_str()[..LENGTH - 1];
        for wrong in ["", "x", cut, &format!("{}x", keys.guests.as_str())] {
            assert!(!keys.lets_in(wrong), "{wrong:?}");
        }
        assert_ne!(Keys::new().guests, keys.guests);
    }

    #[test]
    fn one_browser_has_the_remote_until_it_is_offered_again() {
        let mut remote = RemoteKey::default();
        assert_eq!(remote.take(""), None);
        let token = remote.offer();
        assert_eq!(remote.part_now(Part::Teacher(1)), Part::Guest, "nobody has taken it");
        assert_eq!(remote.take("x"), None);
        assert_eq!(remote.take(token.as_str()), Some(Part::Teacher(1)));
        assert_eq!(remote.take(token.as_str()), None, "it works once");
        assert_eq!(remote.part_now(Part::Teacher(1)), Part::Teacher(1));
        assert_eq!(remote.part_now(Part::Guest), Part::Guest);
        let token = remote.offer();
        assert_eq!(remote.part_now(Part::Teacher(1)), Part::Guest, "another is offered");
        remote.withdraw();
        assert_eq!(remote.take(token.as_str()), None);
    }

    #[test]
    fn a_cookie_is_believed_as_it_was_given_and_not_otherwise() {
        let (keys, visitor) = (Keys::new(), Visitor::new());
        let cookie = keys.cookie(visitor, Part::Guest);
        assert_eq!(keys.visitor(&cookie), Some((visitor, Part::Guest)));
        assert_eq!(Keys::new().visitor(&cookie), None, "the room was opened anew");
        for wrong in [cookie.replace(".g.", ".t1."), cookie.replacen('.', "0.", 1), String::new()] {
            assert_eq!(keys.visitor(&wrong), None, "{wrong}");
        }
    }

    #[test]
    fn whoever_guesses_too_often_is_not_looked_at_for_a_while() {
        let (mut guesses, begin) = (Guesses::default(), Instant::now());
        let (stranger, other) = (IpAddr::from([10, 0, 0, 9]), IpAddr::from([10, 0, 0, 8]));
        for _ in 0..GUESSES {
            assert!(guesses.may(stranger, begin));
            guesses.note_wrong(stranger, begin);
        }
        assert!(!guesses.may(stranger, begin));
        assert!(guesses.may(other, begin), "whoever sits elsewhere has not guessed");
        assert!(guesses.may(stranger, begin + RECOVERY));
    }
}
