//! Mails from files: walks what the user named and hands over one mail after the other.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, stdin};
use std::path::{Path, PathBuf};

use crate::event::{Gap, Message, Place, Source};

use super::eml::{self, Content, MAX_MAIL_BYTES, gap};
use super::maildir::{Entry, entries};
use super::mbox::{Mail, Mbox};

/// The name that stands for standard input.
const STDIN: &str = "-";
const NO_MAIL: &str = "is no mail: it does not begin with header lines such as \"Subject: …\"";

/// Reads mails from a file or directory: `.eml` files, mbox files, Maildirs, directories of those, or `-` for standard input
/// (one mail or an mbox). What a file is, its content says, not its name.
///
/// What cannot be read, or is no mail, comes as a [`Gap`] in its place; the mails after it still come.
pub fn files(path: &Path) -> impl Iterator<Item = Result<Message, Gap>> + use<> {
    let named = Todo::Named(path.to_owned());
    Files {
        root: path.to_owned(),
        todo: vec![named],
        open: None,
        after: None,
        found_any: false,
    }
}

struct Files {
    root: PathBuf,
    /// What is still to be read, last first.
    todo: Vec<Todo>,
    open: Option<Open>,
    /// The gap that belongs to the mail just given.
    after: Option<Gap>,
    found_any: bool,
}

enum Todo {
    Named(PathBuf),
    Entry(Entry),
}

/// An mbox that is being read.
struct Open {
    path: PathBuf,
    mbox: Mbox,
    index: u64,
    ended: bool,
}

impl Iterator for Files {
    type Item = Result<Message, Gap>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(gap) = self.after.take() {
            return Some(Err(gap));
        }
        loop {
            let next = match (&mut self.open, self.todo.pop()) {
                (Some(open), todo) => {
                    self.todo.extend(todo);
                    let mail = open.next_mail();
                    if open.ended {
                        self.open = None;
                    }
                    mail
                }
                (None, Some(todo)) => self.begin(todo).transpose(),
                (None, None) => {
                    let nothing = !self.found_any && self.root.is_dir();
                    self.found_any = true;
                    return nothing.then(|| Err(gap(&self.root, "there is no mail in this directory")));
                }
            };
            if let Some(found) = next {
                self.found_any = true;
                return Some(found.map(|(message, cut)| {
                    self.after = cut.then(|| cut_off(&message.source));
                    message
                }));
            }
        }
    }
}

impl Files {
    /// Takes up a path: the mail that it is, or nothing yet (then `todo` or `open` has what it holds).
    fn begin(&mut self, todo: Todo) -> Result<Option<(Message, bool)>, Gap> {
        match todo {
            Todo::Named(path) if path.as_os_str() == STDIN => self.begin_file(path, stdin().lock()),
            Todo::Named(path) => {
                let found = fs::metadata(&path).map_err(|error| unreadable(&path, &error))?;
                match found.is_dir() {
                    true => self.begin_directory(&path),
                    false => self.begin(Todo::Entry(Entry::File(path))),
                }
            }
            Todo::Entry(Entry::Directory(path)) => self.begin_directory(&path),
            Todo::Entry(Entry::Maildir(path)) => whole_mail(path).map(Some),
            Todo::Entry(Entry::File(path)) => {
                let file = File::open(&path).map_err(|error| unreadable(&path, &error))?;
                self.begin_file(path, BufReader::new(file))
            }
            Todo::Entry(Entry::PassedOver(path, why)) => Err(gap(&path, why)),
        }
    }

    fn begin_directory(&mut self, path: &Path) -> Result<Option<(Message, bool)>, Gap> {
        let found = entries(path).map_err(|error| unreadable(path, &error))?;
        self.todo.extend(found.into_iter().rev().map(Todo::Entry));
        Ok(None)
    }

    fn begin_file(
        &mut self,
        path: PathBuf,
        reader: impl BufRead + 'static,
    ) -> Result<Option<(Message, bool)>, Gap> {
        match eml::content(reader).map_err(|error| unreadable(&path, &error))? {
            Content::Mail(mut reader) => one_mail(path, &mut *reader).map(Some),
            // One mail by its name, whatever a mail program wrote above it: `bounce` finds an mbox inside a mail.
            Content::Mbox(mut reader) if is_eml(&path) => one_mail(path, &mut *reader).map(Some),
            Content::Mbox(reader) => {
                self.open = Some(Open {
                    path,
                    mbox: Mbox::new(reader),
                    index: 0,
                    ended: false,
                });
                Ok(None)
            }
            Content::Empty => Err(gap(&path, "is empty")),
            Content::NoMail => Err(gap(&path, NO_MAIL)),
        }
    }
}

