//! What can go wrong with a ledger, and what to do about it.

use std::io;
use std::path::{Path, PathBuf};

/// `SQLITE_BUSY`, `SQLITE_LOCKED` and so on (<https://www.sqlite.org/rescode.html>), the primary code in the low byte.
const BUSY: i32 = 5;
const LOCKED: i32 = 6;
const READ_ONLY: i32 = 8;
const CORRUPT: i32 = 11;
const FULL: i32 = 13;
const CANNOT_OPEN: i32 = 14;
const NOT_A_DATABASE: i32 = 26;

/// Why the ledger could not be opened, read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A database server was named.
    #[error(
        "a ledger in PostgreSQL comes in a later version; give --ledger a file, or leave it out for the usual one"
    )]
    Postgres,
    /// A URL that is no file.
    #[error("--ledger takes a file and not a {scheme} URL")]
    Scheme {
        /// What stands before `://`.
        scheme: String,
    },
    /// A password where every user of the machine can read it.
    #[error(
        "the ledger's URL holds a password, which the process list shows to everyone; take it out (PGPASSFILE can hold it)"
    )]
    Password,
    /// There is nowhere to put the file.
    #[error(
        "there is no home directory to keep the ledger in; name a file with --ledger, or use --no-ledger"
    )]
    NoHome,
    /// There is nothing to read.
    #[error("there is no ledger {}; `bounceaudit scan` makes one, --ledger names another", .path.display())]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// The history was asked for, and not to be kept.
    #[error("--no-ledger leaves no history to report from")]
    NoHistory,
    /// Its folder cannot be made.
    #[error("cannot make the folder {} for the ledger: {source}; name another file with --ledger", .path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file cannot be made or opened.
    #[error("cannot open the ledger {}: {source}; name another file with --ledger, or use --no-ledger", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file holds something else.
    #[error("{} is no ledger but some other file; name another one with --ledger", .path.display())]
    NotADatabase {
        /// The file.
        path: PathBuf,
    },
    /// The file is the database of another program.
    #[error("{} is the database of another program and was left as it is; name another file with --ledger", .path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// A later bounceaudit has written the file.
    #[error(
        "the ledger {} was written by bounceaudit {program} (its version {found}, this program knows up to {known}); use that bounceaudit or a newer one",
        .path.display()
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Version of the file.
        found: i64,
        /// The newest version that this program knows.
        known: usize,
        /// The program that wrote it.
        program: String,
    },
    /// Another process is writing.
    #[error("another bounceaudit is writing to the ledger {} and did not finish in time; try again when it is done", .path.display())]
    Busy {
        /// The file.
        path: PathBuf,
    },
    /// There is no room left.
    #[error("the disk of the ledger {} is full; what was recorded before is safe, make room and run again", .path.display())]
    Full {
        /// The file.
        path: PathBuf,
    },
    /// The file or its folder may not be written.
    #[error("the ledger {} cannot be written, nor a file beside it; mend the rights of the file and its folder, or name another file with --ledger", .path.display())]
    ReadOnly {
        /// The file.
        path: PathBuf,
    },
    /// The file is damaged.
    #[error("the ledger {} is damaged; put it aside or restore a copy, and a scan with --full reads the mailboxes again", .path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
    },
    /// One row cannot be understood.
    #[error("the ledger {} holds a {what} that cannot be read: {why}; put it aside, and a scan with --full reads the mailboxes again", .path.display())]
    Row {
        /// The file.
        path: PathBuf,
        /// What kind of row.
        what: &'static str,
        /// Why.
        why: String,
    },
    /// Anything else that the database says.
    #[error("the ledger {}: {source}", .path.display())]
    Database {
        /// The file.
        path: PathBuf,
        /// What it says.
        source: sqlx::Error,
    },
}

/// What went wrong inside the database, before it is known which file that is about.
#[derive(Debug)]
pub(super) enum Trouble {
    Sql(sqlx::Error),
    Row { what: &'static str, why: String },
}

impl Trouble {
    pub(super) fn row(what: &'static str, why: impl ToString) -> Self {
        let why = why.to_string();
        Self::Row { what, why }
    }

    /// What is wrong, without the file.
    pub(super) fn why(self) -> String {
        match self {
            Self::Row { why, .. } => why,
            Self::Sql(source) => source.to_string(),
        }
    }

    pub(super) fn at(self, path: &Path) -> Error {
        let path = path.to_owned();
        let source = match self {
            Self::Row { what, why } => return Error::Row { path, what, why },
            Self::Sql(source) => source,
        };
        let code = source
            .as_database_error()
            .and_then(|error| error.code()?.parse::<i32>().ok());
        match code.map(|code| code & 0xFF) {
            Some(BUSY | LOCKED) => Error::Busy { path },
            Some(READ_ONLY | CANNOT_OPEN) => Error::ReadOnly { path },
            Some(CORRUPT) => Error::Damaged { path },
            Some(FULL) => Error::Full { path },
            Some(NOT_A_DATABASE) => Error::NotADatabase { path },
            Some(_) | None => Error::Database { path, source },
        }
    }
}

impl From<sqlx::Error> for Trouble {
    fn from(source: sqlx::Error) -> Self {
        Self::Sql(source)
    }
}
