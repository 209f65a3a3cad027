//! The scripted server. The end-to-end tests have the same one on a socket.

use std::future::pending;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::time::sleep;

use super::script::{At, Script, Wrong};

/// A server, however many connections it has.
#[derive(Debug)]
pub(super) struct Server {
    script: Script,
    connections: AtomicUsize,
    logins: AtomicUsize,
    faults: AtomicUsize,
}

/// Where the server's answers go, up to a point.
struct Mouth {
    /// The client has said its name since the login.
    introduced: bool,
    write: Box<dyn AsyncWrite + Send + Unpin>,
    left: usize,
    drip: Duration,
}

impl Mouth {
    async fn say(&mut self, text: &str) -> io::Result<()> {
        let said = text.as_bytes().get(..self.left).unwrap_or(text.as_bytes());
        self.left -= said.len();
        if self.drip.is_zero() {
            self.write.write_all(said).await?;
        } else {
            for byte in said {
                sleep(self.drip).await;
                self.write.write_all(&[*byte]).await?;
            }
        }
        match said.len() < text.len() {
            true => self.shutdown().await,
            false => Ok(()),
        }
    }

    async fn shutdown(&mut self) -> io::Result<()> {
        self.write.shutdown().await?;
        Err(io::ErrorKind::BrokenPipe.into())
    }
}

impl Server {
    pub(super) fn of(script: Script) -> Arc<Self> {
        Arc::new(Self {
            script,
            connections: AtomicUsize::new(0),
            logins: AtomicUsize::new(0),
            faults: AtomicUsize::new(0),
        })
    }

    pub(super) fn script(&self) -> &Script {
        &self.script
    }

    pub(super) fn logins(&self) -> usize {
        self.logins.load(Ordering::Relaxed)
    }

