//! Where the ledger lies, and its file, made so that nobody else can read it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use etcetera::BaseStrategy;

use crate::ledger::{Error, Settings};

/// The file that the settings mean, as a full path.
pub(super) fn file(settings: &Settings) -> Result<PathBuf, Error> {
    let Some(url) = &settings.url else {
        return default_file();
    };
    if let Some((scheme, rest)) = url.split_once("://") {
        return Err(not_a_file(scheme, rest));
    }
    let path = match url.strip_prefix("~/") {
        Some(below) => etcetera::home_dir().map_err(|_| Error::NoHome)?.join(below),
        None => PathBuf::from(url),
    };
    // SQLite would read a name that begins with `file:` as a URL, and a full path never does.
    std::path::absolute(&path).map_err(|source| Error::File { path, source })
}

/// Makes the folders and the file where they are missing.
pub(super) fn make(path: &Path) -> Result<(), Error> {
    let cannot_open = |source| Error::File {
        path: path.to_owned(),
        source,
    };
    if let Some(folder) = path.parent() {
        make_folder(folder).map_err(|source| Error::Folder {
            path: folder.to_owned(),
            source,
        })?;
    }
    match make_file(path) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => match fs::metadata(path) {
            Ok(found) if found.is_dir() => Err(cannot_open(io::ErrorKind::IsADirectory.into())),
            Ok(_) => Ok(()),
            Err(error) => Err(cannot_open(error)),
        },
        Err(error) => Err(cannot_open(error)),
    }
}

fn default_file() -> Result<PathBuf, Error> {
    let strategy = etcetera::choose_base_strategy().map_err(|_| Error::NoHome)?;
    let state = strategy.state_dir().unwrap_or_else(|| strategy.data_dir());
    Ok(state.join("bounceaudit").join("ledger.db"))
}

/// The URL itself is never repeated: it may hold a password.
fn not_a_file(scheme: &str, rest: &str) -> Error {
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let user = authority.rsplit_once('@').map(|(user, _)| user);
    if user.is_some_and(|user| user.contains(':')) || rest.contains("password=") {
        return Error::Password;
    }
    match scheme {
        "postgres" | "postgresql" => Error::Postgres,
        _ => Error::Scheme {
            scheme: scheme.to_owned(),
        },
    }
}

#[cfg(unix)]
fn make_folder(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

#[cfg(not(unix))]
fn make_folder(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)
}

/// SQLite gives the files that it makes beside this one the same rights.
#[cfg(unix)]
fn make_file(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt;
    let mut options = fs::OpenOptions::new();
    options
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .map(drop)
}

#[cfg(not(unix))]
fn make_file(path: &Path) -> io::Result<()> {
    fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(path)
        .map(drop)
}
