//! Tests: a server on loopback that goes wrong in the middle of an answer, as real ones were seen to do. Whatever it does, the
//! reader must not report success, and a later run must find what is missing.

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::tcp::OwnedWriteHalf;
use tokio::net::{TcpListener, TcpStream};

use crate::event::Position;

use super::batch::{Batch, Tally};
use super::error::Error;
use super::imap::{Inbox, Scope, open_within};
use super::session::Limits;
use super::settings::{Settings, Tls};

/// What the server's folder holds, and how it behaves.
#[derive(Clone, Debug)]
struct Script {
    mails: u32,
    validity: u32,
    /// Courier gives no UIDNEXT.
    uid_next: bool,
    /// UIDs that are there at first and not when they are fetched.
    expunged: BTreeSet<u32>,
    /// UIDs that are there and about which a FETCH of anything but the UID says nothing.
    withheld: BTreeSet<u32>,
    /// Said before each answer to a FETCH.
    chatter: &'static str,
    /// The text of each mail is repeated so often.
    repeated: usize,
    /// What is said of each mail's size instead of the truth.
    size: Option<usize>,
    wrong: Option<(At, Wrong)>,
    /// The connection ends after so many bytes.
    cut: Option<usize>,
}

/// Where the server's answers go, up to a point.
struct Mouth {
    write: OwnedWriteHalf,
    left: usize,
}

impl Mouth {
    async fn write_all(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        let said = bytes.get(..self.left).unwrap_or(bytes);
        self.left -= said.len();
        self.write.write_all(said).await?;
        match said.len() < bytes.len() {
            true => self.shutdown().await,
            false => Ok(()),
        }
    }

    async fn shutdown(&mut self) -> std::io::Result<()> {
        self.write.shutdown().await?;
        Err(std::io::ErrorKind::BrokenPipe.into())
    }
}

/// In which answer it goes wrong, after seven mails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    Examine,
    Uids,
    Headers,
    Bodies,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wrong {
    /// The connection ends between two answers.
    Close,
    /// `* BYE`, and then the end.
    Bye,
    /// A tagged refusal.
    No,
    Bad,
    /// The end comes inside a line.
    InsideLine,
    /// The end comes inside a literal.
    InsideLiteral,
    /// Nothing comes any more.
    Silence,
    /// A literal of 400 MB is announced.
    HugeLiteral,
    /// A line that has no end.
    EndlessLine,
    /// Something that is no IMAP.
    Garbage,
}

const ENDING: [Wrong; 7] = [
    Wrong::Close,
    Wrong::Bye,
    Wrong::InsideLine,
    Wrong::InsideLiteral,
    Wrong::Silence,
    Wrong::HugeLiteral,
    Wrong::EndlessLine,
];

impl Default for Script {
    fn default() -> Self {
        Self {
            mails: 20,
            validity: 7,
            uid_next: true,
            expunged: BTreeSet::new(),
            withheld: BTreeSet::new(),
            chatter: "",
            repeated: 1,
            size: None,
            wrong: None,
            cut: None,
        }
    }
}

impl Script {
    fn mail(&self, uid: u32) -> String {
        let from = if uid.is_multiple_of(4) {
            "customer@shop.example.jp"
        } else {
            "MAILER-DAEMON@mx.example.jp"
        };
        let text = "secret of a stranger\r\n".repeat(self.repeated);
        format!("From: {from}\r\nSubject: mail {uid}\r\n\r\n{text}")
    }

    /// Serves one connection.
    async fn serve(self, stream: TcpStream) {
        let (read, write) = stream.into_split();
        let mut write = Mouth {
            write,
            left: self.cut.unwrap_or(usize::MAX),
        };
        let mut lines = BufReader::new(read).lines();
        if write.write_all(b"* OK ready\r\n").await.is_err() {
            return;
        }
        while let Ok(Some(line)) = lines.next_line().await {
            let (tag, command) = line.split_once(' ').unwrap();
            // The reader hangs up once it has seen the fault, perhaps before all of it was written.
            if self.answer(&mut write, tag, command).await.is_err() {
                return;
            }
        }
    }

