//! What the scripted server has in its folders, and what it does wrong.

use std::collections::BTreeSet;
use std::time::Duration;

/// What the server's folders hold, and how it behaves.
#[derive(Clone, Debug)]
pub(super) struct Script {
    pub(super) mails: u32,
    pub(super) validity: u32,
    /// From the second connection on.
    pub(super) later_validity: Option<u32>,
    /// Courier gives no UIDNEXT.
    pub(super) uid_next: bool,
    pub(super) capabilities: &'static str,
    /// UIDs that are there at first and not when they are fetched.
    pub(super) expunged: BTreeSet<u32>,
    /// UIDs that are there and about which a FETCH of anything but the UID says nothing.
    pub(super) withheld: BTreeSet<u32>,
    /// UIDs whose body is given as NIL.
    pub(super) nil: BTreeSet<u32>,
    /// UIDs whose body is given as an empty string.
    pub(super) empty: BTreeSet<u32>,
    /// UIDs that are given twice.
    pub(super) twice: BTreeSet<u32>,
    /// Said before each answer to a FETCH.
    pub(super) chatter: &'static str,
    /// The text of each mail is repeated so often.
    pub(super) repeated: usize,
    /// What is said of each mail's size instead of the truth.
    pub(super) size: Option<usize>,
    pub(super) wrong: Option<(At, Wrong)>,
    /// How often it goes wrong.
    pub(super) times: usize,
    /// It goes wrong when this mail is asked for; otherwise after seven mails.
    pub(super) bad: Option<u32>,
    /// Each of so many connections ends after so many bytes.
    pub(super) cut: (usize, usize),
    /// So many connections are accepted, and no more.
    pub(super) accepted: usize,
    /// From this login on each gets this answer.
    pub(super) login: (usize, &'static str),
    /// What it says with its OK.
    pub(super) done: &'static str,
    /// The server waits for the client to speak first, as one for TLS does.
    pub(super) mute: bool,
    /// How long each byte takes.
    pub(super) drip: Duration,
}

/// In which answer it goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum At {
    List,
    Examine,
    Uids,
    Search,
    Headers,
    Bodies,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wrong {
    /// The connection ends between two answers.
    Close,
    /// `* BYE`, and then the end.
    Bye(&'static str),
    /// A tagged refusal.
    No(&'static str),
    Bad,
    /// The end comes inside a line.
    InsideLine,
    /// The end comes inside a literal.
    InsideLiteral,
    /// Nothing comes any more.
    Silence,
    /// A literal of so many bytes is announced.
    HugeLiteral(u64),
    /// A line that has no end.
    EndlessLine,
    /// Something that is no IMAP.
    Garbage,
    /// The mails have other UIDs from here on.
    Renumbered,
}

pub(super) const BYE: Wrong = Wrong::Bye("shutting down");
pub(super) const SERVERBUG: Wrong = Wrong::No("[SERVERBUG] Internal error occurred");
/// Those after which the connection is of no more use.
pub(super) const ENDING: [Wrong; 9] = [
    Wrong::Close,
    BYE,
    Wrong::InsideLine,
    Wrong::InsideLiteral,
    Wrong::Silence,
    Wrong::HugeLiteral(419_430_400),
    Wrong::HugeLiteral(10 * 1024 * 1024 * 1024),
    Wrong::EndlessLine,
    Wrong::Garbage,
];

impl Default for Script {
    fn default() -> Self {
        Self {
            mails: 20,
            validity: 7,
            later_validity: None,
            uid_next: true,
            capabilities: "IMAP4rev1 AUTH=PLAIN SASL-IR",
            expunged: BTreeSet::new(),
            withheld: BTreeSet::new(),
            nil: BTreeSet::new(),
            empty: BTreeSet::new(),
            twice: BTreeSet::new(),
            chatter: "",
            repeated: 1,
            size: None,
            wrong: None,
            times: usize::MAX,
            bad: None,
            cut: (0, usize::MAX),
            accepted: usize::MAX,
            login: (usize::MAX, ""),
            done: "done",
            mute: false,
            drip: Duration::ZERO,
        }
    }
}

impl Script {
    /// The bounces of a folder: every fourth mail is none.
    pub(super) fn bounces(&self) -> BTreeSet<u32> {
        (1..=self.mails).filter(|uid| !uid.is_multiple_of(4)).collect()
    }

    fn mail(&self, uid: u32) -> String {
        let from = if uid.is_multiple_of(4) {
            "customer@shop.example.jp"
        } else {
            "MAILER-DAEMON@mx.example.jp"
        };
        let text = "secret of a stranger\r\n".repeat(self.repeated);
        // As qmail 1.03 writes it (qmail-send.c, qmail-remote.c).
        let report = format!(
            "Hi. This is the qmail-send program at mx.example.jp.\r\n\
             I'm afraid I wasn't able to deliver your message to the following addresses.\r\n\
             This is a permanent error; I've given up. Sorry it didn't work out.\r\n\r\n\
             <user{uid}@receiver.example.net>:\r\n\
             192.0.2.1 failed after I sent the message.\r\n\
             Remote host said: 550 5.7.1 Service unavailable; client [192.0.2.10] blocked using zen.spamhaus.org\r\n\r\n\
             --- Below this line is a copy of the message.\r\n\r\n"
        );
        let report = if uid.is_multiple_of(4) { "" } else { &report };
        format!("From: {from}\r\nSubject: mail {uid}\r\n\r\n{report}{text}")
    }

    /// What EXAMINE says.
    pub(super) fn numbers(&self, validity: u32) -> String {
        let next = match self.uid_next {
            true => format!("* OK [UIDNEXT {}] next\r\n", self.mails + 1),
            false => String::new(),
        };
        let mails = self.mails;
        format!("* {mails} EXISTS\r\n* OK [UIDVALIDITY {validity}] v\r\n{next}")
    }

    /// `1:20`, `21:*` (which names the last mail)
    pub(super) fn uids(&self, set: &str) -> impl Iterator<Item = u32> {
        let mut uids = BTreeSet::new();
        for range in set.split(',') {
            let (first, last) = range.split_once(':').unwrap_or((range, range));
            let (first, last) = (first.parse::<u32>().unwrap(), last.parse().unwrap_or(self.mails));
            uids.extend(first.min(last)..=last);
        }
        uids.into_iter().filter(|uid| (1..=self.mails).contains(uid))
    }

    pub(super) fn fetched(&self, set: &str, items: &str) -> Vec<(u32, String)> {
        // The first `n:*` comes before anything is deleted.
        let listed = items.starts_with("(UID)") && set.ends_with('*');
        let there = |uid: &u32| {
            let there = listed || !self.expunged.contains(uid);
            there && (items == "(UID)" || !self.withheld.contains(uid))
        };
        self.uids(set)
            .filter(there)
            .map(|uid| (uid, self.answer_for(uid, items)))
            .collect()
    }

    fn answer_for(&self, uid: u32, items: &str) -> String {
        let mail = self.mail(uid);
        let day = if uid > 15 { 1 } else { 31 };
        let month = if uid > 15 { "Jan-2022" } else { "Oct-2021" };
        let date = format!("INTERNALDATE \"{day:2}-{month} 00:00:00 +0900\"");
        let (section, text) = match items {
            "(UID)" => return format!("* {uid} FETCH (UID {uid})\r\n"),
            "(UID INTERNALDATE)" => return format!("* {uid} FETCH (UID {uid} {date})\r\n"),
            items if items.contains("HEADER.FIELDS") => (
                "[HEADER.FIELDS (FROM)]",
                mail.split_inclusive("\r\n\r\n").next().unwrap(),
            ),
            items if items.contains("<0.262144>") => ("[]<0>", mail.get(..262_144).unwrap_or(mail.as_str())),
            _whole => ("[]", mail.as_str()),
        };
        let body = match self.nil.contains(&uid) {
            true => "NIL".to_owned(),
            false if self.empty.contains(&uid) => "\"\"".to_owned(),
            false => format!("{{{}}}\r\n{text}", text.len()),
        };
        let size = self.size.unwrap_or(mail.len());
        let answer = format!("* {uid} FETCH (UID {uid} RFC822.SIZE {size} {date} BODY{section} {body})\r\n");
        let times = if self.twice.contains(&uid) { 2 } else { 1 };
        format!("{}{}", self.chatter, answer.repeat(times))
    }
}