    pub(super) fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }

    /// Counts a connection, and says how many were there before.
    pub(super) fn connected(&self) -> usize {
        self.connections.fetch_add(1, Ordering::Relaxed)
    }

    /// Serves one connection; `before` were there before.
    pub(super) async fn serve(
        &self,
        stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
        before: usize,
    ) {
        let (read, write) = tokio::io::split(stream);
        let (cuts, after) = self.script.cut;
        let mut mouth = Mouth {
            introduced: false,
            write: Box::new(write),
            left: if before < cuts { after } else { usize::MAX },
            drip: Duration::ZERO,
        };
        let validity = match (before, self.script.later_validity) {
            (0, _) | (_, None) => self.script.validity,
            (_, Some(later)) => later,
        };
        let mut lines = BufReader::new(read).lines();
        if self.script.mute {
            pending::<()>().await;
        }
        if mouth.say("* OK ready\r\n").await.is_err() {
            return;
        }
        while let Ok(Some(line)) = lines.next_line().await {
            let (tag, command) = line.split_once(' ').unwrap();
            assert!(line.len() < 8192, "{} bytes in a command", line.len());
            // The reader hangs up once it has seen the fault, perhaps before all of it was written.
            if self.answer(&mut mouth, tag, command, validity).await.is_err() {
                return;
            }
        }
    }

    async fn answer(&self, mouth: &mut Mouth, tag: &str, command: &str, validity: u32) -> io::Result<()> {
        let script = &self.script;
        let words: Vec<&str> = command.split(' ').collect();
        let numbers =
            |uids: &mut dyn Iterator<Item = u32>| uids.map(|uid| format!(" {uid}")).collect::<String>();
        let all = |text: String| vec![(0, text)];
        let (at, answers) = match words.as_slice() {
            ["CAPABILITY"] => (None, all(format!("* CAPABILITY {}\r\n", script.capabilities))),
            ["AUTHENTICATE" | "LOGIN", ..] => {
                mouth.drip = script.drip;
                let logins = self.logins.fetch_add(1, Ordering::Relaxed);
                if logins >= script.login.0 {
                    return mouth.say(&format!("{tag} {}\r\n", script.login.1)).await;
                }
                (None, Vec::new())
            }
            ["LIST", ..] => (
                Some(At::List),
                all("* LIST () \"/\" INBOX\r\n* LIST (\\Junk) \"/\" Junk\r\n".to_owned()),
            ),
            ["EXAMINE", _] if script.capabilities.ends_with(" ID") && !mouth.introduced => {
                // As 163.com says it.
                return mouth.say(&format!("{tag} NO EXAMINE Unsafe Login\r\n")).await;
            }
            ["EXAMINE", _] => (Some(At::Examine), all(script.numbers(validity))),
            ["UID", "SEARCH", "UID", set, rest @ ..] => {
                let first = if rest.is_empty() { 0 } else { 16 };
                let mut found = script.uids(set).filter(|uid| *uid >= first);
                (
                    Some(At::Search),
                    all(format!("* SEARCH{}\r\n", numbers(&mut found))),
                )
            }
            ["UID", "FETCH", set, items @ ..] => {
                let items = items.join(" ");
                let at = match items.as_str() {
                    "(UID)" => At::Uids,
                    "(UID INTERNALDATE)" => At::Uids,
                    headers if headers.contains("HEADER.FIELDS") => At::Headers,
                    _ => At::Bodies,
                };
                (Some(at), script.fetched(set, &items))
            }
            ["ID", ..] => {
                mouth.introduced = self.logins() > 0;
                (None, all("* ID NIL\r\n".to_owned()))
            }
            ["LOGOUT"] => return mouth.say(&format!("* BYE\r\n{tag} OK bye\r\n")).await,
            other => panic!("the reader sent {other:?}"),
        };
        let before_it = self.before_the_fault(at, &answers);
        for (_uid, answer) in answers.iter().take(before_it.unwrap_or(usize::MAX)) {
            mouth.say(answer).await?;
        }
        match (before_it, script.wrong) {
            (Some(_), Some((_, wrong))) => go_wrong(mouth, tag, wrong).await,
            _ => mouth.say(&format!("{tag} OK {}\r\n", script.done)).await,
        }
    }

    /// How many answers come before it goes wrong, if it does.
    fn before_the_fault(&self, at: Option<At>, answers: &[(u32, String)]) -> Option<usize> {
        let (wrong_at, _) = self.script.wrong?;
        if at != Some(wrong_at) {
            return None;
        }
        let before = match (at, self.script.bad) {
            (Some(At::List | At::Examine | At::Search), _) => 0,
            (_, Some(bad)) => answers.iter().position(|(uid, _)| *uid == bad)?,
            (_, None) => 7,
        };
        (self.faults.fetch_add(1, Ordering::Relaxed) < self.script.times).then_some(before)
    }
}

async fn go_wrong(mouth: &mut Mouth, tag: &str, wrong: Wrong) -> io::Result<()> {
    let half = "* 9 FETCH (UID 9 RFC822.SIZE 9 BODY[] ";
    let text = match wrong {
        Wrong::Close | Wrong::Silence => String::new(),
        Wrong::Bye(words) => format!("* BYE {words}\r\n"),
        Wrong::No(words) => format!("{tag} NO {words}\r\n"),
        Wrong::Bad => format!("{tag} BAD Command argument error\r\n"),
        Wrong::InsideLine => half.to_owned(),
        Wrong::InsideLiteral => format!("{half}{{500}}\r\nFrom: secret of a stranger"),
        Wrong::HugeLiteral(bytes) => format!("{half}{{{bytes}}}\r\n"),
        Wrong::EndlessLine => {
            "* 9 FETCH (UID 9 BODY[] \"".to_owned() + &"secret of a stranger ".repeat(20_000)
        }
        Wrong::Garbage => "secret of a stranger\r\n".to_owned(),
        Wrong::Renumbered => "* OK [UIDVALIDITY 8] UIDs are new\r\n".to_owned(),
    };
    mouth.say(&text).await?;
    match wrong {
        Wrong::No(_) | Wrong::Bad => Ok(()),
        Wrong::Silence | Wrong::HugeLiteral(_) | Wrong::Garbage | Wrong::EndlessLine | Wrong::Renumbered => {
            pending::<()>().await;
            Ok(())
        }
        Wrong::Close | Wrong::Bye(_) | Wrong::InsideLine | Wrong::InsideLiteral => mouth.shutdown().await,
    }
}