    async fn answer(&self, write: &mut Mouth, tag: &str, command: &str) -> std::io::Result<()> {
        let words: Vec<&str> = command.split(' ').collect();
        let answers = match words.as_slice() {
            ["CAPABILITY"] => vec!["* CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR\r\n".to_owned()],
            ["LIST", ..] => vec!["* LIST () \"/\" INBOX\r\n* LIST (\\Junk) \"/\" Junk\r\n".to_owned()],
            ["EXAMINE", _] => {
                let next = if self.uid_next {
                    format!("* OK [UIDNEXT {}] next\r\n", self.mails + 1)
                } else {
                    String::new()
                };
                vec![format!(
                    "* {} EXISTS\r\n* OK [UIDVALIDITY {}] v\r\n{next}",
                    self.mails, self.validity
                )]
            }
            ["UID", "FETCH", set, items @ ..] => self.fetched(set, &items.join(" ")),
            ["UID", "SEARCH", "UID", set, "SINCE", "24-Dec-2021"] => {
                let found = self
                    .uids(set)
                    .filter(|uid| *uid > 15)
                    .map(|uid| format!(" {uid}"));
                vec![format!("* SEARCH{}\r\n", found.collect::<String>())]
            }
            ["UID", "SEARCH", "UID", set] => {
                vec![format!(
                    "* SEARCH{}\r\n",
                    self.uids(set).map(|uid| format!(" {uid}")).collect::<String>()
                )]
            }
            ["AUTHENTICATE" | "LOGOUT", ..] => Vec::new(),
            other => panic!("the reader sent {other:?}"),
        };
        let at = match (words.first().copied(), command) {
            (Some("EXAMINE"), _) => Some(At::Examine),
            (_, fetch) if fetch.ends_with("(UID)") => Some(At::Uids),
            (_, fetch) if fetch.contains("HEADER.FIELDS") => Some(At::Headers),
            (_, fetch) if fetch.contains("BODY.PEEK[]") => Some(At::Bodies),
            _ => None,
        };
        match self.wrong {
            Some((wrong_at, wrong)) if Some(wrong_at) == at => {
                let answers = answers.iter().take(if at == Some(At::Examine) { 0 } else { 7 });
                write
                    .write_all(answers.map(String::as_str).collect::<String>().as_bytes())
                    .await?;
                go_wrong(write, tag, wrong).await
            }
            _ => {
                write
                    .write_all(format!("{}{tag} OK done\r\n", answers.concat()).as_bytes())
                    .await
            }
        }
    }

    /// `1:20`, `21:*` (which names the last mail)
    fn uids(&self, set: &str) -> impl Iterator<Item = u32> {
        let mut uids = BTreeSet::new();
        for range in set.split(',') {
            let (first, last) = range.split_once(':').unwrap_or((range, range));
            let (first, last) = (first.parse::<u32>().unwrap(), last.parse().unwrap_or(self.mails));
            uids.extend(first.min(last)..=last);
        }
        uids.into_iter().filter(|uid| (1..=self.mails).contains(uid))
    }

    fn fetched(&self, set: &str, items: &str) -> Vec<String> {
        // The first `n:*` comes before anything is deleted.
        let listed = items == "(UID)" && set.ends_with('*');
        let there = |uid: &u32| {
            let there = listed || !self.expunged.contains(uid);
            there && (items == "(UID)" || !self.withheld.contains(uid))
        };
        let one = |uid: u32| {
            let mail = self.mail(uid);
            let head = |most: usize| mail.get(..most).unwrap_or(&mail);
            let (section, text) = match items {
                "(UID)" => return format!("* {uid} FETCH (UID {uid})\r\n"),
                items if items.contains("HEADER.FIELDS") => (
                    "HEADER.FIELDS (FROM)",
                    mail.split_inclusive("\r\n\r\n").next().unwrap(),
                ),
                items if items.contains("<0.262144>") => ("<0>", head(262_144)),
                _whole => ("", mail.as_str()),
            };
            let section = section
                .strip_prefix('<')
                .map_or_else(|| format!("[{section}]"), |part| format!("[]<{part}"));
            format!(
                "{}* {uid} FETCH (UID {uid} RFC822.SIZE {} INTERNALDATE \" 1-Jan-2022 00:00:00 +0900\" BODY{section} {{{}}}\r\n{text})\r\n",
                self.chatter,
                self.size.unwrap_or(mail.len()),
                text.len(),
            )
        };
        self.uids(set).filter(there).map(one).collect()
    }
}

