//! A letter about one refused address, with the evidence for it: to the hosting company, the list, the receiver, or the
//! customers whose mail was hit. It is never sent from here.
//!
//! Everything in it was read in a bounce, answered by the DNS or stands in the catalogue; what only a person knows is a
//! blank to fill in. No cause and no countermeasure is made up.

mod advice;
mod choice;
mod customers;
mod evidence;
mod facts;
mod fault;
mod letters;
#[cfg(test)]
mod samples;
mod sheet;
mod words;

use std::net::IpAddr;

use clap::ValueEnum;

use crate::catalogue::{Catalogue, WhoMayAsk};
use crate::report::Report;
use crate::report::own::{AskVia, HostingCompany};

use evidence::Evidence;

pub(super) use words::DraftWords;

/// Whom a draft is written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Addressee {
    /// The company whose server or network the IP is
    Hosting,
    /// Whoever keeps the list
    List,
    /// The receiver that refuses the mail
    Receiver,
    /// The sender domains whose mail was hit, a notice for each
    Customers,
}

/// What is wanted of a draft.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// The refused address.
    pub ip: IpAddr,
    /// Whom to write to, where the user says so.
    pub to: Option<Addressee>,
    /// `ask_via` of the configuration.
    pub ask_via: Option<AskVia>,
    /// `hosting` of the configuration.
    pub hosting: Option<&'a HostingCompany>,
    /// What is known of lists and of the ways off them.
    pub catalogue: &'a Catalogue,
    /// How many complete bounces lie beside the draft, with the local parts of their addresses hidden; `None` where none
    /// were asked for.
    pub attached: Option<usize>,
}

/// A letter, ready to be copied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    /// For stdout: advice in lines that begin with `#`, an empty line, subject and body.
    pub text: String,
    /// For stderr: whom it is written to and why, in one line.
    pub why: String,
}

/// Why there is no draft.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoDraft {
    /// Nothing says that the address was refused.
    #[error(
        "no bounce in the ledger and in this window says that {0} was refused, so there is nothing to write; a scan \
         or a wider --since may find one"
    )]
    NoEvidence(IpAddr),
    /// Whoever keeps the list hears nobody.
    #[error(
        "{by} takes no requests: a listing there expires by itself, do not pay for a removal; --to hosting, receiver or \
         customers writes to somebody else"
    )]
    NobodyMayAsk {
        /// The list.
        by: String,
    },
    /// The list hears somebody else.
    #[error(
        "{by} takes requests from the owner of {ip} alone, and one from anybody else can do harm: write to the owner with \
         --to hosting"
    )]
    OwnerAlone {
        /// The list.
        by: String,
        /// The refused address.
        ip: IpAddr,
    },
    /// Only the receiver can change it.
    #[error("{by} cannot lift this refusal, the receiver alone can: use --to receiver")]
    ReceiverAlone {
        /// The list, or what the reply takes for one.
        by: String,
    },
    /// The receiver makes a mistake that nobody else can mend.
    #[error(
        "{0} is not refused for a listing: the receiver's own check failed, so only --to receiver or customers helps"
    )]
    ReceiversFault(IpAddr),
    /// There is no list to write to.
    #[error("the last reply that refuses {0} names no list: use --to hosting or receiver")]
    NoList(IpAddr),
    /// No bounce tells whose mail was hit.
    #[error("no bounce about {0} says from which domain its mail was sent, so there is nobody to notify")]
    NoSenders(IpAddr),
}

/// The letter about an address, from the evidence of a report.
///
/// # Errors
/// When nothing says that the address was refused, or when a letter to the wanted addressee would do harm or make no sense.
pub fn draft(report: &Report<'_>, wanted: &Wanted<'_>) -> Result<Draft, NoDraft> {
    let ip = wanted.ip.to_canonical();
    let evidence = Evidence::of(report, wanted, ip).ok_or(NoDraft::NoEvidence(ip))?;
    let (to, because) = choice::choose(&evidence, wanted)?;
    let evidence = evidence.for_letter_to(to);
    let text = match to {
        Addressee::Hosting => letters::to_hosting(&evidence),
        Addressee::List => letters::to_list(&evidence),
        Addressee::Receiver if evidence.is_fault() => fault::letter(&evidence),
        Addressee::Receiver if evidence.list_is_receivers() => letters::to_list(&evidence),
        Addressee::Receiver => letters::to_receiver(&evidence),
        Addressee::Customers => customers::notices(&evidence)?,
    };
    Ok(Draft {
        text: format!("{}\n{text}", advice::block(&evidence, to)),
        why: choice::why(&evidence, to, because),
    })
}

