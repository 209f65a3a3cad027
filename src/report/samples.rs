//! Events for the tests: those of the story mails as `bounce` and `catalogue` read them, and variations of them.

use std::sync::LazyLock;

use crate::catalogue::Catalogue;
use crate::check::{Answer, Listing};
use crate::event::{Action, Event, Gap, NotUnderstood, Shape, Sign, Source, Timestamp, Zone};
use crate::ledger::{Bounce, History, bounces_of};
use crate::report::own::OwnAddress;
use crate::report::settings::Settings;
use crate::report::{Input, Report};

/// Loaded once: the property tests make hundreds of reports.
pub(super) static CATALOGUE: LazyLock<Catalogue> = LazyLock::new(|| Catalogue::built_in().unwrap());

/// The event of the story mail with this name.
pub(super) fn story(file: &str) -> Event {
    include_str!("samples.ndjson")
        .lines()
        .map(|line| serde_json::from_str::<Event>(line).unwrap())
        .find(|event| event.source == Source::File(file.into()))
        .unwrap()
}

/// The same bounce for another mail: its recipient, when it was sent and when it came back.
pub(super) fn again(event: &Event, recipient: &str, sent_at: &str, bounced_at: &str) -> Event {
    let mut event = event.clone();
    event.recipient = recipient.into();
    event.receiving_domain = crate::event::ReceivingDomain::of(recipient).unwrap();
    event.times.sent_at = Some(at(sent_at));
    event.times.bounced_at = Some(at(bounced_at));
    event.original.message_id = Some(format!("{sent_at}.{recipient}"));
    event.source = Source::File(format!("{bounced_at}-{recipient}.eml").into());
    event
}

/// A mail in the file of this name that looks like a bounce.
pub(super) fn strange(file: &str, subject: &str) -> NotUnderstood {
    NotUnderstood {
        source: Source::File(file.into()),
        message_id: None,
        bounced_at: None,
        shape: Some(Shape {
            signs: vec![Sign::NullSender, Sign::Daemon],
            from: Some("mailer-daemon".into()),
            subject: Some(subject.into()),
            mailer: None,
            parts: "multipart/mixed (text/html, message/rfc822)".into(),
        }),
    }
}

/// The notice that came before a failure.
pub(super) fn delay_notice(failure: &Event, bounced_at: &str) -> Event {
    let mut event = failure.clone();
    event.action = Action::Delayed;
    event.times.bounced_at = Some(at(bounced_at));
    event
}

pub(super) fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// As the ledger gives them: each recorded when it bounced.
pub(super) fn recorded(events: impl IntoIterator<Item = Event>) -> Vec<Bounce> {
    let recorded = |event: Event| {
        let bounced_at = event.times.bounced_at;
        let recorded_at = bounced_at.unwrap_or_else(|| at("2026-11-22T00:00:00+00:00"));
        (event, recorded_at)
    };
    bounces_of(events.into_iter().map(recorded))
}

pub(super) fn bounce(event: &Event) -> Bounce {
    recorded([event.clone()]).remove(0)
}

/// What a report is made from, with the answers and names that the DNS might have given.
pub(super) struct Case {
    pub(super) history: History,
    pub(super) catalogue: &'static Catalogue,
    pub(super) own: Vec<OwnAddress>,
    pub(super) gaps: Vec<Gap>,
    pub(super) warnings: Vec<String>,
    pub(super) settings: Settings,
    pub(super) looked_at: Vec<String>,
    pub(super) now: Timestamp,
}

impl Case {
    /// These bounces, read at the time of the sketches, in UTC.
    pub(super) fn of(events: impl IntoIterator<Item = Event>) -> Self {
        Self {
            history: History {
                bounces: recorded(events),
                ..History::default()
            },
            catalogue: &CATALOGUE,
            own: Vec::new(),
            gaps: Vec::new(),
            warnings: Vec::new(),
            settings: Settings {
                utc: true,
                ..Settings::default()
            },
            looked_at: vec!["postmaster@mail.hosting.example.jp (INBOX, Junk)".into()],
            now: at("2026-11-22T00:00:00+00:00"),
        }
    }

    /// An answer of a zone.
    pub(super) fn answered(mut self, ip: &str, zone: &str, answer: Answer, checked_at: &str) -> Self {
        let zone = Zone::from(zone.to_owned());
        let blocklist = self.catalogue.zone(&zone).map(|facts| facts.list.clone());
        let meaning = match &answer {
            Answer::Listed(_) => {
                Some("CSS: low-reputation sender, listed automatically (IPv4 /32, IPv6 /64)".to_owned())
            }
            Answer::NotListed
            | Answer::Refused(_)
            | Answer::Timeout
            | Answer::Error(_)
            | Answer::ZoneDead(_) => None,
        };
        self.history.listings.push(Listing {
            ip: ip.parse().unwrap(),
            zone,
            blocklist,
            answer,
            meaning,
            text: None,
            checked_at: at(checked_at),
            ttl: Some(std::time::Duration::from_secs(60)),
        });
        self
    }

