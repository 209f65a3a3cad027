//! Where an output's bytes go: stdout, or a file, which keeps its old content until the new one is whole.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Stdout, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use tempfile::NamedTempFile;

/// The bytes of one output on their way.
pub(crate) struct Sink {
    /// As errors name it.
    pub(crate) shown: String,
    to: To,
}

enum To {
    Stdout(BufWriter<Stdout>),
    /// A pipe, a device, or a file that another name or user has too.
    InPlace(BufWriter<File>),
    /// A file beside the one whose place it takes.
    Beside(BufWriter<NamedTempFile>, PathBuf),
}

impl Sink {
    /// Begins an output; `-` is stdout.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub(crate) fn open(path: &Path) -> anyhow::Result<Self> {
        if is_stdout(path) {
            return Ok(Self {
                shown: "stdout".to_owned(),
                to: To::Stdout(BufWriter::new(io::stdout())),
            });
        }
        let shown = path.display().to_string();
        let to = To::file(path).with_context(|| format!("cannot write {shown}"))?;
        Ok(Self { shown, to })
    }

    pub(crate) fn is_stdout(&self) -> bool {
        matches!(self.to, To::Stdout(_))
    }

    fn out(&mut self) -> &mut dyn Write {
        match &mut self.to {
            To::Stdout(out) => out,
            To::InPlace(out) => out,
            To::Beside(out, _) => out,
        }
    }

    /// A folder for what has to wait before it can be written here.
    pub(crate) fn scratch(&self) -> PathBuf {
        match &self.to {
            To::Beside(_, path) => folder_of(path).to_owned(),
            To::Stdout(_) | To::InPlace(_) => std::env::temp_dir(),
        }
    }

    /// Ends the output: the file is what was written from now on.
    ///
    /// # Errors
    /// When the rest cannot be written.
    pub(crate) fn finish(self) -> anyhow::Result<()> {
        let done = match self.to {
            To::Stdout(mut out) => out.flush(),
            To::InPlace(mut out) => out.flush(),
            To::Beside(out, path) => out
                .into_inner()
                .map_err(io::IntoInnerError::into_error)
                .and_then(|file| Ok(file.persist(path)?))
                .map(drop),
        };
        done.with_context(|| format!("cannot write {}", self.shown))
    }
}

impl To {
    fn file(path: &Path) -> io::Result<Self> {
        let in_place = |file| Self::InPlace(BufWriter::new(file));
        // `/dev/stdout` is a file that others have open, whatever it leads to.
        if path.starts_with("/dev") || path.starts_with("/proc") {
            return File::create(path).map(in_place);
        }
        // The file itself: what is a link stays one.
        let path = match fs::canonicalize(path) {
            Ok(real) => real,
            Err(error) if error.kind() == io::ErrorKind::NotFound => path.to_owned(),
            Err(error) => return Err(error),
        };
        let old = match fs::symlink_metadata(&path) {
            Ok(old) if old.is_file() => OpenOptions::new().write(true).open(&path)?.metadata()?,
            Ok(_) => return File::create(&path).map(in_place),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let file = beside(&path, None)?;
                return Ok(Self::Beside(BufWriter::new(file), path));
            }
            Err(error) => return Err(error),
        };
        match beside(&path, Some(&old)) {
            Ok(file) if takes_place(file.as_file(), &old)? => Ok(Self::Beside(BufWriter::new(file), path)),
            Ok(_) => File::create(&path).map(in_place),
            // The folder takes no new files from us, but the file is ours to write.
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                File::create(&path).map(in_place)
            }
            Err(error) => Err(error),
        }
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.out().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out().flush()
    }
}

pub(crate) fn is_stdout(file: &Path) -> bool {
    file.as_os_str() == "-"
}

/// A new file in the folder of `path`, with the rights of the old one, or those that any new file has.
fn beside(path: &Path, old: Option<&fs::Metadata>) -> io::Result<NamedTempFile> {
    let mut new = tempfile::Builder::new();
    new.prefix(".bounceaudit-");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        new.permissions(fs::Permissions::from_mode(0o666));
    }
    let file = new.tempfile_in(folder_of(path))?;
    if let Some(old) = old {
        file.as_file().set_permissions(old.permissions())?;
    }
    Ok(file)
}

/// Whether nobody is left with the old file, and nobody loses it.
#[cfg(unix)]
fn takes_place(new: &File, old: &fs::Metadata) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt;
    let new = new.metadata()?;
    Ok(old.nlink() == 1 && (old.uid(), old.gid()) == (new.uid(), new.gid()))
}

#[cfg(not(unix))]
fn takes_place(_: &File, _: &fs::Metadata) -> io::Result<bool> {
    Ok(true)
}

/// Where a file lies.
pub(crate) fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        Some(_) | None => Path::new("."),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Write;
    use std::path::Path;

    use tempfile::TempDir;

    use crate::commands::sink::Sink;

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        let mut names: Vec<_> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_keeps_its_content_until_the_new_one_is_whole() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("report.csv");
        fs::write(&path, "old").unwrap();

        let mut given_up = Sink::open(&path).unwrap();
        given_up.write_all(b"ne").unwrap();
        given_up.flush().unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "old");
        drop(given_up);
        assert_eq!(names(folder.path()), ["report.csv"]);

        let mut sink = Sink::open(&path).unwrap();
        sink.write_all(b"new").unwrap();
        sink.finish().unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "new");
        assert_eq!(names(folder.path()), ["report.csv"]);
    }

    #[cfg(unix)]
    #[test]
    fn links_rights_and_devices_stay_what_they_are() {
        use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

        let folder = TempDir::new().unwrap();
        let path = folder.path().join("report.csv");
        fs::write(&path, "old").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let link = folder.path().join("latest.csv");
        symlink("report.csv", &link).unwrap();
        let twin = folder.path().join("twin.csv");
        let write = |path: &Path, text: &str| {
            let mut sink = Sink::open(path).unwrap();
            sink.write_all(text.as_bytes()).unwrap();
            sink.finish().unwrap();
        };

        write(&link, "through the link");
        assert!(link.symlink_metadata().unwrap().is_symlink());
        assert_eq!(fs::read_to_string(&path).unwrap(), "through the link");
        assert_eq!(path.metadata().unwrap().mode() & 0o777, 0o640);

        fs::hard_link(&path, &twin).unwrap();
        write(&path, "under both names");
        assert_eq!(fs::read_to_string(&twin).unwrap(), "under both names");

        let dangling = folder.path().join("dangling.csv");
        symlink("not-there.csv", &dangling).unwrap();
        write(&dangling, "made");
        assert_eq!(
            fs::read_to_string(folder.path().join("not-there.csv")).unwrap(),
            "made"
        );

        #[cfg(target_os = "linux")]
        {
            use std::os::fd::AsRawFd;
            let held = fs::File::open(&twin).unwrap();
            let name = format!("/proc/self/fd/{}", held.as_raw_fd());
            write(Path::new(&name), "into what is open");
            assert_eq!(fs::read_to_string(&twin).unwrap(), "into what is open");
            assert_eq!(held.metadata().unwrap().ino(), twin.metadata().unwrap().ino());
        }

        write(Path::new("/dev/null"), "gone");
        assert!(!Path::new("/dev/null").metadata().unwrap().is_file());
        let error = Sink::open(folder.path()).err().unwrap();
        assert!(format!("{error:#}").contains("cannot write"), "{error:#}");
    }
}
