//! What lets a browser in: a token in the address, which becomes a cookie that is signed.
//!
//! Nothing of a visitor is kept here: a cookie says who it is, and the signature that it was this
//! program that said so.

use std::collections::BTreeMap;
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
    /// Steer, as well.
    Teacher,
}

impl Part {
    fn letter(self) -> &'static str {
        match self {
            Self::Guest => "g",
            Self::Teacher => "t",
        }
    }
}

/// The tokens of an open room, and what its cookies are signed with.
#[derive(Debug)]
pub(super) struct Keys {
    pub(super) guests: Token,
    pub(super) teacher: Token,
    signing: hmac::Key,
}

impl Keys {
    /// New ones, which die with the room.
    pub(super) fn new() -> Self {
        let secret: [u8; 32] = rand::random();
        let signing = hmac::Key::new(hmac::HMAC_SHA256, &secret);
        Self { guests: Token::new(), teacher: Token::new(), signing }
    }

    /// What this token lets somebody do.
    pub(super) fn part(&self, token: &str) -> Option<Part> {
        let (guest, teacher) = (self.guests.is(token), self.teacher.is(token));
        if teacher { Some(Part::Teacher) } else { guest.then_some(Part::Guest) }
    }

    /// The cookie's value.
    pub(super) fn cookie(&self, visitor: Visitor, part: Part) -> String {
        let said = format!("{:032x}.{}", visitor.0, part.letter());
        let signature = hmac::sign(&self.signing, said.as_bytes());
        format!("{said}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    /// Who has been given this cookie by us.
    pub(super) fn visitor(&self, cookie: &str) -> Option<(Visitor, Part)> {
        let (said, signature) = cookie.rsplit_once('.')?;
        let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
        hmac::verify(&self.signing, said.as_bytes(), &signature).ok()?;
        let (number, part) = said.split_once('.')?;
        let part = [Part::Guest, Part::Teacher].into_iter().find(|it| it.letter() == part)?;
        Some((Visitor(u128::from_str_radix(number, 16).ok()?), part))
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
    fn each_token_lets_somebody_do_its_own_part() {
        let keys = Keys::new();
        assert_eq!(keys.part(keys.guests.as_str()), Some(Part::Guest));
        assert_eq!(keys.part(keys.teacher.as_str()), Some(Part::Teacher));
        let cut = &keys.teacher.as_str()[..LENGTH - 1];
        for wrong in ["", "x", cut, &format!("{}x", keys.guests.as_str())] {
            assert_eq!(keys.part(wrong), None, "{wrong:?}");
        }
        assert_ne!(Keys::new().guests, keys.guests);
    }

    #[test]
    fn a_cookie_is_believed_as_it_was_given_and_not_otherwise() {
        let (keys, visitor) = (Keys::new(), Visitor::new());
        let cookie = keys.cookie(visitor, Part::Guest);
        assert_eq!(keys.visitor(&cookie), Some((visitor, Part::Guest)));
        assert_eq!(Keys::new().visitor(&cookie), None, "the room was opened anew");
        for wrong in [cookie.replace(".g.", ".t."), cookie.replacen('.', "0.", 1), String::new()] {
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