async fn go_wrong(write: &mut Mouth, tag: &str, wrong: Wrong) -> std::io::Result<()> {
    let half = "* 9 FETCH (UID 9 RFC822.SIZE 9 BODY[] ";
    let text = match wrong {
        Wrong::Close | Wrong::Silence => String::new(),
        Wrong::Bye => "* BYE shutting down\r\n".to_owned(),
        Wrong::No => format!("{tag} NO [SERVERBUG] Internal error occurred\r\n"),
        Wrong::Bad => format!("{tag} BAD Command argument error\r\n"),
        Wrong::InsideLine => half.to_owned(),
        Wrong::InsideLiteral => format!("{half}{{500}}\r\nFrom: secret of a stranger"),
        Wrong::HugeLiteral => format!("{half}{{419430400}}\r\n"),
        Wrong::EndlessLine => {
            "* 9 FETCH (UID 9 BODY[] \"".to_owned() + &"secret of a stranger ".repeat(20_000)
        }
        Wrong::Garbage => "secret of a stranger\r\n".to_owned(),
    };
    write.write_all(text.as_bytes()).await?;
    match wrong {
        Wrong::No | Wrong::Bad => Ok(()),
        Wrong::Silence | Wrong::HugeLiteral | Wrong::Garbage | Wrong::EndlessLine => {
            std::future::pending::<()>().await;
            Ok(())
        }
        Wrong::Close | Wrong::Bye | Wrong::InsideLine | Wrong::InsideLiteral => write.shutdown().await,
    }
}

/// Reads an account from a server with this script.
async fn opened(
    script: Script,
    change: impl FnOnce(&mut Settings, &mut Scope),
    positions: Vec<Position>,
) -> Result<Inbox, Error> {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut settings = Settings {
        host: Some("127.0.0.1".to_owned()),
        // The position knows the server by its port, which differs from run to run.
        port: Some(listener.local_addr().unwrap().port()),
        user: Some("postmaster".to_owned()),
        tls: Some(Tls::None),
        password_command: Some("echo hunter2".to_owned()),
        folders: vec!["INBOX".to_owned(), "Junk".to_owned()],
        ..Settings::default()
    };
    let mut scope = Scope {
        since: None,
        full: false,
        may_be: |header| header.starts_with(b"From: MAILER-DAEMON"),
    };
    change(&mut settings, &mut scope);
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        script.serve(stream).await;
    });
    let limits = Limits {
        silence: Duration::from_millis(150),
        ..Limits::default()
    };
    let positions = positions.into_iter().map(|mut position| {
        position.folder.port = settings.port.unwrap();
        position
    });
    open_within(&settings, scope, positions.collect(), limits).await
}

#[derive(Debug, Default)]
struct Outcome {
    tally: Tally,
    total: u64,
    batches: usize,
    gaps: Vec<String>,
    mails: Vec<String>,
    positions: Vec<Position>,
}

async fn drained(mut inbox: Inbox) -> Outcome {
    let mut outcome = Outcome::default();
    while let Some(Batch {
        messages,
        gaps,
        position,
        tally,
    }) = inbox.next_batch().await
    {
        outcome.batches += 1;
        outcome.gaps.extend(gaps.iter().map(ToString::to_string));
        outcome
            .mails
            .extend(messages.iter().map(|message| message.source.to_string()));
        if let Some(position) = position {
            outcome.positions.retain(|known| known.folder != position.folder);
            outcome.positions.push(position);
        }
        let sum = &mut outcome.tally;
        sum.read += tally.read;
        sum.no_candidate += tally.no_candidate;
        sum.gone += tally.gone;
        sum.too_big += tally.too_big;
        sum.failed += tally.failed;
    }
    outcome.total = inbox.total();
    assert!(inbox.next_batch().await.is_none());
    assert_eq!(
        outcome.tally.asked(),
        outcome.total,
        "each UID is counted once: {outcome:?}"
    );
    outcome
}

async fn read(script: Script) -> Outcome {
    drained(opened(script, |_, _| {}, Vec::new()).await.unwrap()).await
}

fn reached(outcome: &Outcome, folder: &str) -> Option<u32> {
    let position = outcome
        .positions
        .iter()
        .find(|position| position.folder.folder == folder)?;
    Some(position.last_uid.unwrap().0.get())
}

mod tests {
    use super::{At, ENDING, Error, Outcome, Script, Tls, Wrong, drained, opened, reached, read};

    #[tokio::test]
    async fn reading_may_move_between_threads() {
        let reading = async {
            let inbox = opened(Script::default(), |_, _| {}, Vec::new()).await.unwrap();
            drained(inbox).await.total
        };
        assert_eq!(tokio::spawn(reading).await.unwrap(), 40);
    }

