//! Where a test sits: a home of its own, and the program as a user would start it there.

use std::ffi::OsStr;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use crate::support::certificate::{Authority, Leaf};
use crate::support::dovecot::{Dovecot, PASSWORD, USER};

/// An empty home directory with an authority's certificate and a password file in it.
pub(crate) struct Office {
    home: TempDir,
    authority: Authority,
}

/// How a run of the program ended.
#[derive(Clone, Debug)]
pub(crate) struct Ran {
    pub(crate) status: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Office {
    pub(crate) fn new() -> Self {
        let office = Self {
            home: tempfile::tempdir().unwrap(),
            authority: Authority::new().unwrap(),
        };
        fs::write(office.path("ca.pem"), office.authority.pem()).unwrap();
        office.write_secret("password", PASSWORD);
        office
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    pub(crate) fn write_secret(&self, name: &str, secret: &str) {
        let mut options = OpenOptions::new();
        let mut file = options
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(self.path(name));
        writeln!(file.as_mut().unwrap(), "{secret}").unwrap();
    }

    /// A certificate that `ca.pem` vouches for.
    pub(crate) fn certificate(&self, name: &str) -> Leaf {
        self.authority.vouch_for(&[name]).unwrap()
    }

    /// The program in this home, in UTC and plain English.
    pub(crate) fn bounceaudit<I: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = I>) -> Ran {
        self.run(Path::new(env!("CARGO_BIN_EXE_bounceaudit")), arguments, "")
    }

    /// The same with something on stdin.
    pub(crate) fn bounceaudit_with(&self, arguments: &[&str], input: &str) -> Ran {
        self.run(Path::new(env!("CARGO_BIN_EXE_bounceaudit")), arguments, input)
    }

    /// The same with more in its environment.
    pub(crate) fn bounceaudit_where(&self, environment: &[(&str, &str)], arguments: &[&str]) -> Ran {
        let child = self
            .command(Path::new(env!("CARGO_BIN_EXE_bounceaudit")), arguments)
            .envs(environment.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        Ran::of(child.unwrap())
    }

    /// The program in this home, left to itself.
    pub(crate) fn start<I: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = I>) -> Child {
        self.command(Path::new(env!("CARGO_BIN_EXE_bounceaudit")), arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap()
    }

    /// The program in this home, on its way; `Ran::of` waits for its end.
    pub(crate) fn under_way<I: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = I>) -> Child {
        self.command(Path::new(env!("CARGO_BIN_EXE_bounceaudit")), arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }

    /// A scan of one server, with the options that all scans here share.
    pub(crate) fn scan(&self, port: u16, more: &[&str]) -> Ran {
        let port = port.to_string();
        let shared = [
            "scan",
            "--host",
            "localhost",
            "--port",
            &port,
            "--user",
            USER,
            "--password-file",
            "password",
        ];
        self.bounceaudit(shared.iter().chain(more))
    }

    /// What the server says of all its mails, read by somebody else's IMAP client.
    pub(crate) fn state_of(&self, server: &Dovecot) -> String {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/e2e/state.py");
        let port = server.port.to_string();
        let arguments = [
            script.as_os_str(),
            port.as_ref(),
            "ca.pem".as_ref(),
            USER.as_ref(),
        ];
        let ran = self.run(Path::new("python3"), arguments, PASSWORD);
        assert_eq!(ran.status, 0, "{}", ran.stderr);
        ran.stdout
    }

    /// Copies a Maildir to a server by IMAP.
    pub(crate) fn append(&self, maildir: &Path, port: u16) {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/e2e/append.py");
        let port = port.to_string();
        let arguments = [
            script.as_os_str(),
            maildir.as_os_str(),
            port.as_ref(),
            "ca.pem".as_ref(),
            USER.as_ref(),
        ];
        let ran = self.run(Path::new("python3"), arguments, PASSWORD);
        assert_eq!(ran.status, 0, "{}", ran.stderr);
    }

    /// Runs the script that fills mailboxes, and hands what it wrote to the server.
    pub(crate) fn script(&self, arguments: &[&OsStr]) {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/e2e/mailbox.py");
        let ran = self.run(
            Path::new("python3"),
            [script.as_os_str()].iter().chain(arguments),
            "",
        );
        assert_eq!(ran.status, 0, "{}", ran.stderr);
    }

    /// A shell in a mount namespace of its own (as root), for a file system that only it sees; `$0` is the program.
    pub(crate) fn apart(&self, script: &str) -> Ran {
        let program = env!("CARGO_BIN_EXE_bounceaudit");
        self.run(Path::new("unshare"), ["--mount", "sh", "-c", script, program], "")
    }

    fn run<I: AsRef<OsStr>>(
        &self,
        program: &Path,
        arguments: impl IntoIterator<Item = I>,
        input: &str,
    ) -> Ran {
        let mut child = self
            .command(program, arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        writeln!(child.stdin.take().unwrap(), "{input}").ok();
        Ran::of(child)
    }

    fn command<I: AsRef<OsStr>>(&self, program: &Path, arguments: impl IntoIterator<Item = I>) -> Command {
        let mut command = Command::new(program);
        command
            .args(arguments)
            .current_dir(self.home.path())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.home.path())
            .env("TZ", "UTC")
            .env("LC_ALL", "C.UTF-8")
            .env("PYTHONDONTWRITEBYTECODE", "1");
        command
    }
}

impl Ran {
    /// How a program ends that is under way.
    pub(crate) fn of(child: Child) -> Self {
        let output = child.wait_with_output().unwrap();
        Self {
            status: output.status.code().unwrap(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Demands this status and exactly one line on stderr, in which all of these words stand.
    pub(crate) fn ended_with_one_line(&self, status: i32, words: &[&str]) {
        assert_eq!(self.status, status, "{self:#?}");
        assert_eq!(self.stderr.lines().count(), 1, "{self:#?}");
        for word in words {
            assert!(self.stderr.contains(word), "{word:?} is missing: {self:#?}");
        }
    }
}