impl Evidence<'_> {
    /// Whether the receiver keeps the list itself, so that its operator is the one to write to.
    fn list_is_receivers(&self) -> bool {
        self.chosen.who_may_ask != WhoMayAsk::Receiver && self.way.is_some_and(|way| way.kept_by_receiver)
    }
}

#[cfg(test)]
mod tests {
    use crate::event::{ListId, Reason};
    use crate::report::draft::samples::{self, Office, refused_by};
    use crate::report::draft::sheet::WIDTH;
    use crate::report::draft::{Addressee, NoDraft};
    use crate::report::lang::Lang;
    use crate::report::layout::cells;
    use crate::report::own::AskVia;

    fn both(office: &Office) -> [(&'static str, String); 2] {
        [("en", Lang::En), ("ja", Lang::Ja)].map(|(name, lang)| {
            let draft = office.draft(lang).unwrap();
            (name, format!("{}\n====\n{}", draft.why, draft.text))
        })
    }

    fn snapshot(name: &str, office: &Office) {
        for (lang, text) in both(office) {
            insta::assert_snapshot!(format!("{name}_{lang}"), text);
        }
    }

    fn by(list: &'static str) -> Office {
        refused_by(|event| event.verdict.blocklist = Some(ListId(list.to_owned())))
    }

    fn chosen(office: &Office) -> Result<String, NoDraft> {
        office.draft(Lang::En).map(|draft| draft.why)
    }

    fn ours(mut office: Office) -> Office {
        office.case.own = vec!["192.0.2.0/24".parse().unwrap()];
        office
    }

    #[test]
    fn to_the_hosting_company_about_a_public_list() {
        snapshot("hosting_spamhaus", &samples::spamhaus_through_the_host());
    }

    #[test]
    fn to_the_owner_of_the_ip_about_the_receivers_own_list() {
        snapshot("hosting_outlook", &samples::outlook_on_a_shared_server());
    }

    #[test]
    fn to_the_receivers_operator_by_its_form() {
        snapshot("receiver_gmo", &samples::gmo_after_the_host());
    }

    #[test]
    fn to_the_list_from_the_servers_own_operator() {
        snapshot("list_spamhaus", &samples::spamhaus_on_our_own());
        snapshot("list_microsoft", &samples::microsoft_by_mail());
        snapshot("list_barracuda", &ours(by("barracuda")));
    }

    #[test]
    fn to_the_receiver_whose_check_is_broken() {
        snapshot("receiver_fault", &samples::broken_receiver());
    }

    #[test]
    fn to_the_customers_whose_mail_was_hit() {
        snapshot("customers", &samples::customers());
    }

    #[test]
    fn to_others_for_other_reasons() {
        let ptr = refused_by(|event| {
            event.verdict.reason = Reason::RequirePtr;
            event.verdict.blocklist = None;
            event.reply = Some("550 5.7.25 [192.0.2.99] has no PTR record".into());
        });
        snapshot("hosting_ptr", &ptr);
        let rate = refused_by(|event| {
            event.verdict.reason = Reason::RateLimited;
            event.verdict.blocklist = None;
            event.reply = Some("450 4.7.1 too many connections from 192.0.2.99".into());
        });
        snapshot("receiver_rate", &rate);
        let mut over = samples::gmo_after_the_host();
        over.case = crate::report::samples::november();
        snapshot("hosting_cleared", &over.to(Addressee::Hosting));
    }

    #[test]
    fn lines_are_short_but_for_words_that_must_stay_whole() {
        for office in [
            samples::spamhaus_through_the_host(),
            samples::outlook_on_a_shared_server(),
            samples::gmo_after_the_host(),
            samples::spamhaus_on_our_own(),
            samples::microsoft_by_mail(),
            samples::broken_receiver(),
            samples::customers(),
        ] {
            for (_, text) in both(&office) {
                let (_, text) = text.split_once("====\n").unwrap();
                let long = |line: &&str| cells(line) > WIDTH && !line.contains("http");
                let subject = |line: &&str| !line.starts_with("Subject:") && !line.starts_with("件名:");
                let lines: Vec<&str> = text.lines().filter(long).filter(subject).collect();
                assert!(lines.is_empty(), "{lines:#?}");
                assert!(!text.contains('\u{e000}') && !text.contains("{"), "{text}");
            }
        }
    }

    #[test]
    fn evidence_and_configuration_choose_whom_to_write_to() {
        let hosting = "a draft to the hosting company";
        let list = "a draft to whoever keeps the list";
        let receiver = "a draft to the receiver";
        for (office, wanted) in [
            (by("spamhaus"), hosting),
            (ours(by("spamhaus")), list),
            (by("barracuda"), list),
            (by("barracuda").named("www1.sakura.ne.jp"), hosting),
            (ours(by("barracuda")).named("www1.sakura.ne.jp"), hosting),
            (by("mimecast"), receiver),
            (by("mimecast").named("www1.sakura.ne.jp"), receiver),
            (by("uceprotect-1").named("www1.sakura.ne.jp"), hosting),
            (by("cybermail").to(Addressee::Hosting), hosting),
            (samples::broken_receiver().named("www1.sakura.ne.jp"), receiver),
        ] {
            let why = chosen(&office).unwrap();
            assert!(why.contains(wanted), "{why}");
        }
        let mut asked = ours(by("spamhaus"));
        asked.ask_via = Some(AskVia::Hosting);
        assert!(chosen(&asked).unwrap().contains(hosting));
    }

    #[test]
    fn what_would_do_harm_is_refused_in_one_line() {
        let mut stranger = by("spamhaus");
        stranger.ip = "192.0.2.1";
        for (office, wanted) in [
            (stranger, "no bounce in the ledger"),
            (by("uceprotect-1"), "expires by itself, do not pay"),
            (ours(by("uceprotect-1")).to(Addressee::List), "do not pay"),
            (
                by("spamhaus").named("www1.sakura.ne.jp").to(Addressee::List),
                "from the owner of 192.0.2.99 alone",
            ),
            (by("mimecast").to(Addressee::List), "the receiver alone can"),
            (samples::broken_receiver().to(Addressee::List), "own check failed"),
            (
                refused_by(|event| event.verdict.blocklist = None).to(Addressee::List),
                "names no list",
            ),
            (
                refused_by(|event| event.original.from = None).to(Addressee::Customers),
                "nobody to notify",
            ),
        ] {
            let error = chosen(&office).unwrap_err().to_string();
            assert!(error.contains(wanted) && !error.contains('\n'), "{error}");
        }
        assert!(chosen(&by("uceprotect-1").to(Addressee::Receiver)).is_ok());
    }

    #[test]
    fn nobody_is_told_of_another_customer_nor_of_any_person() {
        let draft = samples::customers().draft(Lang::En).unwrap();
        let notices: Vec<&str> = draft.text.split("# ---- Notice").skip(1).collect();
        assert_eq!(notices.len(), 2, "{}", draft.text);
        assert!(!notices[0].contains("shop.example.jp") && !notices[1].contains("iimono.example.jp"));
        assert!(!draft.text.contains('@'), "{}", draft.text);
    }

    #[test]
    fn attachments_are_told_of_only_where_there_are_some() {
        let mut office = samples::spamhaus_through_the_host();
        assert!(
            office
                .draft(Lang::En)
                .unwrap()
                .text
                .contains("3 bounces, complete")
        );
        for attached in [None, Some(0)] {
            office.attached = attached;
            assert!(!office.draft(Lang::En).unwrap().text.contains("Attached"));
        }
    }

    #[test]
    fn that_nobody_else_refuses_is_said_only_where_it_is_known() {
        let said = |office: &Office| {
            office
                .draft(Lang::En)
                .unwrap()
                .text
                .contains("no refusals have come")
        };
        let mut office = samples::spamhaus_through_the_host();
        assert!(said(&office));
        office.case.history.not_understood = crate::report::samples::november().history.not_understood;
        assert!(!said(&office));
        assert!(!said(&samples::outlook_on_a_shared_server()));
    }
}
