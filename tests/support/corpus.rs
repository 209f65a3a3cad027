//! The mails of `tests/corpus`, for its test and for the benches.

use std::fs;
use std::path::{Path, PathBuf};

use bounceaudit::event::{Message, Source};

/// Their files, by name.
pub(crate) fn mails() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus");
    let mut mails: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "eml"))
        .collect();
    mails.sort();
    mails
}

pub(crate) fn message(name: &str, bytes: Vec<u8>) -> Message {
    Message {
        source: Source::File(name.into()),
        received_at: None,
        bytes,
    }
}
