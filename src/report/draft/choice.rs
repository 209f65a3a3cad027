//! Whom to write to: what the user asks for, else what the last refusal, the catalogue and the configuration say.

use crate::catalogue::{Standing, WhoMayAsk};
use crate::event::Reason;
use crate::report::draft::evidence::Evidence;
use crate::report::draft::{Addressee, NoDraft, Wanted};
use crate::report::own::{AskVia, Ours};
use crate::report::words::fill;

/// What decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Because {
    /// `--to`.
    Asked,
    /// The receiver's own check failed.
    Fault,
    /// `ask_via`.
    AskVia,
    /// The server is a hosting company's.
    Hosted,
    /// Several organisations send through it.
    Shared,
    /// The list hears the IP's owner, and nothing says that the user is that.
    NotOurs,
    /// Nobody but the receiver can change it.
    ReceiverAlone,
    /// The address is the user's own.
    Own,
    /// The list hears whoever sends.
    Sender,
    /// The address has no PTR record; its owner sets it.
    NoPtr,
    /// The receiver takes no more mail for a while.
    Rate,
    /// The catalogue does not say who may ask.
    Unknown,
}

/// Whom to write to, and why.
///
/// # Errors
/// When a letter to the wanted addressee would do harm or make no sense, or when nobody is to be written to.
pub(super) fn choose(evidence: &Evidence<'_>, wanted: &Wanted<'_>) -> Result<(Addressee, Because), NoDraft> {
    let someone_elses = someone_elses(evidence, wanted);
    if let Some(to) = wanted.to {
        refuse_harm(evidence, to, someone_elses.is_some())?;
        return Ok((to, Because::Asked));
    }
    if evidence.is_fault() {
        return Ok((Addressee::Receiver, Because::Fault));
    }
    if let Some(because) = someone_elses {
        return Ok((Addressee::Hosting, because));
    }
    let who = evidence.chosen.who_may_ask;
    if evidence.reason() == Reason::RequirePtr && who == WhoMayAsk::Unknown {
        return Ok((Addressee::Hosting, Because::NoPtr));
    }
    let expires = matches!(who, WhoMayAsk::Unknown | WhoMayAsk::Nobody);
    if evidence.reason() == Reason::RateLimited && expires {
        return Ok((Addressee::Receiver, Because::Rate));
    }
    match who {
        WhoMayAsk::Receiver => Ok((Addressee::Receiver, Because::ReceiverAlone)),
        WhoMayAsk::Sender => Ok((Addressee::List, Because::Sender)),
        WhoMayAsk::IpOwner if evidence.chosen.ours == Ours::Yes => Ok((Addressee::List, Because::Own)),
        WhoMayAsk::IpOwner => Ok((Addressee::Hosting, Because::NotOurs)),
        WhoMayAsk::Nobody => Err(NoDraft::NobodyMayAsk { by: evidence.by() }),
        WhoMayAsk::Unknown => Ok((Addressee::Receiver, Because::Unknown)),
    }
}

/// What says that the server is somebody else's, who asks for its users. A refusal that the receiver alone can lift is
/// nobody else's.
fn someone_elses(evidence: &Evidence<'_>, wanted: &Wanted<'_>) -> Option<Because> {
    let group = evidence.chosen;
    if group.who_may_ask == WhoMayAsk::Receiver {
        return None;
    }
    match wanted.ask_via {
        Some(AskVia::Hosting) => Some(Because::AskVia),
        None if group.hosting.is_some() && (group.ours != Ours::Yes || evidence.is_shared()) => {
            Some(Because::Hosted)
        }
        None => evidence.is_shared().then_some(Because::Shared),
    }
}

fn refuse_harm(evidence: &Evidence<'_>, to: Addressee, someone_elses: bool) -> Result<(), NoDraft> {
    let (ip, by) = (evidence.ip, || evidence.by());
    match to {
        Addressee::Hosting | Addressee::List if evidence.is_fault() => Err(NoDraft::ReceiversFault(ip)),
        Addressee::Hosting | Addressee::Receiver | Addressee::Customers => Ok(()),
        Addressee::List if evidence.newest.verdict.blocklist.is_none() => Err(NoDraft::NoList(ip)),
        Addressee::List if evidence.list.is_some_and(|list| list.status == Standing::Dead) => {
            Err(NoDraft::ReceiverAlone { by: by() })
        }
        Addressee::List => match evidence.chosen.who_may_ask {
            WhoMayAsk::Nobody => Err(NoDraft::NobodyMayAsk { by: by() }),
            WhoMayAsk::Receiver => Err(NoDraft::ReceiverAlone { by: by() }),
            WhoMayAsk::IpOwner if someone_elses || evidence.chosen.ours == Ours::No => {
                Err(NoDraft::OwnerAlone { by: by(), ip })
            }
            WhoMayAsk::IpOwner | WhoMayAsk::Sender | WhoMayAsk::Unknown => Ok(()),
        },
    }
}

/// The line for stderr.
pub(super) fn why(evidence: &Evidence<'_>, to: Addressee, because: Because) -> String {
    let words = &evidence.words.why;
    let to = match to {
        Addressee::Hosting => &words.hosting,
        Addressee::List => &words.list,
        Addressee::Receiver => &words.receiver,
        Addressee::Customers => &words.customers,
    };
    let why = match because {
        Because::Asked => &words.asked,
        Because::Fault => &words.fault,
        Because::AskVia => &words.ask_via,
        Because::Hosted => &words.hosted,
        Because::Shared => &words.shared,
        Because::NotOurs => &words.not_ours,
        Because::ReceiverAlone => &words.receiver_alone,
        Because::Own => &words.own,
        Because::Sender => &words.sender,
        Because::NoPtr => &words.no_ptr,
        Because::Rate => &words.rate,
        Because::Unknown => &words.unknown,
    };
    let at = evidence
        .last_refusal()
        .map(|at| evidence.time(at))
        .unwrap_or_default();
    let company = evidence.company.map(|company| company.name).unwrap_or_default();
    let why = fill(why, &[("by", &evidence.by()), ("company", &company)]);
    let (ip, domain) = (evidence.ip, evidence.chosen.receiving_domain);
    fill(
        &words.line,
        &[
            ("ip", &ip),
            ("to", to),
            ("by", &evidence.by()),
            ("at", &at),
            ("domain", domain),
            ("why", &why),
        ],
    )
}
