//! What was played and what must still be played, as a tree: a node is a point at which somebody
//! is to be sent on, and only those are kept below which something is left to play.
//!
//! The search is source-DPOR with sleep sets (Abdulla, Aronis, Jonsson and Sagonas, 2014). Where
//! two launches of a play might have come the other way round, one of those that begin such an
//! order is to be played at the earlier one's node (source sets); what was played from a node is
//! asleep for its later siblings until something meets it (sleep sets), so that no two plays are
//! equivalent.

use super::dependence::Deed;

/// A point at which somebody is to be sent on.
#[derive(Debug, Default)]
pub(super) struct Node {
    /// What is asleep here already.
    asleep: Vec<Deed>,
    /// Who was sent on here, in this order.
    children: Vec<Child>,
    /// Who is still to be sent on here.
    pending: Vec<Pending>,
}

#[derive(Debug)]
struct Child {
    session: usize,
    /// What it did here, once that is known.
    deed: Option<Deed>,
    /// It was handed out and has not come back.
    is_out: bool,
    /// What follows, as long as something there is left to play.
    node: Option<Box<Node>>,
}

#[derive(Debug)]
struct Pending {
    session: usize,
    hint: Vec<usize>,
    attempts: usize,
}

/// What is to be played next.
#[derive(Debug, Default)]
pub(super) struct Branch {
    pub(super) path: Vec<usize>,
    pub(super) hint: Vec<usize>,
    pub(super) attempts: usize,
    /// What is asleep before the last of the path is sent.
    pub(super) asleep: Vec<Deed>,
}

/// A launch as it was played, and who else is to be sent in its place.
pub(super) struct Step {
    pub(super) session: usize,
    pub(super) deed: Option<Deed>,
    pub(super) asleep: Vec<Deed>,
    pub(super) others: Vec<usize>,
}

impl Node {
    /// The nodes of a play from some point on.
    pub(super) fn chain(steps: Vec<Step>) -> Option<Box<Self>> {
        steps.into_iter().rev().fold(None, |node, step| {
            let child = Child { session: step.session, deed: step.deed, is_out: false, node };
            let pending = |session| Pending { session, hint: Vec::new(), attempts: 0 };
            let pending = step.others.into_iter().map(pending).collect();
            Some(Box::new(Self { asleep: step.asleep, children: vec![child], pending }))
        })
    }

    fn child(&mut self, session: usize) -> Option<&mut Child> {
        self.children.iter_mut().find(|child| child.session == session)
    }

    /// The node that this path leads to.
    pub(super) fn at(&mut self, path: &[usize]) -> Option<&mut Self> {
        path.iter().try_fold(self, |node, &session| node.child(session)?.node.as_deref_mut())
    }

    /// Takes the next branch, of the deepest that there are. Before a sibling has come back nobody
    /// knows what is asleep for the others, so these wait where they need to know.
    pub(super) fn take(&mut self, needs_deeds: bool) -> Option<Branch> {
        for child in self.children.iter_mut().rev() {
            let deeper = child.node.as_mut().and_then(|node| node.take(needs_deeds));
            if let Some(mut branch) = deeper {
                branch.path.insert(0, child.session);
                return Some(branch);
            }
        }
        let is_known = !needs_deeds || !self.children.iter().any(|child| child.is_out);
        (is_known && !self.pending.is_empty()).then(|| self.hand_out())
    }

    fn hand_out(&mut self) -> Branch {
        let Pending { session, hint, attempts } = self.pending.remove(0);
        let played = self.children.iter().filter_map(|child| child.deed.clone());
        let asleep = self.asleep.iter().cloned().chain(played).collect();
        self.children.push(Child { session, deed: None, is_out: true, node: None });
        Branch { path: vec![session], hint, attempts, asleep }
    }

    /// One of these sessions must be sent on here: the first, unless one of them is, was, or need
    /// not be. It goes on as the hint says.
    pub(super) fn add(&mut self, sessions: &[usize], wanted: usize, reversed: &[usize]) {
        let asleep = self.asleep.iter().map(Deed::session);
        let sent = self.children.iter().map(|child| child.session);
        let pending = self.pending.iter().map(|pending| pending.session);
        if asleep.chain(sent).chain(pending).any(|session| sessions.contains(&session)) {
            return;
        }
        let preferred = Some(wanted).filter(|session| sessions.contains(session));
        let Some(session) = preferred.or_else(|| sessions.first().copied()) else { return };
        let mut hint = reversed.to_vec();
        if let Some(place) = hint.iter().position(|other| *other == session) {
            hint.remove(place);
        }
        self.pending.push(Pending { session, hint, attempts: 0 });
    }

    /// A branch has come back.
    pub(super) fn come_back(
        &mut self,
        session: usize,
        deed: Option<Deed>,
        node: Option<Box<Self>>,
    ) {
        if let Some(child) = self.child(session) {
            *child = Child { session, deed, is_out: false, node };
        }
    }

    /// A branch could not be played, and is to be tried again.
    pub(super) fn give_back(&mut self, session: usize, hint: Vec<usize>, attempts: usize) {
        self.children.retain(|child| child.session != session);
        self.pending.insert(0, Pending { session, hint, attempts });
    }

    /// Forgets along this path what has nothing left to play; says whether all is played.
    pub(super) fn prune(&mut self, path: &[usize]) -> bool {
        if let Some((&session, rest)) = path.split_first()
            && let Some(child) = self.child(session)
            && child.node.as_mut().is_some_and(|node| node.prune(rest))
        {
            child.node = None;
        }
        let is_done = |child: &Child| !child.is_out && child.node.is_none();
        self.pending.is_empty() && self.children.iter().all(is_done)
    }
}
