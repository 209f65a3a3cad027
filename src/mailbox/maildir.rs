//! Directories: a Maildir's `cur` and `new` (and its subfolders), or any folder of mails, in sorted order.
//!
//! A Maildir's mails have names such as `1430318085.M1P2.mx,S=2211:2,S` (Dovecot 2.3; `new/` has no `:2,`), and other files lie
//! beside `cur` (`dovecot-uidlist`, `subscriptions`), which are no mails. `tmp` holds what is not delivered yet.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::eml::is_surely_mail;

/// As much of a file with a foreign name is looked at.
const HEAD_BYTES: u64 = 4096;
/// Names that say "mail"; a file with another extension is read only when its content says so.
const MAIL_EXTENSIONS: [&str; 5] = ["eml", "mbox", "mbx", "msg", "mail"];

/// Something that a directory holds and that is to be read.
pub(super) enum Entry {
    Directory(PathBuf),
    /// One mail to a file.
    Maildir(PathBuf),
    File(PathBuf),
    /// It may hold mails, but is not read; why.
    PassedOver(PathBuf, String),
}

/// What there is to read in a directory, in sorted order.
pub(super) fn entries(directory: &Path) -> io::Result<Vec<Entry>> {
    let mut paths: Vec<PathBuf> = fs::read_dir(directory)?
        .map(|entry| Ok(entry?.path()))
        .collect::<io::Result<_>>()?;
    paths.sort();
    let inside_maildir = is_maildir(directory);
    let holds_mails = ["cur", "new"].iter().any(|name| directory.ends_with(name))
        && directory.parent().is_some_and(is_maildir);
    Ok(paths
        .into_iter()
        .filter_map(|path| match (inside_maildir, holds_mails) {
            (true, _) => in_maildir(path),
            (_, true) => (!is_hidden(&path)).then_some(Entry::Maildir(path)),
            (false, false) => in_folder(path),
        })
        .collect())
}

fn is_maildir(directory: &Path) -> bool {
    directory.join("cur").is_dir() && directory.join("new").is_dir()
}

/// `cur`, `new`, and subfolders: `.Junk` (Maildir++), `Junk` (Dovecot's LAYOUT=fs).
fn in_maildir(path: PathBuf) -> Option<Entry> {
    let holds_mails = path.ends_with("cur") || path.ends_with("new");
    (holds_mails || is_maildir(&path)).then_some(Entry::Directory(path))
}

fn in_folder(path: PathBuf) -> Option<Entry> {
    if is_hidden(&path) && !is_maildir(&path) {
        return None;
    }
    let kind = match fs::symlink_metadata(&path) {
        Ok(found) => found.file_type(),
        Err(error) => return Some(Entry::PassedOver(path, format!("cannot be looked at: {error}"))),
    };
    // Links to directories may lead round in a circle.
    if kind.is_symlink() && path.is_dir() {
        let why = "is a link to a directory, which is not followed: name the directory itself";
        return Some(Entry::PassedOver(path, why.to_owned()));
    }
    if kind.is_dir() {
        return Some(Entry::Directory(path));
    }
    if !path.is_file() {
        return Some(Entry::PassedOver(path, "is no regular file".to_owned()));
    }
    let extension = path
        .extension()
        .map(|extension| extension.to_string_lossy().to_lowercase());
    match extension {
        None => Some(Entry::File(path)),
        Some(name) if MAIL_EXTENSIONS.contains(&name.as_str()) => Some(Entry::File(path)),
        // Tables and notes beside the mails are nothing that a report would miss.
        Some(_other) => match head(&path) {
            Ok(head) => is_surely_mail(&head).then_some(Entry::File(path)),
            Err(error) => Some(Entry::PassedOver(path, format!("cannot be read: {error}"))),
        },
    }
}

fn head(path: &Path) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    fs::File::open(path)?.take(HEAD_BYTES).read_to_end(&mut head)?;
    Ok(head)
}

fn is_hidden(path: &Path) -> bool {
    path.file_name()
        .is_some_and(|name| name.as_encoded_bytes().starts_with(b"."))
}
