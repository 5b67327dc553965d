//! What a rush is asked to do: `overbooked rush [STRATEGY...]` and its flags.

use std::path::PathBuf;
use std::time::Duration;

use clap::ValueEnum;
use serde::Serialize;

use super::fault::Fault;
use super::parts::PartName;
use super::plan::Plan;
use super::strategy::StrategyName;
use crate::parts::amqp_client::AmqpUrl;
use crate::parts::etcd_client::EtcdUrl;
use crate::parts::kafka_client::Brokers;
use crate::parts::redis_client::RedisUrl;

/// How the result is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Format {
    /// A table for people
    #[default]
    Text,
    /// A table for a document
    Markdown,
    /// One object with everything that was measured
    Json,
    /// One line per strategy
    Csv,
}

/// The rush's own flags.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// The strategies to compare, in this order [default: all that have what they need]
    #[arg(value_enum, value_name = "STRATEGY", value_delimiter = ',')]
    pub strategies: Vec<StrategyName>,
    /// How many passengers ask for a seat
    #[arg(
        long,
        default_value_t = 100_000,
        value_parser = clap::value_parser!(u32).range(1..=100_000_000)
    )]
    pub requests: u32,
    /// How many seats there are
    #[arg(
        long,
        default_value_t = 600,
        value_parser = clap::value_parser!(u32).range(1..=1_000_000)
    )]
    pub seats: u32,
    /// How many compartments they are divided into
    #[arg(
        long,
        default_value_t = 3,
        value_parser = clap::value_parser!(u32).range(1..=i64::from(MOST_COMPARTMENTS))
    )]
    pub compartments: u32,
    /// How many workers book at the same time, each on its own connection
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub workers: u32,
    /// Requests per second [default: as fast as the workers can]
    #[arg(long, allow_negative_numbers = true, value_parser = rate)]
    pub rate: Option<f64>,
    /// Zipf's exponent: 0 requests all seats equally, 1 favours the best ones
    #[arg(long, default_value_t = 0.0, allow_negative_numbers = true, value_parser = skew)]
    pub skew: f64,
    /// How long a passenger thinks between looking and booking: 5ms, 1s
    #[arg(long, default_value = "0ms", value_parser = duration)]
    pub think_time: Duration,
    /// How long a hold lives: 500ms, 2s [default: 2s, or three times the time to think]
    #[arg(long, value_name = "DURATION", value_parser = time_to_live)]
    pub ttl: Option<Duration>,
    /// Stop when the last seat is sold: all later requests are refused
    #[arg(long)]
    pub until_sold_out: bool,
    /// Where Redis or Valkey is.
    // Its brackets are links to rustdoc.
    #[arg(
        long,
        value_name = "URL",
        help = "Redis or Valkey: redis://[[user]:password@]host[:port], rediss:// for TLS"
    )]
    pub redis: Option<RedisUrl>,
    /// Where etcd is.
    #[arg(
        long,
        value_name = "URL",
        help = "etcd: http://[user:password@]host[:port], https:// for TLS"
    )]
    pub etcd: Option<EtcdUrl>,
    /// Where RabbitMQ is.
    #[arg(
        long,
        value_name = "URL",
        help = "RabbitMQ: amqp://[user:password@]host[:port][/virtual-host], amqps:// for TLS"
    )]
    pub amqp: Option<AmqpUrl>,
    /// Where Kafka's brokers are.
    #[arg(
        long,
        value_name = "BROKERS",
        help = "Kafka: host[:port],..., kafka://user:password@host[:port], kafkas:// for TLS"
    )]
    pub kafka: Option<Brokers>,
    /// Start these for the rush, privately, from the programs on this machine
    #[arg(long, value_enum, value_name = "PART", value_delimiter = ',')]
    pub with: Vec<PartName>,
    /// Run each strategy once with each of these faults, instead of once without
    #[arg(long, value_enum, value_name = "FAULT", value_delimiter = ',')]
    pub fault: Vec<Fault>,
    /// The same seed gives the same requests
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// How often a request is retried before it gives up
    #[arg(long, default_value_t = 10)]
    pub retries: u32,
    /// No screen: a progress bar, then the table
    #[arg(long)]
    pub headless: bool,
    /// The table format
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
    /// Write the table to a file
    #[arg(long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Add the textbook estimate, with its own numbers and with the measured ones
    #[arg(long)]
    pub model: bool,
}

