//! In whose words a conflict is told.

/// How OC000 and OC001 are worded. Clients look for 40001 and the code in brackets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Wording {
    /// change conflicts with another transaction, please retry: (OC000)
    #[default]
    Retry,
    /// change conflicts with another transaction (OC000)
    Plain,
}