    #[tokio::test]
    async fn a_server_in_order_is_read_to_the_end() {
        let outcome = read(Script::default()).await;
        assert_eq!(outcome.gaps, Vec::<String>::new());
        assert_eq!(
            (outcome.tally.read, outcome.tally.no_candidate, outcome.total),
            (30, 10, 40)
        );
        assert_eq!(
            (reached(&outcome, "INBOX"), reached(&outcome, "Junk")),
            (Some(20), Some(20))
        );
    }

    #[tokio::test]
    async fn no_fault_in_mid_answer_passes_for_success() {
        let wrongs = ENDING.into_iter().chain([Wrong::Garbage, Wrong::No, Wrong::Bad]);
        for (wrong, at) in
            wrongs.flat_map(|wrong| [At::Examine, At::Uids, At::Headers, At::Bodies].map(|at| (wrong, at)))
        {
            let script = Script {
                wrong: Some((at, wrong)),
                ..Script::default()
            };
            let outcome = read(script).await;
            let told = outcome.gaps.join("\n");
            for folder in ["INBOX", "Junk"] {
                assert!(
                    told.contains(&format!("folder {folder}")),
                    "{wrong:?} {at:?}: {outcome:?}"
                );
                assert!(
                    reached(&outcome, folder) <= Some(9),
                    "{wrong:?} {at:?}: {outcome:?}"
                );
            }
            assert!(!told.contains("secret"), "{told}");
            // The rest of a refused folder is counted as failed, and what was refused before it was counted is in the gap.
            assert_eq!(
                outcome.tally.failed > 0,
                matches!(at, At::Headers | At::Bodies),
                "{wrong:?} {at:?}: {outcome:?}"
            );
            let whole = if at == At::Bodies { 2 * 7 } else { 2 * 6 };
            assert!(outcome.mails.len() <= whole, "{wrong:?} {at:?}: {outcome:?}");
        }
    }

    #[tokio::test]
    async fn a_session_cut_at_any_byte_is_either_whole_or_told_of() {
        let mut cuts = 0;
        for cut in (0..).step_by(41) {
            let script = Script {
                mails: 8,
                cut: Some(cut),
                ..Script::default()
            };
            let Ok(inbox) = opened(script, |_, _| {}, Vec::new()).await else {
                continue;
            };
            let outcome = drained(inbox).await;
            if outcome.gaps.is_empty() {
                assert_eq!((outcome.tally.read, outcome.tally.no_candidate), (12, 4), "{cut}");
                break;
            }
            cuts += 1;
        }
        assert!(cuts > 50, "{cuts}");
    }

    #[tokio::test]
    async fn each_fault_has_its_own_words() {
        for (wrong, words) in [
            (Wrong::Close, "the connection was lost"),
            (Wrong::Bye, "the server ended the connection: shutting down"),
            (
                Wrong::No,
                "the server refused: [SERVERBUG] Internal error occurred",
            ),
            (
                Wrong::Bad,
                "the server did not accept the command: Command argument error",
            ),
            (Wrong::InsideLiteral, "the connection was lost"),
            (Wrong::Silence, "no answer within 0 s"),
            (
                Wrong::HugeLiteral,
                "the server sends an answer of 419430400 bytes, over the 8388608 allowed",
            ),
            (Wrong::EndlessLine, "the server sends a line of over 65536 bytes"),
            (Wrong::Garbage, "unexpected answer from the server"),
        ] {
            let script = Script {
                wrong: Some((At::Bodies, wrong)),
                ..Script::default()
            };
            let outcome = read(script).await;
            assert!(outcome.gaps[0].ends_with(words), "{wrong:?}: {:?}", outcome.gaps);
        }
    }

    #[tokio::test]
    async fn what_a_broken_run_left_the_next_one_reads() {
        for wrong in ENDING {
            let script = Script {
                wrong: Some((At::Bodies, wrong)),
                uid_next: false,
                ..Script::default()
            };
            let first = read(script.clone()).await;
            let healthy = Script {
                wrong: None,
                ..script
            };
            let second = drained(opened(healthy, |_, _| {}, first.positions.clone()).await.unwrap()).await;
            let uids = |outcome: &Outcome| -> Vec<u32> {
                let inbox = outcome.mails.iter().filter(|source| source.contains("INBOX"));
                inbox
                    .map(|source| source.rsplit('=').next().unwrap().parse().unwrap())
                    .collect()
            };
            let mut both = uids(&first);
            both.extend(uids(&second));
            both.dedup();
            assert_eq!(
                both,
                [1, 2, 3, 5, 6, 7, 9, 10, 11, 13, 14, 15, 17, 18, 19],
                "{wrong:?}"
            );
        }
    }

