//! Courier and Cyrus, whose Debian packages exclude Dovecot's: unpacked by `tests/run --long`, run from there.

use std::fs;
use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::support::certificate::Leaf;
use crate::support::dovecot::{PASSWORD, USER, free_port, give_to_nobody};

const START: Duration = Duration::from_secs(20);

#[derive(Clone, Copy)]
pub(crate) enum Kind {
    Courier,
    Cyrus,
}

/// A running server; it ends with this value.
pub(crate) struct Unpacked {
    pub(crate) port: u16,
    home: TempDir,
    server: Child,
}

impl Unpacked {
    /// A folder that `start` takes over; Courier's mails go into [`maildir`].
    pub(crate) fn home() -> TempDir {
        // Not $TMPDIR: nobody must be able to reach it, and the paths of sockets are short.
        let home = tempfile::Builder::new().prefix("imap-").tempdir_in("/tmp");
        home.unwrap()
    }

    pub(crate) fn start(kind: Kind, leaf: &Leaf, home: TempDir) -> Self {
        let packages = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/servers/root");
        assert!(
            packages.is_dir(),
            "{} is missing: tests/run --long unpacks it",
            packages.display()
        );
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support/unpacked.sh");
        let port = free_port();
        leaf.write_to(home.path(), "server").unwrap();
        give_to_nobody(home.path());
        let log = fs::File::create(home.path().join("log")).unwrap();
        // all that was started dies with the namespace's first process
        let mut server = Command::new("unshare")
            .args(["--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "--"])
            .arg("sh")
            .arg(script)
            .arg(match kind {
                Kind::Courier => "courier",
                Kind::Cyrus => "cyrus",
            })
            .args([&packages, home.path()])
            .args([&port.to_string(), USER])
            .stdin(Stdio::piped())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        writeln!(server.stdin.take().unwrap(), "{PASSWORD}").unwrap();
        let mut running = Self { port, home, server };
        running.wait_until_it_listens();
        running
    }

    fn wait_until_it_listens(&mut self) {
        let deadline = Instant::now() + START;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, self.port));
        while TcpStream::connect(address).is_err() {
            let ended = self.server.try_wait().unwrap().is_some();
            assert!(
                !ended && Instant::now() < deadline,
                "the server did not start (it needs root):\n{}",
                fs::read_to_string(self.home.path().join("log")).unwrap()
            );
            sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Unpacked {
    fn drop(&mut self) {
        self.server.kill().ok();
        self.server.wait().ok();
    }
}

/// Courier's mails within [`Unpacked::home`].
pub(crate) fn maildir(home: &TempDir) -> PathBuf {
    home.path().join("Maildir")
}