    pub(super) fn report(&self) -> Report<'_> {
        Report::build(Input {
            history: &self.history,
            catalogue: self.catalogue,
            own: &self.own,
            owner: None,
            gaps: &self.gaps,
            warnings: &self.warnings,
            settings: &self.settings,
            command: "scan",
            looked_at: &self.looked_at,
            now: self.now,
        })
        .unwrap()
    }
}

/// The mission's stories as they would look in one mailbox of one November, with what the DNS says of them: an address
/// that came back, one that is new, a receiver's mistake, one that is over.
#[expect(clippy::too_many_lines, reason = "a table of bounces and answers")]
pub(super) fn november() -> Case {
    let spamhaus = story("sendmail-transcript.eml");
    let outlook = story("postfix-s3150.eml");
    let gmo = story("postfix-gmo-rbl-late.eml");
    let fault = story("postfix-open-resolver.eml");
    let mut unknown = story("postfix-s3150.eml");
    unknown.verdict.reason = crate::event::Reason::UserUnknown;
    unknown.verdict.blocked_ip = None;
    unknown.verdict.blocklist = None;
    let mut events = Vec::new();
    for (at, who) in [
        ("2026-11-18T10:02:11+09:00", "a@kaisha.example.co.jp"),
        ("2026-11-18T11:30:00+09:00", "b@kaisha.example.co.jp"),
        ("2026-11-21T09:00:00+09:00", "c@univ.example.ac.jp"),
        ("2026-11-21T09:05:00+09:00", "a@kaisha.example.co.jp"),
        ("2026-11-22T08:40:03+09:00", "d@kaisha.example.co.jp"),
    ] {
        events.push(again(&spamhaus, who, at, at));
    }
    events.push(again(
        &outlook,
        "client@portal.example.jp",
        "2026-11-22T05:10:00+09:00",
        "2026-11-22T05:10:02+09:00",
    ));
    for (sent, bounced, who) in [
        (
            "2026-11-15T10:00:00+09:00",
            "2026-11-20T10:05:12+09:00",
            "b@daisansha.example.org",
        ),
        (
            "2026-11-15T11:00:00+09:00",
            "2026-11-20T11:05:12+09:00",
            "c@daisansha.example.org",
        ),
        (
            "2026-11-16T09:00:00+09:00",
            "2026-11-21T09:05:12+09:00",
            "cc@canary.example.com",
        ),
        (
            "2026-11-17T07:55:00+09:00",
            "2026-11-22T08:00:40+09:00",
            "cc@canary.example.com",
        ),
    ] {
        events.push(again(&gmo, who, sent, bounced));
    }
    events.push(again(
        &fault,
        "c@small.example.net",
        "2026-11-20T09:00:00+09:00",
        "2026-11-20T09:00:02+09:00",
    ));
    for who in ["x@portal.example.jp", "y@portal.example.jp"] {
        events.push(again(
            &unknown,
            who,
            "2026-11-19T09:00:00+09:00",
            "2026-11-19T09:00:01+09:00",
        ));
    }
    let mut case = Case::of(events)
        .answered(
            "192.0.2.185",
            "zen.spamhaus.org",
            Answer::Listed(vec![[127, 0, 0, 3].into()]),
            "2026-11-18T12:00:00+09:00",
        )
        .answered(
            "192.0.2.185",
            "zen.spamhaus.org",
            Answer::NotListed,
            "2026-11-19T12:00:00+09:00",
        )
        .answered(
            "192.0.2.185",
            "zen.spamhaus.org",
            Answer::Listed(vec![[127, 0, 0, 3].into()]),
            "2026-11-22T09:00:00+09:00",
        )
        .answered(
            "192.0.2.185",
            "bl.spamcop.net",
            Answer::NotListed,
            "2026-11-22T09:00:00+09:00",
        )
        .answered(
            "192.0.2.99",
            "zen.spamhaus.org",
            Answer::NotListed,
            "2026-11-22T09:00:00+09:00",
        )
        .answered(
            "192.0.2.77",
            "gmo-rbl.jp",
            Answer::Listed(vec![[127, 0, 0, 2].into()]),
            "2026-11-20T06:00:00+09:00",
        )
        .answered(
            "192.0.2.77",
            "gmo-rbl.jp",
            Answer::NotListed,
            "2026-11-20T12:00:00+09:00",
        )
        .answered(
            "192.0.2.77",
            "gmo-rbl.jp",
            Answer::NotListed,
            "2026-11-22T09:00:00+09:00",
        );
    case.history.last_report = Some(at("2026-11-21T00:00:00+00:00"));
    case.history.not_understood = vec![
        strange("a.eml", "Undelivered <text>"),
        strange("b.eml", "Undelivered <text>"),
    ];
    case
}
