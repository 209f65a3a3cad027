//! What a report counts of each bounce. A ledger of years holds a million events, and a report has to hold those of its
//! window all at once: each in a tenth of what the whole event takes.

use std::borrow::Cow;
use std::collections::hash_map::{DefaultHasher, Entry};
use std::collections::{HashMap, HashSet};
use std::hash::{Hash, Hasher};
use std::net::IpAddr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::event::{
    Action, Event, Format, ListId, Reason, ReceivingDomain, ReplyCode, SmtpCommand, Status, Times, Timestamp,
    Verdict, Zone,
};
use crate::ledger::error::Trouble;
use crate::ledger::history::from_body;
use crate::ledger::identity::parts;

/// What a report counts of one bounce, in the words of its [`Event`](crate::event::Event).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bounce {
    /// Its number in the ledger, for [`Ledger::recorded`](crate::ledger::Ledger::recorded).
    pub id: i64,
    /// When this ledger first saw it.
    pub recorded_at: Timestamp,
    /// When the original was sent and when it bounced.
    pub times: Times,
    /// What wrote it.
    pub format: Format,
    /// Host that gave up.
    pub reporting_mta: Option<Arc<str>>,
    /// The mail that it is about.
    pub mail: Mail,
    /// Domain of the address in the original's From.
    pub sender: Option<Arc<ReceivingDomain>>,
    /// What the blocked address last called itself to a server, where the returned original tells.
    pub helo: Option<Arc<str>>,
    /// The failed address.
    pub recipient: Recipient,
    /// Domain of the recipient.
    pub receiving_domain: Arc<ReceivingDomain>,
    /// Name of the host that refused.
    pub remote_host: Option<Arc<str>>,
    /// What became of the mail.
    pub action: Action,
    /// Enhanced status code.
    pub status: Option<Status>,
    /// SMTP reply code.
    pub smtp_code: Option<ReplyCode>,
    /// The command that the reply answered.
    pub smtp_command: Option<SmtpCommand>,
    /// The refusing host's words, of the bounce that speaks for its blocked address and receiving domain.
    pub reply: Option<Box<str>>,
    /// What the catalogue says of the reply.
    pub verdict: Arc<Verdict>,
    /// Of all that it says: puts those in an order that are alike in everything else here.
    digest: i64,
}

impl Bounce {
    /// In this order the last failure of a group is its newest, which speaks for it; between equals the choice is always
    /// the same.
    pub fn speaking_order(&self) -> impl Ord + use<> {
        let Times { bounced_at, sent_at } = self.times;
        (bounced_at.or(sent_at), sent_at, self.digest)
    }
}

/// Which mail a bounce is about: its original by the Message-ID, else the bounce itself by its own, else by its place.
/// In 64 bits: that among a million mails two are taken for one happens once in 37 million ledgers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Mail {
    /// The bounce names it.
    Original(u64),
    /// The bounce does not; it has a Message-ID.
    Bounce(u64),
    /// It has neither.
    Lying(u64),
}

/// Which address a bounce is about: the local part as it stands (RFC 5321 §2.4: case matters in it) and the domain as
/// one spelling of it; in 64 bits, as [`Mail`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Recipient(u64);

/// What became of mails, to tell which delay notices still wait.
#[derive(Debug)]
pub struct Outcomes(HashSet<(Mail, Recipient)>);

impl Outcomes {
    /// The failures and deliveries among these bounces.
    #[must_use]
    pub fn among(bounces: &[Bounce]) -> Self {
        let outcomes = bounces.iter().filter(|bounce| bounce.action != Action::Delayed);
        Self(outcomes.filter_map(mail_and_recipient).collect())
    }

    /// Whether this is a delay notice and the failure or the delivery of the same mail to the same recipient has come,
    /// so that the notice leaves the counts. A notice that does not name its mail stays.
    #[must_use]
    pub fn overtake(&self, bounce: &Bounce) -> bool {
        bounce.action == Action::Delayed
            && mail_and_recipient(bounce).is_some_and(|mail| self.0.contains(&mail))
    }
}

fn mail_and_recipient(bounce: &Bounce) -> Option<(Mail, Recipient)> {
    match bounce.mail {
        Mail::Original(_) => Some((bounce.mail, bounce.recipient)),
        Mail::Bounce(_) | Mail::Lying(_) => None,
    }
}