impl Open {
    fn next_mail(&mut self) -> Option<Result<(Message, bool), Gap>> {
        let mail = match self.mbox.next_mail() {
            Ok(Some(mail)) => mail,
            Ok(None) => {
                self.ended = true;
                return None;
            }
            Err(error) => {
                self.ended = true;
                let why = format!(
                    "cannot be read to its end: {error}; {} mails of it were read",
                    self.index
                );
                return Some(Err(gap(&self.path, why)));
            }
        };
        let index = self.index;
        self.index += 1;
        let Mail { bytes, cut } = mail;
        let source = Source::Mbox(self.path.clone(), index);
        if !eml::begins_with_header(&bytes) {
            let at = Place::Message(source);
            return Some(Err(Gap {
                at,
                why: NO_MAIL.to_owned(),
            }));
        }
        Some(Ok((message(source, bytes), cut)))
    }
}

fn is_eml(path: &Path) -> bool {
    path.extension()
        .is_some_and(|name| name.eq_ignore_ascii_case("eml"))
}

/// A file of a Maildir holds one mail, whatever its first line says.
fn whole_mail(path: PathBuf) -> Result<(Message, bool), Gap> {
    let file = File::open(&path).map_err(|error| unreadable(&path, &error))?;
    match eml::content(BufReader::new(file)).map_err(|error| unreadable(&path, &error))? {
        Content::Mail(mut reader) | Content::Mbox(mut reader) => one_mail(path, &mut *reader),
        Content::Empty => Err(gap(&path, "is empty")),
        Content::NoMail => Err(gap(&path, NO_MAIL)),
    }
}

fn one_mail(path: PathBuf, reader: &mut dyn BufRead) -> Result<(Message, bool), Gap> {
    let (mut bytes, cut) = eml::read_mail(reader).map_err(|error| unreadable(&path, &error))?;
    // `bounce` tells an mbox inside an .eml by this line
    if bytes.starts_with(b"From ") && !is_eml(&path) {
        let line = bytes.iter().take_while(|&&byte| byte != b'\n').count() + 1;
        bytes.drain(..line.min(bytes.len()));
    }
    Ok((message(Source::File(path), bytes), cut))
}

fn message(source: Source, bytes: Vec<u8>) -> Message {
    Message {
        source,
        received_at: None,
        bytes,
    }
}

fn unreadable(path: &Path, error: &io::Error) -> Gap {
    gap(path, format!("cannot be read: {error}"))
}

