//! What all connections of a gateway share.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::cancellers::Cancellers;
use super::connector::Connector;
use super::dsql::Strictness;
use super::hooks::StatementHooks;
use super::mode::Mode;
use super::news::NewsSender;
use super::options::Options;
use super::passwords::Passwords;
use super::roles::ClientRoles;
use super::transaction::blocker_watchdog::BlockerLookup;
use super::transaction::shared::Shared;
use super::wording::Wording;

/// What connections share.
pub(super) struct Context {
    pub(super) mode: Mode,
    /// What is refused beyond what this engine cannot do.
    pub(super) strictness: Strictness,
    /// How OC000 and OC001 are worded.
    pub(super) wording: Wording,
    pub(super) passwords: Passwords,
    pub(super) connector: Connector,
    pub(super) roles: ClientRoles,
    pub(super) cancellers: Arc<Cancellers>,
    pub(super) transactions: Arc<Shared>,
    pub(super) blockers: Arc<BlockerLookup>,
    pub(super) hooks: Option<Arc<dyn StatementHooks>>,
    /// The gateway ends, and every client is told.
    pub(super) closing: CancellationToken,
}

impl Context {
    /// Nobody there yet.
    pub(super) fn new(options: &Options, passwords: Passwords, news: NewsSender) -> Self {
        Self {
            mode: options.mode,
            strictness: options.strictness,
            wording: options.wording,
            passwords,
            connector: Connector::new(options.backend.clone()),
            roles: ClientRoles::new(options.backend.clone(), options.users),
            cancellers: Arc::default(),
            transactions: Arc::new(Shared::new(options.limits, Some(options.large_from), news)),
            blockers: Arc::new(BlockerLookup::new(options.backend.clone())),
            hooks: options.hooks.clone(),
            closing: CancellationToken::new(),
        }
    }
}