/// The numbers of those that speak for their groups, of a blocked address and a receiving domain: the newest failure,
/// where there is none the newest notice that nothing has overtaken.
pub(super) fn speakers(bounces: &[Bounce], late_until: Option<Timestamp>) -> Vec<usize> {
    let outcomes = Outcomes::among(bounces);
    let mut newest = HashMap::new();
    for (at, bounce) in bounces.iter().enumerate() {
        let came = bounce.times.bounced_at;
        let too_late = late_until.zip(came).is_some_and(|(until, came)| came >= until);
        let is_failure = bounce.action == Action::Failed;
        if too_late || !is_failure && (bounce.action != Action::Delayed || outcomes.overtake(bounce)) {
            continue;
        }
        let order = (is_failure, bounce.speaking_order());
        let key = (bounce.verdict.blocked_ip, &bounce.receiving_domain);
        match newest.entry(key) {
            Entry::Vacant(place) => {
                place.insert((order, at));
            }
            Entry::Occupied(mut place) if place.get().0 <= order => {
                place.insert((order, at));
            }
            Entry::Occupied(_) => {}
        }
    }
    newest.into_values().map(|(_, at)| at).collect()
}

/// What the ledger keeps of an event beside its body: what a report counts of it.
#[derive(Serialize, Deserialize)]
pub(super) struct Brief<'a> {
    bounced_at: Option<Timestamp>,
    sent_at: Option<Timestamp>,
    format: Format,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    reporting_mta: Option<Text<'a>>,
    #[serde(borrow)]
    mail: Text<'a>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    sender: Option<Text<'a>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    helo: Option<Text<'a>>,
    #[serde(borrow)]
    recipient: Text<'a>,
    #[serde(borrow)]
    receiving_domain: Text<'a>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    remote_host: Option<Text<'a>>,
    action: Action,
    status: Option<Status>,
    smtp_code: Option<ReplyCode>,
    smtp_command: Option<SmtpCommand>,
    reason: Reason,
    blocked_ip: Option<IpAddr>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    blocklist: Option<Text<'a>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    zone: Option<Text<'a>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    code: Option<Text<'a>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    removal: Option<Text<'a>>,
    /// Of all that the event says.
    digest: i64,
}

/// serde borrows a `Cow` only where it stands alone.
#[derive(Serialize, Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'a> Brief<'a> {
    pub(super) fn of(event: &'a Event, digest: i64) -> Self {
        let text = |text: &'a Option<String>| text.as_deref().map(|text| Text(Cow::Borrowed(text)));
        let mut helos = event.original.helos.iter().rev();
        let helo = helos.find(|helo| Some(helo.ip) == event.verdict.blocked_ip);
        let sender = event.original.from.as_deref().and_then(ReceivingDomain::of);
        Self {
            bounced_at: event.times.bounced_at,
            sent_at: event.times.sent_at,
            format: event.format,
            reporting_mta: text(&event.reporting_mta),
            mail: Text(Cow::Owned(
                match (&event.original.message_id, &event.message_id) {
                    (Some(id), _) => format!("{ORIGINAL}{id}"),
                    (None, Some(id)) => format!("{BOUNCE}{id}"),
                    (None, None) => event.source.to_string(),
                },
            )),
            sender: sender.map(|sender| Text(Cow::Owned(sender.as_str().to_owned()))),
            helo: helo.map(|helo| Text(Cow::Borrowed(&helo.name))),
            recipient: Text(Cow::Borrowed(&event.recipient)),
            receiving_domain: Text(Cow::Borrowed(event.receiving_domain.as_str())),
            remote_host: text(&event.remote_host),
            action: event.action,
            status: event.status,
            smtp_code: event.smtp_code,
            smtp_command: event.smtp_command,
            reason: event.verdict.reason,
            blocked_ip: event.verdict.blocked_ip,
            blocklist: event
                .verdict
                .blocklist
                .as_ref()
                .map(|list| Text(Cow::Borrowed(&list.0))),
            zone: event
                .verdict
                .zone
                .as_ref()
                .map(|zone| Text(Cow::Borrowed(zone.as_str()))),
            code: text(&event.verdict.code),
            removal: text(&event.verdict.removal),
            digest,
        }
    }
}

const ORIGINAL: &str = "original:";
const BOUNCE: &str = "bounce:";

