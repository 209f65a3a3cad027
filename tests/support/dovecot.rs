//! A real Dovecot over TLS on a free loopback port, run by nobody in particular.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::support::certificate::Leaf;

pub(crate) const USER: &str = "postmaster@shop.example.jp";
pub(crate) const PASSWORD: &str = "himitsu na aikotoba";
const START: Duration = Duration::from_secs(20);

/// A running server; it ends with this value.
pub(crate) struct Dovecot {
    pub(crate) port: u16,
    /// Where it speaks in the clear until STARTTLS.
    #[allow(dead_code, reason = "not every test asks for STARTTLS")]
    pub(crate) starttls_port: u16,
    home: TempDir,
    server: Child,
}

impl Dovecot {
    /// Starts a server that shows `leaf` to its clients, with an empty INBOX.
    pub(crate) fn start(leaf: &Leaf) -> Self {
        // Another process may take the port between finding and using it.
        for _ in 0..5 {
            if let Some(running) = Self::try_start(leaf) {
                return running;
            }
        }
        panic!("Dovecot found no free port in five tries")
    }

    /// The Maildir of the one user.
    pub(crate) fn maildir(&self) -> PathBuf {
        self.home.path().join("mail")
    }

    /// Hands what lies in the Maildir over to the server's user; call it after each delivery.
    pub(crate) fn take_over(&self) {
        give_to_nobody(&self.maildir());
    }

    fn try_start(leaf: &Leaf) -> Option<Self> {
        // Not $TMPDIR: nobody must be able to reach it, and the paths of sockets are short.
        let home = tempfile::Builder::new()
            .prefix("dovecot-")
            .tempdir_in("/tmp")
            .unwrap();
        let (port, starttls_port) = (free_port(), free_port());
        let program = program("dovecot", "dovecot-imapd");
        leaf.write_to(home.path(), "server").unwrap();
        fs::write(
            home.path().join("passwd"),
            format!("{USER}:{{PLAIN}}{PASSWORD}\n"),
        )
        .unwrap();
        for part in ["mail/cur", "mail/new", "mail/tmp", "run"] {
            fs::create_dir_all(home.path().join(part)).unwrap();
        }
        let configuration = home.path().join("dovecot.conf");
        fs::write(
            &configuration,
            settings(&version(&program), home.path(), port, starttls_port),
        )
        .unwrap();
        give_to_nobody(home.path());
        let server = unprivileged(&program)
            .arg("-F")
            .arg("-c")
            .arg(&configuration)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(fs::File::create(home.path().join("stderr")).unwrap())
            .spawn()
            .unwrap();
        let mut running = Self {
            port,
            starttls_port,
            home,
            server,
        };
        running.wait_until_it_listens().then_some(running)
    }

    /// False when the port was taken by somebody else.
    fn wait_until_it_listens(&mut self) -> bool {
        let deadline = Instant::now() + START;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, self.port));
        loop {
            let ended = self.server.try_wait().unwrap().is_some();
            let log = self.log();
            if log.contains("Address already in use") {
                return false;
            }
            assert!(
                !ended && Instant::now() < deadline,
                "Dovecot did not start:\n{log}"
            );
            if TcpStream::connect(address).is_ok() {
                return true;
            }
            sleep(Duration::from_millis(20));
        }
    }

    fn log(&self) -> String {
        ["stderr", "dovecot.log"]
            .into_iter()
            .filter_map(|name| fs::read_to_string(self.home.path().join(name)).ok())
            .collect()
    }
}

impl Drop for Dovecot {
    fn drop(&mut self) {
        // TERM and not KILL: the master takes its children along. The shell's own kill, since procps may be missing.
        let id = self.server.id().to_string();
        let told = Command::new("sh").args(["-c", "kill \"$0\"", &id]).status();
        if told.is_ok_and(|status| status.success()) {
            self.server.wait().ok();
        }
    }
}

/// The program, or a failure that says what to do.
pub(crate) fn program(name: &str, package: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        // Debian keeps servers in sbin, which the path of a user lacks.
        .chain(["/usr/sbin", "/usr/local/sbin", "/sbin"].map(PathBuf::from))
        .map(|folder| folder.join(name))
        .find(|program| program.is_file())
        .unwrap_or_else(|| panic!("{name} is not installed: run tests/run, or: apt-get install {package}"))
}

/// A port of the loopback address that was free a moment ago.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}

fn is_root() -> bool {
    fs::metadata("/proc/self").unwrap().uid() == 0
}

/// Runs a program as nobody where we are root, and lets it end with us.
fn unprivileged(program: &Path) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "TERM"]);
    if is_root() {
        command.args(["--reuid=nobody", "--regid=nogroup", "--clear-groups"]);
    }
    command.arg("--").arg(program);
    command
}

pub(crate) fn give_to_nobody(folder: &Path) {
    if is_root() {
        let given = Command::new("chown")
            .args(["-R", "nobody:nogroup"])
            .arg(folder)
            .status();
        assert!(given.unwrap().success());
    }
}

fn id(option: &str) -> String {
    if is_root() {
        return if option == "-un" { "nobody" } else { "nogroup" }.to_owned();
    }
    let answer = Command::new("id").arg(option).output().unwrap();
    String::from_utf8(answer.stdout).unwrap().trim().to_owned()
}

fn version(program: &Path) -> String {
    let answer = Command::new(program).arg("--version").output().unwrap();
    String::from_utf8(answer.stdout).unwrap()
}

/// Debian 12 has Dovecot 2.3, Debian 13 has 2.4, which renamed most settings.
fn settings(version: &str, home: &Path, port: u16, starttls_port: u16) -> String {
    let (user, group, home) = (id("-un"), id("-gn"), home.display());
    let of_the_version = if version.starts_with("2.3") {
        format!(
            "ssl_cert = <{home}/server.crt\nssl_key = <{home}/server.key\nmail_location = maildir:{home}/mail\n\
             passdb {{\n driver = passwd-file\n args = scheme=PLAIN username_format=%u {home}/passwd\n}}\n\
             userdb {{\n driver = static\n args = uid={user} gid={group} home={home}\n}}\n"
        )
    } else {
        format!(
            "dovecot_config_version = 2.4.0\ndovecot_storage_version = 2.4.0\n\
             ssl_server_cert_file = {home}/server.crt\nssl_server_key_file = {home}/server.key\n\
             mail_driver = maildir\nmail_path = {home}/mail\nmail_home = {home}\nmail_uid = {user}\nmail_gid = {group}\n\
             passdb passwd-file {{\n passwd_file_path = {home}/passwd\n auth_username_format = %{{user}}\n}}\n\
             userdb static {{\n}}\n"
        )
    };
    // 2.4 wants its version settings first.
    format!(
        "{of_the_version}base_dir = {home}/run\nstate_dir = {home}/run\nlog_path = {home}/dovecot.log\n\
         default_internal_user = {user}\ndefault_internal_group = {group}\ndefault_login_user = {user}\n\
         first_valid_uid = 1\nprotocols = imap\nssl = yes\nauth_mechanisms = plain login\n\
         namespace inbox {{\n inbox = yes\n separator = /\n mailbox Junk {{\n  special_use = \\Junk\n }}\n}}\n\
         service anvil {{\n chroot =\n}}\n\
         service imap-login {{\n chroot =\n inet_listener imap {{\n  {address} = 127.0.0.1\n  port = {starttls_port}\n }}\n\
          inet_listener imaps {{\n  {address} = 127.0.0.1\n  port = {port}\n  ssl = yes\n }}\n}}\n",
        address = if version.starts_with("2.3") {
            "address"
        } else {
            "listen"
        },
    )
}