fn cut_off(source: &Source) -> Gap {
    Gap {
        at: Place::Message(source.clone()),
        why: format!(
            "is longer than {} MiB: only its beginning was read",
            MAX_MAIL_BYTES >> 20
        ),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::files;
    use crate::event::Source;

    const BOUNCE: &str =
        "Return-Path: <>\nFrom: MAILER-DAEMON@mx.example.jp\nSubject: failure notice\n\nHi.\n";
    const FROM: &str = "From MAILER-DAEMON  Thu Apr 29 23:34:45 2015\n";

    /// What is read from `path`, a line each: `#0 59` or a gap's words; paths relative to `path`.
    fn read(path: &Path) -> Vec<String> {
        let shown = |text: String| {
            text.replace(&format!("{}/", path.display()), "")
                .replace(&path.display().to_string(), ".")
        };
        files(path)
            .map(|found| match found {
                Ok(message) => shown(format!("{} {}", message.source, message.bytes.len())),
                Err(gap) => shown(gap.to_string()),
            })
            .collect()
    }

    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, content) in files {
            let path = folder.path().join(name);
            if name.ends_with('/') {
                fs::create_dir_all(path).unwrap();
            } else {
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(path, content).unwrap();
            }
        }
        folder
    }

    #[test]
    fn a_folder_is_read_in_order_and_what_is_no_mail_is_named() {
        let two = format!("{FROM}{BOUNCE}\n{FROM}{BOUNCE}\n");
        let folder = folder(&[
            ("a.eml", BOUNCE),
            ("b/one.eml", &format!("{FROM}{BOUNCE}")),
            ("b/two.mbox", &two),
            ("c.eml", ""),
            ("d.eml", "%PDF-1.4 and so on\n"),
            ("notes.txt", "no mail\n"),
            ("pasted.txt", BOUNCE),
        ]);
        let no_mail = "is no mail: it does not begin with header lines such as \"Subject: …\"";
        assert_eq!(
            read(folder.path()),
            [
                "a.eml 79",
                "b/one.eml 124",
                "b/two.mbox#0 79",
                "b/two.mbox#1 79",
                "c.eml: is empty",
                &format!("d.eml: {no_mail}"),
                "pasted.txt 79",
            ]
        );
    }

    #[test]
    fn a_maildir_gives_its_mails_and_those_of_its_folders_alone() {
        let folder = folder(&[
            ("cur/1430318085.M1P2.mx,S=83:2,S", BOUNCE),
            ("new/1430318086.M1P2.mx", &format!("{FROM}{BOUNCE}")),
            ("tmp/1430318087.M1P2.mx", BOUNCE),
            ("dovecot-uidlist", "3 V1430318085 N3\n"),
            (".Junk/cur/1430318088.M1P2.mx:2,", BOUNCE),
            (".Junk/new/", ""),
        ]);
        let expected = [
            ".Junk/cur/1430318088.M1P2.mx:2, 79",
            "cur/1430318085.M1P2.mx,S=83:2,S 79",
            "new/1430318086.M1P2.mx 79",
        ];
        assert_eq!(read(folder.path()), expected);
        assert_eq!(
            read(&folder.path().join("cur")),
            ["1430318085.M1P2.mx,S=83:2,S 79"]
        );
    }

    #[test]
    fn line_ends_and_leading_blank_lines_do_not_hide_a_mail() {
        let folder = folder(&[
            ("blank.eml", &format!("\r\n\n{BOUNCE}")),
            ("bom.eml", &format!("\u{feff}{BOUNCE}")),
            ("cr.eml", &BOUNCE.replace('\n', "\r")),
            (
                "cr.mbox",
                &format!("{FROM}{BOUNCE}\n{FROM}{BOUNCE}\n").replace('\n', "\r"),
            ),
            ("crlf.eml", &BOUNCE.replace('\n', "\r\n")),
        ]);
        let sources: Vec<_> = files(folder.path()).map(|found| found.unwrap()).collect();
        assert_eq!(sources.len(), 6);
        for message in &sources {
            assert_eq!(
                String::from_utf8_lossy(&message.bytes).replace("\r\n", "\n"),
                BOUNCE,
                "{}",
                message.source
            );
        }
    }

    #[test]
    fn an_eml_file_is_one_mail_whatever_it_holds() {
        let two = format!("{FROM}{BOUNCE}\n{FROM}{BOUNCE}");
        let folder = folder(&[("a.eml", &two), ("a.mbox", &two)]);
        let sources = |name: &str| {
            let path = folder.path().join(name);
            let sources: Vec<_> = files(&path).map(|found| found.unwrap().source).collect();
            (path, sources)
        };
        let (path, eml) = sources("a.eml");
        assert_eq!(eml, [Source::File(path)]);
        let (path, mbox) = sources("a.mbox");
        assert_eq!(mbox, [Source::Mbox(path.clone(), 0), Source::Mbox(path, 1)]);
    }

    #[test]
    fn an_empty_folder_a_missing_file_and_a_mail_without_header_are_gaps() {
        let folder = folder(&[
            (
                "m.mbox",
                &format!("{FROM}{BOUNCE}\n{FROM}\nno header\n\n{FROM}{BOUNCE}"),
            ),
            ("e/", ""),
        ]);
        assert_eq!(
            read(&folder.path().join("e")),
            [".: there is no mail in this directory"]
        );
        let missing = read(&folder.path().join("none"));
        assert!(
            missing[0].starts_with(".: cannot be read: No such file"),
            "{missing:?}"
        );
        let found = read(folder.path());
        assert_eq!(found.len(), 3);
        assert!(found[1].starts_with("m.mbox#1: is no mail"), "{found:?}");
    }

    #[test]
    fn a_mail_over_the_cap_is_cut_and_said_to_be_and_the_next_one_still_comes() {
        let long = "x".repeat(99) + "\n";
        let mbox = format!("{FROM}{BOUNCE}{}\n{FROM}{BOUNCE}", long.repeat(340_000));
        let folder = folder(&[("m.mbox", &mbox)]);
        let found = read(folder.path());
        let cut = "m.mbox#0: is longer than 32 MiB: only its beginning was read";
        assert_eq!(found, ["m.mbox#0 33554432", cut, "m.mbox#1 79"]);
    }
}