    #[tokio::test]
    async fn a_second_run_reads_only_what_is_new_and_a_new_validity_everything() {
        for uid_next in [true, false] {
            let script = Script {
                uid_next,
                ..Script::default()
            };
            let first = read(script.clone()).await;
            let again = drained(
                opened(script.clone(), |_, _| {}, first.positions.clone())
                    .await
                    .unwrap(),
            )
            .await;
            assert_eq!((again.total, again.batches), (0, 0));
            let grown = Script {
                mails: 22,
                ..script.clone()
            };
            let new = drained(opened(grown, |_, _| {}, first.positions.clone()).await.unwrap()).await;
            assert_eq!((new.total, reached(&new, "INBOX")), (4, Some(22)));
            let renumbered = Script {
                validity: 8,
                ..script.clone()
            };
            let all = drained(
                opened(renumbered, |_, _| {}, first.positions.clone())
                    .await
                    .unwrap(),
            )
            .await;
            assert_eq!(all.total, 40);
            let full = drained(
                opened(script, |_, scope| scope.full = true, first.positions)
                    .await
                    .unwrap(),
            )
            .await;
            assert_eq!(full.total, 40);
        }
    }

    #[tokio::test]
    async fn flags_and_counts_in_between_are_no_mails_and_deleted_ones_are_gone() {
        let script = Script {
            chatter: "* 3 FETCH (FLAGS (\\Seen))\r\n* 21 EXISTS\r\n* 5 FETCH (UID 5 FLAGS ())\r\n",
            expunged: [2, 3, 20].into(),
            ..Script::default()
        };
        let outcome = read(script).await;
        assert_eq!(outcome.gaps, Vec::<String>::new());
        assert_eq!(
            (outcome.tally.read, outcome.tally.gone, outcome.tally.no_candidate),
            (26, 6, 8)
        );
        assert_eq!(reached(&outcome, "INBOX"), Some(20));
    }

    #[tokio::test]
    async fn a_mail_that_the_server_has_and_keeps_to_itself_is_not_gone() {
        let script = Script {
            withheld: [9].into(),
            expunged: [2].into(),
            ..Script::default()
        };
        let outcome = read(script).await;
        assert_eq!((outcome.tally.failed, outcome.tally.gone), (2, 2));
        assert!(
            outcome.gaps[0].ends_with("/;UID=9: the server gives no text of this mail"),
            "{:?}",
            outcome.gaps
        );
        assert_eq!(reached(&outcome, "INBOX"), Some(8));
    }

    #[tokio::test]
    async fn an_old_mail_that_since_leaves_out_is_not_passed_over() {
        let since = chrono::DateTime::parse_from_rfc3339("2021-12-25T12:00:00+09:00").unwrap();
        let since_then =
            |script, positions| opened(script, move |_, scope| scope.since = Some(since), positions);
        let script = Script::default;
        let windowed = drained(since_then(script(), Vec::new()).await.unwrap()).await;
        assert_eq!(windowed.total, 10);
        let bounds: Vec<_> = windowed
            .positions
            .iter()
            .map(|position| position.read_since)
            .collect();
        assert_eq!(bounds, [Some(since); 2]);
        // The same window again has nothing new, and a longer one reads what was left out.
        let again = drained(since_then(script(), windowed.positions.clone()).await.unwrap()).await;
        assert_eq!(again.total, 0);
        let everything = opened(script(), |_, _| {}, windowed.positions).await.unwrap();
        let everything = drained(everything).await;
        assert_eq!(everything.total, 40);
        assert!(
            everything
                .positions
                .iter()
                .all(|position| position.read_since.is_none())
        );
        // After a full run a window reads what is new, and the position still holds for all mails.
        let grown = Script {
            mails: 22,
            ..script()
        };
        let later = drained(since_then(grown, everything.positions).await.unwrap()).await;
        assert_eq!((later.total, reached(&later, "INBOX")), (4, Some(22)));
        assert!(
            later
                .positions
                .iter()
                .all(|position| position.read_since.is_none())
        );
    }

    #[tokio::test]
    async fn of_a_mail_over_the_cap_the_head_is_read_and_batches_are_bounded_in_bytes() {
        let script = Script {
            repeated: 100_000,
            ..Script::default()
        };
        let whole = drained(opened(script.clone(), |_, _| {}, Vec::new()).await.unwrap()).await;
        assert_eq!((whole.tally.read, whole.batches), (30, 10));
        let small = |settings: &mut super::Settings, _: &mut super::Scope| {
            settings.max_message_size = Some(1_000_000)
        };
        let mut inbox = opened(script, small, Vec::new()).await.unwrap();
        let batch = inbox.next_batch().await.unwrap();
        assert_eq!(
            (batch.tally.too_big, batch.messages[0].bytes.len()),
            (15, 262_144)
        );
    }