/// Bounces on their way out of the ledger. What many of them say alike is kept once.
#[derive(Default)]
pub(super) struct Bounces {
    bounces: Vec<Bounce>,
    texts: HashSet<Arc<str>>,
    domains: HashMap<Box<str>, Arc<ReceivingDomain>>,
    verdicts: HashMap<u64, Arc<Verdict>>,
}

impl Bounces {
    pub(super) fn add(&mut self, id: i64, recorded_at: Timestamp, brief: &str) -> Result<(), Trouble> {
        let brief: Brief<'_> = from_body("bounce", brief)?;
        let mail = &*brief.mail.0;
        let bounce = Bounce {
            id,
            recorded_at,
            times: Times {
                bounced_at: brief.bounced_at,
                sent_at: brief.sent_at,
            },
            format: brief.format,
            reporting_mta: self.text(brief.reporting_mta.as_ref()),
            mail: match (mail.strip_prefix(ORIGINAL), mail.strip_prefix(BOUNCE)) {
                (Some(original), _) => Mail::Original(number(original)),
                (None, Some(bounce)) => Mail::Bounce(number(bounce)),
                (None, None) => Mail::Lying(number(mail)),
            },
            sender: brief.sender.as_ref().map(|sender| self.domain(sender)),
            helo: self.text(brief.helo.as_ref()),
            recipient: Recipient(number(&parts(&brief.recipient.0, &brief.receiving_domain.0))),
            receiving_domain: self.domain(&brief.receiving_domain),
            remote_host: self.text(brief.remote_host.as_ref()),
            action: brief.action,
            status: brief.status,
            smtp_code: brief.smtp_code,
            smtp_command: brief.smtp_command,
            reply: None,
            verdict: self.verdict(&brief),
            digest: brief.digest,
        };
        self.bounces.push(bounce);
        Ok(())
    }

    /// All of them, oldest first: by the time that windows go by, those without one last. The order in which mails were
    /// read does not show.
    pub(super) fn in_order(self) -> Vec<Bounce> {
        let mut bounces = self.bounces;
        bounces.sort_unstable_by_key(|bounce| {
            let at = bounce.times.sent_or_bounced();
            (at.is_none(), at, bounce.times.bounced_at, bounce.digest)
        });
        bounces
    }

    fn text(&mut self, text: Option<&Text<'_>>) -> Option<Arc<str>> {
        let text = &*text?.0;
        if let Some(known) = self.texts.get(text) {
            return Some(Arc::clone(known));
        }
        let text: Arc<str> = text.into();
        self.texts.insert(Arc::clone(&text));
        Some(text)
    }

    fn domain(&mut self, text: &Text<'_>) -> Arc<ReceivingDomain> {
        let text = &*text.0;
        if let Some(known) = self.domains.get(text) {
            return Arc::clone(known);
        }
        let domain = Arc::new(ReceivingDomain::from_stored(text.to_owned()));
        self.domains.insert(text.into(), Arc::clone(&domain));
        domain
    }

    fn verdict(&mut self, brief: &Brief<'_>) -> Arc<Verdict> {
        let texts = [&brief.blocklist, &brief.zone, &brief.code, &brief.removal];
        let texts = texts.map(|text| text.as_ref().map(|text| &*text.0));
        let key = number(&(brief.reason, brief.blocked_ip, texts));
        let known = self.verdicts.entry(key).or_insert_with(|| {
            let [blocklist, zone, code, removal] = texts.map(|text| text.map(str::to_owned));
            Arc::new(Verdict {
                reason: brief.reason,
                blocked_ip: brief.blocked_ip,
                blocklist: blocklist.map(ListId),
                zone: zone.map(Zone::from),
                code,
                removal,
            })
        });
        Arc::clone(known)
    }
}

/// The same in each run, so that equal bounces stand in the same order.
fn number(of: &(impl Hash + ?Sized)) -> u64 {
    let mut hasher = DefaultHasher::new();
    of.hash(&mut hasher);
    hasher.finish()
}

/// What the ledger would give of these events, each recorded at its time; they keep their replies.
#[cfg(test)]
pub(crate) fn bounces_of(events: impl IntoIterator<Item = (Event, Timestamp)>) -> Vec<Bounce> {
    let mut bounces = Bounces::default();
    for (id, (event, recorded_at)) in (1..).zip(events) {
        let brief = serde_json::to_string(&Brief::of(&event, id)).unwrap();
        bounces.add(id, recorded_at, &brief).unwrap();
        if let Some(bounce) = bounces.bounces.last_mut() {
            bounce.reply = event.reply.map(Box::from);
        }
    }
    bounces.in_order()
}