impl Options {
    /// The strategies to run, each once: those that are named, or all that have what they need.
    pub fn chosen(&self) -> Vec<StrategyName> {
        if self.strategies.is_empty() {
            let all = StrategyName::value_variants().iter().copied();
            return all.filter(|name| self.lacks(*name).is_none()).collect();
        }
        let mut chosen = Vec::new();
        for name in &self.strategies {
            if !chosen.contains(name) {
                chosen.push(*name);
            }
        }
        chosen
    }

    /// Whom nobody has named and who has not what they need, in words.
    pub fn left_out(&self) -> Option<String> {
        let all = StrategyName::value_variants().iter().filter(|_| self.strategies.is_empty());
        let left_out = all.filter_map(|name| Some((name, self.lacks(*name)?)));
        let left_out: Vec<String> =
            left_out.map(|(name, part)| format!("{name} (--with {})", part.word())).collect();
        (!left_out.is_empty()).then(|| format!("left out: {}", left_out.join(", ")))
    }

    /// What the strategy needs and nobody has given.
    fn lacks(&self, name: StrategyName) -> Option<PartName> {
        name.entry().part.filter(|part| !self.has_address(*part) && !self.with.contains(part))
    }

    fn has_address(&self, part: PartName) -> bool {
        match part {
            PartName::Redis => self.redis.is_some(),
            PartName::Etcd => self.etcd.is_some(),
            PartName::RabbitMq => self.amqp.is_some(),
            PartName::Kafka => self.kafka.is_some(),
        }
    }

    /// How long a hold lives: longer than its passenger thinks. Where workers are to stand still
    /// for longer than that, it is short: others must come for the same seat meanwhile.
    pub(super) fn time_to_live(&self, fault: Option<Fault>) -> Duration {
        let shortest = if fault == Some(Fault::Pause) { PAUSED_TTL } else { SHORTEST_TTL };
        self.ttl.unwrap_or_else(|| shortest.max(self.think_time * 3))
    }

    /// What is run, in this order: each strategy, with each fault that can befall it.
    pub fn runs(&self) -> Vec<(StrategyName, Option<Fault>)> {
        let mut faults: Vec<Fault> = Vec::new();
        for fault in &self.fault {
            if !faults.contains(fault) {
                faults.push(*fault);
            }
        }
        let mut runs = Vec::new();
        for name in self.chosen() {
            let has_part = name.entry().part.is_some();
            let befall = faults.iter().filter(|fault| has_part || !fault.befalls_part());
            if faults.is_empty() {
                runs.push((name, None));
            } else {
                runs.extend(befall.map(|fault| (name, Some(*fault))));
            }
        }
        runs
    }

    /// The seating plan.
    pub fn plan(&self) -> Plan {
        Plan { seats: self.seats, compartments: self.compartments }
    }

    /// Whether the flags fit together.
    pub fn check(&self) -> Result<(), OptionsError> {
        let Self { seats, compartments, .. } = *self;
        if compartments > seats {
            return Err(OptionsError::EmptyCompartments { seats, compartments });
        }
        if let Some((strategy, part)) =
            self.strategies.iter().find_map(|name| Some((*name, self.lacks(*name)?)))
        {
            let (flag, word) = (part.flag(), part.word());
            return Err(OptionsError::NoPart { strategy, part, flag, word });
        }
        if let Some(part) = self.with.iter().find(|part| self.has_address(**part)) {
            return Err(OptionsError::TwoParts { flag: part.flag(), word: part.word() });
        }
        self.check_faults()
    }