    #[tokio::test]
    async fn sizes_that_the_server_makes_up_do_not_fill_the_memory() {
        let script = Script {
            repeated: 100_000,
            size: Some(100),
            ..Script::default()
        };
        let mut inbox = opened(script, |_, _| {}, Vec::new()).await.unwrap();
        let batch = inbox.next_batch().await.unwrap();
        assert_eq!((batch.tally.read, batch.tally.failed), (11, 4));
        let why = &batch.gaps[0].why;
        assert!(
            why.contains("4 mails could not be read: the server sent 33"),
            "{why}"
        );
        assert_eq!(batch.position.unwrap().last_uid.unwrap().0.get(), 14);
    }

    #[tokio::test]
    async fn folders_that_do_not_exist_are_named_with_those_that_do() {
        let asked = |names: &'static [&'static str]| {
            let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
            opened(
                Script::default(),
                move |settings, _| settings.folders = names,
                Vec::new(),
            )
        };
        let gaps = asked(&["Junk", "Spam"]).await.unwrap().gaps();
        let words =
            "account postmaster@127.0.0.1, folder Spam: there is no such folder; there are: INBOX, Junk";
        assert_eq!(gaps[0].to_string(), words);
        let error = asked(&["Spam", "Bounces"]).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "there is no folder Spam, Bounces; there are: INBOX, Junk"
        );
    }

    /// A server that says `lines` one after the other, whatever it is asked.
    async fn said(tls: Tls, lines: &'static [&'static str]) -> Error {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let settings = super::Settings {
            host: Some("127.0.0.1".to_owned()),
            port: Some(listener.local_addr().unwrap().port()),
            user: Some("postmaster".to_owned()),
            tls: Some(tls),
            password_command: Some("echo hunter2".to_owned()),
            ..super::Settings::default()
        };
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            for line in lines {
                tokio::io::AsyncWriteExt::write_all(&mut stream, line.as_bytes())
                    .await
                    .unwrap();
                let mut asked = [0; 1000];
                tokio::io::AsyncReadExt::read(&mut stream, &mut asked)
                    .await
                    .unwrap();
            }
        });
        let scope = super::Scope {
            since: None,
            full: false,
            may_be: |_| true,
        };
        super::open_within(&settings, scope, Vec::new(), super::Limits::default())
            .await
            .unwrap_err()
    }

    #[tokio::test]
    async fn no_password_is_sent_where_it_could_be_overheard() {
        let preauth = said(Tls::Starttls, &["* PREAUTH welcome\r\n"]).await;
        assert!(matches!(preauth, Error::Preauth { .. }), "{preauth}");
        let refused = said(Tls::Starttls, &["* OK hi\r\n", "b1 BAD what\r\n"]).await;
        assert!(matches!(refused, Error::NoStarttls { .. }), "{refused}");
        let injected = said(
            Tls::Starttls,
            &["* OK hi\r\n", "b1 OK go\r\n* OK [ALERT] injected\r\n"],
        )
        .await;
        assert!(matches!(injected, Error::Injected { .. }), "{injected}");
        let disabled = said(Tls::None, &["* OK [CAPABILITY IMAP4rev1 LOGINDISABLED] hi\r\n"]).await;
        assert!(matches!(disabled, Error::LoginDisabled { .. }), "{disabled}");
        let plain = said(Tls::Implicit, &["* OK hi\r\n"]).await;
        assert!(plain.to_string().contains("--tls starttls"), "{plain}");
    }

    #[tokio::test]
    async fn a_refused_login_says_what_to_check() {
        const SAID: [&str; 2] = [
            "* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR] hi\r\n",
            "b1 NO [AUTHENTICATIONFAILED] Authentication failed.\r\n",
        ];
        let words = match said(Tls::None, &SAID).await {
            error @ Error::Login { .. } => error.to_string(),
            other => panic!("{other}"),
        };
        assert!(
            words.contains("does not let postmaster in: the server refused: [AUTHENTICATIONFAILED]"),
            "{words}"
        );
        assert!(
            words.contains("check user name") && !words.contains("hunter2"),
            "{words}"
        );
    }
}