#[cfg(test)]
mod tests {
    use crate::event::{Action, Event, Timestamp};
    use crate::ledger::bounces::speakers;
    use crate::ledger::{Bounce, Outcomes, bounces_of};

    fn event(change: impl FnOnce(&mut Event)) -> Event {
        let mut event: Event = serde_json::from_value(serde_json::json!({
            "source": "INBOX/1.eml",
            "bounced_at": "2026-11-20T10:05:12+09:00",
            "sent_at": "2026-11-15T10:05:12+09:00",
            "format": "postfix",
            "original_message_id": "a002@shop.example.jp",
            "recipient": "Tanaka@canary.example.com",
            "receiving_domain": "canary.example.com",
            "action": "failed",
            "reply": "554 5.7.1 \"Client host\" [198.51.100.77] blocked",
            "reason": "blocked",
            "blocked_ip": "198.51.100.77",
        }))
        .unwrap();
        change(&mut event);
        event
    }

    fn bounces(events: &[Event]) -> Vec<Bounce> {
        let events = events.iter().cloned();
        bounces_of(events.map(|event| (event, at("2026-11-20T11:00:00+09:00"))))
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn a_delay_notice_leaves_the_counts_when_it_is_known_what_became_of_its_mail() {
        let notice = |change: fn(&mut Event)| {
            event(|event| {
                event.action = Action::Delayed;
                change(event);
            })
        };
        let overtaken = |events: &[Event]| -> Vec<bool> {
            let bounces = bounces(events);
            let outcomes = Outcomes::among(&bounces);
            bounces.iter().map(|bounce| outcomes.overtake(bounce)).collect()
        };
        let notices = [
            notice(|_same| {}),
            notice(|other| other.recipient = "sato@canary.example.com".to_owned()),
            notice(|other| other.recipient = "tanaka@canary.example.com".to_owned()),
            notice(|unnamed| unnamed.original.message_id = None),
        ];
        for (notice, gone) in notices.iter().zip([1, 0, 0, 0]) {
            let both = overtaken(&[event(|_failure| {}), notice.clone()]);
            assert_eq!(both.iter().filter(|gone| **gone).count(), gone, "{notice:?}");
        }
        assert_eq!(overtaken(&notices), [false; 4]);
        for action in [Action::Delivered, Action::Relayed, Action::Expanded] {
            let both = overtaken(&[event(|outcome| outcome.action = action), notices[0].clone()]);
            assert_eq!(both.iter().filter(|gone| **gone).count(), 1, "{action}");
        }
    }

    #[test]
    fn the_newest_failure_speaks_for_its_group_and_a_notice_where_there_is_none() {
        let day = |day: u32, change: fn(&mut Event)| {
            event(|event| {
                event.times.bounced_at = Some(at(&format!("2026-11-{day}T10:05:12+09:00")));
                event.original.message_id = Some(format!("{day}@shop.example.jp"));
                change(event);
            })
        };
        let events = [
            day(21, |_newest| {}),
            day(20, |_older| {}),
            day(23, |notice| notice.action = Action::Delayed),
            day(24, |_too_late| {}),
            day(18, |other| other.verdict.blocked_ip = None),
            day(19, |notice_of_another| {
                notice_of_another.action = Action::Delayed;
                notice_of_another.verdict.blocked_ip = Some("198.51.100.78".parse().unwrap());
            }),
            day(21, |overtaken| {
                overtaken.action = Action::Delayed;
                overtaken.verdict.blocked_ip = Some("198.51.100.79".parse().unwrap());
            }),
        ];
        let bounces = bounces(&events);
        let spoke = |late_until: Option<Timestamp>| -> Vec<_> {
            let speakers = speakers(&bounces, late_until).into_iter();
            let mut spoke: Vec<_> = speakers
                .map(|at| {
                    (
                        bounces[at].times.bounced_at.unwrap().to_rfc3339(),
                        bounces[at].action,
                    )
                })
                .collect();
            spoke.sort();
            spoke
                .into_iter()
                .map(|(at, action)| format!("{} {action}", &at[8..10]))
                .collect()
        };
        let until = at("2026-11-24T00:00:00+09:00");
        assert_eq!(spoke(Some(until)), ["18 failed", "19 delayed", "21 failed"]);
        assert_eq!(spoke(None), ["18 failed", "19 delayed", "24 failed"]);
    }
}
