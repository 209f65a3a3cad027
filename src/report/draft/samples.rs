//! Evidence for the drafts of the tests.

use crate::check::{Answer, Names, Owner, Ptr};
use crate::event::Event;
use crate::report::draft::{Addressee, Draft, NoDraft, Wanted, draft};
use crate::report::lang::Lang;
use crate::report::own::{AskVia, HostingCompany};
use crate::report::samples::{Case, again, at, november, story};

const CHECKED: &str = "2026-11-22T09:00:00+09:00";

/// A case, and what is wanted of a draft about it.
pub(super) struct Office {
    pub(super) case: Case,
    pub(super) ip: &'static str,
    pub(super) to: Option<Addressee>,
    pub(super) ask_via: Option<AskVia>,
    pub(super) hosting: Option<HostingCompany>,
    pub(super) attached: Option<usize>,
}

impl Office {
    pub(super) fn of(case: Case, ip: &'static str) -> Self {
        Self {
            case,
            ip,
            to: None,
            ask_via: None,
            hosting: None,
            attached: None,
        }
    }

    pub(super) fn to(mut self, to: Addressee) -> Self {
        self.to = Some(to);
        self
    }

    /// The name of the address, which leads back to it.
    pub(super) fn named(mut self, ptr: &str) -> Self {
        self.case.history.names.push(Names {
            ip: self.ip.parse().unwrap(),
            ptr: Ptr::Confirmed(ptr.into()),
            owner: Owner::NotAsked,
            checked_at: at(CHECKED),
            ttl: None,
        });
        self
    }

    pub(super) fn draft(&self, lang: Lang) -> Result<Draft, NoDraft> {
        let mut case = Case::of([]);
        case.history = self.case.history.clone();
        case.own = self.case.own.clone();
        case.settings.lang = Some(lang);
        let wanted = Wanted {
            ip: self.ip.parse().unwrap(),
            to: self.to,
            ask_via: self.ask_via,
            hosting: self.hosting.as_ref(),
            catalogue: case.catalogue,
            attached: self.attached,
        };
        draft(&case.report(), &wanted)
    }
}

/// An address that came back onto Spamhaus, on a server that the configuration calls a hosting company's.
pub(super) fn spamhaus_through_the_host() -> Office {
    let mut case = november().answered(
        "192.0.2.185",
        "b.barracudacentral.org",
        Answer::Refused(vec![]),
        CHECKED,
    );
    case.history.not_understood.clear();
    Office {
        ask_via: Some(AskVia::Hosting),
        hosting: Some(HostingCompany {
            name: "Example Hosting KK".into(),
            support: Some("https://support.hosting.example.jp/".into()),
        }),
        attached: Some(3),
        ..Office::of(case, "192.0.2.185").named("www1.hosting.example.jp")
    }
}

/// The same address on a server of one's own.
pub(super) fn spamhaus_on_our_own() -> Office {
    let mut office = spamhaus_through_the_host();
    office.case.own = vec!["192.0.2.0/24".parse().unwrap()];
    (office.ask_via, office.hosting, office.attached) = (None, None, None);
    office
}

/// A shared server that Outlook.com refuses; another receiver refuses it too, by mistake.
pub(super) fn outlook_on_a_shared_server() -> Office {
    let mut case = november();
    case.history.not_understood.clear();
    Office::of(case, "192.0.2.99").named("sv200.xserver.jp")
}

/// A shared server on gmo-rbl.jp, still refused: the hosting company has answered.
pub(super) fn gmo_after_the_host() -> Office {
    let gmo = story("postfix-gmo-rbl-late.eml");
    let again = |who, sent, bounced| again(&gmo, who, sent, bounced);
    let mut case = Case::of([
        again(
            "b@daisansha.example.org",
            "2026-11-15T10:00:00+09:00",
            "2026-11-20T10:05:12+09:00",
        ),
        again(
            "c@daisansha.example.org",
            "2026-11-15T11:00:00+09:00",
            "2026-11-20T11:05:12+09:00",
        ),
        again(
            "cc@canary.example.com",
            "2026-11-17T07:55:00+09:00",
            "2026-11-22T08:00:40+09:00",
        ),
    ])
    .answered(
        "192.0.2.77",
        "gmo-rbl.jp",
        Answer::Listed(vec![[127, 0, 0, 2].into()]),
        CHECKED,
    );
    case.history
        .listings
        .iter_mut()
        .for_each(|listing| listing.meaning = None);
    Office::of(case, "192.0.2.77")
        .named("sv77.xserver.jp")
        .to(Addressee::Receiver)
}

/// An address of one's own that Microsoft 365 refuses and wants to hear about by mail.
pub(super) fn microsoft_by_mail() -> Office {
    let story = story("qmail-microsoft-blocklist1.eml");
    let sent = "2026-11-21T14:57:55+09:00";
    let mut case = Case::of([again(&story, "name@myclient.example.com", sent, sent)]);
    case.own = vec!["192.0.2.44".parse().unwrap()];
    Office::of(case, "192.0.2.44").named("mx.provider.example.jp")
}

/// A receiver that takes an error answer for a listing; the list says that it is none.
pub(super) fn broken_receiver() -> Office {
    let fault = story("postfix-open-resolver.eml");
    let case = Case::of([again(
        &fault,
        "c@small.example.net",
        "2026-11-20T09:00:00+09:00",
        "2026-11-20T09:00:02+09:00",
    )])
    .answered("192.0.2.99", "zen.spamhaus.org", Answer::NotListed, CHECKED);
    Office::of(case, "192.0.2.99")
}

/// Two customers' mail that was hit and is not refused any more, one of them elsewhere still.
pub(super) fn customers() -> Office {
    let mut office = Office::of(november(), "192.0.2.77");
    let gmo = story("postfix-gmo-rbl-late.eml");
    let mut other = again(
        &gmo,
        "d@canary.example.com",
        "2026-11-16T12:00:00+09:00",
        "2026-11-21T12:05:00+09:00",
    );
    other.original.from = Some("taro@shop.example.jp".into());
    let mut elsewhere = story("qmail-spamhaus-outlook.eml");
    elsewhere.verdict.blocked_ip = gmo.verdict.blocked_ip;
    let sent = "2026-11-21T10:00:00+09:00";
    let elsewhere = again(&elsewhere, "e@outlook.example.jp", sent, sent);
    let more = Case::of([other, elsewhere]);
    office.case.history.bounces.extend(more.history.bounces);
    office.to(Addressee::Customers)
}

/// One refusal by these words of the catalogue.
pub(super) fn refused_by(change: impl FnOnce(&mut Event)) -> Office {
    let sent = "2026-11-21T10:00:00+09:00";
    let mut event = again(&story("postfix-s3150.eml"), "a@portal.example.jp", sent, sent);
    event.remote_host = None;
    event.verdict.code = None;
    event.verdict.removal = None;
    change(&mut event);
    Office::of(Case::of([event]), "192.0.2.99")
}