    fn check_faults(&self) -> Result<(), OptionsError> {
        if self.runs().is_empty() {
            return Err(OptionsError::NothingToBreak);
        }
        let parts = self.chosen().into_iter().filter_map(|name| name.entry().part);
        let theirs = parts.into_iter().find(|part| !self.with.contains(part));
        match theirs.filter(|_| self.fault.contains(&Fault::KillPart)) {
            Some(part) => Err(OptionsError::NotOurs { part, word: part.word() }),
            None => Ok(()),
        }
    }
}

/// Why the flags do not fit together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OptionsError {
    /// There are more compartments than seats.
    #[error(
        "--seats {seats} cannot be divided into --compartments {compartments}: each compartment \
         needs at least one seat"
    )]
    EmptyCompartments {
        /// How many seats.
        seats: u32,
        /// How many compartments.
        compartments: u32,
    },
    /// A strategy is named that has not what it needs.
    #[error(
        "{strategy} needs {part}: give its address with {flag}, or have one started by --with \
         {word}"
    )]
    NoPart { strategy: StrategyName, part: PartName, flag: &'static str, word: &'static str },
    /// A part is to be killed that somebody else needs.
    #[error("--fault kill-part kills only what the rush has started: use --with {word} for {part}")]
    NotOurs { part: PartName, word: &'static str },
    /// No chosen strategy can be struck so.
    #[error("none of these strategies has a part beside the database that --fault could strike")]
    NothingToBreak,
    /// A part is given, and another one is to be started.
    #[error("{flag} and --with {word} exclude each other")]
    TwoParts { flag: &'static str, word: &'static str },
}

/// As many as have a letter.
pub(super) const MOST_COMPARTMENTS: u32 = 26;

/// How long a passenger who does not think at all has to pay.
const SHORTEST_TTL: Duration = Duration::from_secs(2);

/// The same where workers stand still for longer.
const PAUSED_TTL: Duration = Duration::from_millis(100);

/// One request in about twelve days, and more than any server has time for: what lies beyond is a
/// slip of the fingers.
const SLOWEST: f64 = 0.000_001;
const FASTEST: f64 = 1_000_000_000.0;

/// The longest time that a passenger can be given to think.
const LONGEST_THOUGHT: Duration = Duration::from_hours(1);

fn rate(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(number) if (SLOWEST..=FASTEST).contains(&number) => Ok(number),
        _ => Err(format!("must be a number from {SLOWEST} to {FASTEST}")),
    }
}

fn skew(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(number) if (0.0..=10.0).contains(&number) => Ok(number),
        _ => Err("must be a number from 0 to 10".to_owned()),
    }
}

/// Zero would be for ever, to a part.
fn time_to_live(text: &str) -> Result<Duration, String> {
    let time = duration(text)?;
    if time < Duration::from_millis(1) {
        return Err("must be at least 1ms".to_owned());
    }
    Ok(time)
}

fn duration(text: &str) -> Result<Duration, String> {
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let scale = match unit.trim() {
        "us" => 1e-6,
        "ms" => 1e-3,
        "s" => 1.0,
        _ => return Err("must be a number with a unit (us, ms or s), such as 5ms".to_owned()),
    };
    let number: f64 =
        number.parse().map_err(|_| "must be a number with a unit, such as 5ms".to_owned())?;
    let duration = Duration::try_from_secs_f64(number * scale).ok();
    duration
        .filter(|duration| *duration <= LONGEST_THOUGHT)
        .ok_or_else(|| "must be at most one hour".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_carry_their_unit() {
        assert_eq!(duration("5ms"), Ok(Duration::from_millis(5)));
        assert_eq!(duration("0.5 s"), Ok(Duration::from_millis(500)));
        assert_eq!(duration("250us"), Ok(Duration::from_micros(250)));
        assert!(duration("5").is_err() && duration("ms").is_err() && duration("-1ms").is_err());
    }
}
