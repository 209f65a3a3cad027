//! Real DNS servers on free loopback ports: blocklists in rbldnsd behind an unbound, as a postmaster has them.
//!
//! They know the zones they were given and nothing else: unbound says NXDOMAIN to any other name, so that no
//! question leaves the machine.

use std::fmt::Write as _;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

const START: Duration = Duration::from_secs(20);
/// A question for the address of `up.`, which is asked until somebody answers.
const KNOCK: &[u8] = b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x02up\x00\x00\x01\x00\x01";

/// What a list that works holds besides its listings: 127.0.0.2, and never 127.0.0.1. rbldnsd gives both for IPv6 too.
pub(crate) const TEST_ENTRY: &str = "127.0.0.2 :127.0.0.2:test entry\n";

/// What the servers are to hold.
#[derive(Default)]
pub(crate) struct Zones {
    /// Origin, type of data set (rbldnsd(8)), its lines.
    sets: Vec<(String, &'static str, String)>,
    /// Origin, and the server that unbound asks about it.
    elsewhere: Vec<(String, SocketAddr)>,
    /// Lines of unbound's `server:` clause.
    own: String,
}

/// Running servers; they end with this value.
pub(crate) struct Servers {
    /// Where the resolver listens.
    pub(crate) resolver: SocketAddr,
    children: Vec<Child>,
    _home: TempDir,
}

impl Zones {
    /// Lines of an `ip4set`: `203.0.113.5 :127.0.0.4:text`, `!127.0.0.1`, `:127.0.0.2:default text $`.
    pub(crate) fn ipv4(mut self, zone: &str, lines: &str) -> Self {
        self.sets.push((zone.to_owned(), "ip4set", lines.to_owned()));
        self
    }

    /// Lines of an `ip6trie`: `2001:db8::/64 :127.0.0.3:text`.
    #[allow(dead_code, reason = "not every test asks about IPv6")]
    pub(crate) fn ipv6(mut self, zone: &str, lines: &str) -> Self {
        self.sets.push((zone.to_owned(), "ip6trie", lines.to_owned()));
        self
    }

    /// A zone that unbound asks another server about.
    #[allow(dead_code, reason = "not every test has faulty servers")]
    pub(crate) fn elsewhere(mut self, zone: &str, server: SocketAddr) -> Self {
        self.elsewhere.push((zone.to_owned(), server));
        self
    }

    /// A zone that rbldnsd does not have: it says REFUSED, and unbound SERVFAIL.
    #[allow(dead_code, reason = "not every test has lame zones")]
    pub(crate) fn lame(mut self, zone: &str) -> Self {
        self.sets.push((zone.to_owned(), "", String::new()));
        self
    }

    /// A zone about which unbound says REFUSED itself.
    #[allow(dead_code, reason = "not every test has forbidden zones")]
    pub(crate) fn forbidden(self, zone: &str) -> Self {
        self.own(&format!("local-zone: \"{zone}.\" always_refuse"))
    }

    /// A zone in which every name has this address, as in one that was parked.
    #[allow(dead_code, reason = "not every test has parked zones")]
    pub(crate) fn parked(self, zone: &str, address: &str) -> Self {
        self.own(&format!("local-zone: \"{zone}.\" redirect"))
            .own(&format!("local-data: \"{zone}. A {address}\""))
    }

    /// A record that unbound knows by itself: `5.113.0.203.in-addr.arpa. PTR mail.shop.example.jp.`
    #[allow(dead_code, reason = "not every test asks for names")]
    pub(crate) fn record(self, record: &str) -> Self {
        self.own(&format!("local-data: '{record}'"))
    }

    fn own(mut self, line: &str) -> Self {
        writeln!(self.own, "  {line}").unwrap();
        self
    }

    /// Starts rbldnsd and unbound.
    pub(crate) fn start(self) -> Servers {
        // Another process may take a port between finding and using it.
        for _ in 0..5 {
            if let Some(servers) = self.try_start() {
                return servers;
            }
        }
        panic!("rbldnsd and unbound did not start in five tries")
    }

    fn try_start(&self) -> Option<Servers> {
        let (rbldnsd, unbound) = (program("rbldnsd"), program("unbound"));
        // Not $TMPDIR: whoever rbldnsd runs as must be able to reach it.
        let home = tempfile::Builder::new()
            .prefix("dns-")
            .tempdir_in("/tmp")
            .unwrap();
        fs::set_permissions(home.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let (lists, resolver) = (free_port(), free_port());
        let mut servers = Servers {
            resolver,
            children: Vec::new(),
            _home: home,
        };
        let home = servers._home.path().to_owned();
        let mut rbldnsd = Command::new(rbldnsd);
        rbldnsd.args(["-n", "-b", &format!("127.0.0.1/{}", lists.port())]);
        rbldnsd.arg("-w").arg(&home);
        if is_root() {
            rbldnsd.args(["-u", "nobody"]);
        }
        // It will not run without any zone.
        rbldnsd.arg(data_set(&home, 0, "nothing.invalid", "ip4set", ""));
        for (number, (zone, kind, lines)) in (1..).zip(&self.sets) {
            if !kind.is_empty() {
                rbldnsd.arg(data_set(&home, number, zone, kind, lines));
            }
        }
        servers.children.push(run(rbldnsd, &home, "rbldnsd"));
        let configuration = home.join("unbound.conf");
        fs::write(&configuration, self.unbound(lists, resolver)).unwrap();
        let mut unbound = Command::new(unbound);
        unbound.arg("-d").arg("-c").arg(&configuration);
        servers.children.push(run(unbound, &home, "unbound"));
        let up = [lists, resolver]
            .into_iter()
            .all(|at| wait_for(at, &mut servers.children));
        up.then_some(servers)
    }

    fn unbound(&self, lists: SocketAddr, at: SocketAddr) -> String {
        let mut text = format!(
            "server:\n  interface: 127.0.0.1@{}\n  username: \"{user}\"\n  chroot: \"\"\n  pidfile: \"\"\n  \
             use-syslog: no\n  logfile: \"\"\n  num-threads: 1\n  do-ip6: no\n  do-not-query-localhost: no\n  \
             module-config: \"iterator\"\n  local-zone: \".\" static\n{}",
            at.port(),
            self.own,
            user = if is_root() { "nobody" } else { "" },
        );
        let lists = self.sets.iter().map(|(zone, ..)| (zone, lists));
        let elsewhere = self.elsewhere.iter().map(|(zone, at)| (zone, *at));
        let mut zones: Vec<_> = lists.chain(elsewhere).collect();
        zones.sort_unstable();
        zones.dedup();
        for (zone, _) in &zones {
            writeln!(text, "  local-zone: \"{zone}.\" transparent").unwrap();
        }
        for (zone, at) in zones {
            let stub = format!("{}@{}", at.ip(), at.port());
            writeln!(text, "stub-zone:\n  name: \"{zone}.\"\n  stub-addr: {stub}").unwrap();
        }
        text
    }
}

impl Drop for Servers {
    fn drop(&mut self) {
        for child in &mut self.children {
            // One that has ended by itself cannot be killed any more.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Writes a data set and gives the argument that names it.
fn data_set(home: &Path, number: usize, zone: &str, kind: &str, lines: &str) -> String {
    let file = format!("set{number}");
    fs::write(home.join(&file), lines).unwrap();
    format!("{zone}:{kind}:{file}")
}

fn run(mut command: Command, home: &Path, name: &str) -> Child {
    let log = fs::File::create(home.join(format!("{name}.log"))).unwrap();
    command
        .stdin(Stdio::null())
        .stdout(log.try_clone().unwrap())
        .stderr(log);
    command.spawn().unwrap()
}

/// False when one of the servers has given up.
fn wait_for(at: SocketAddr, children: &mut [Child]) -> bool {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.connect(at).unwrap();
    socket.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
    let start = Instant::now();
    while start.elapsed() < START {
        if children
            .iter_mut()
            .any(|child| child.try_wait().unwrap().is_some())
        {
            return false;
        }
        // Until the port is open the answer is an error of ICMP.
        if socket.send(KNOCK).is_ok() && socket.recv(&mut [0; 512]).is_ok() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    panic!("nothing answers at {at} after {START:?}")
}

fn is_root() -> bool {
    fs::metadata("/proc/self").unwrap().uid() == 0
}

/// A port that is free for UDP and TCP.
fn free_port() -> SocketAddr {
    loop {
        let udp = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let at = udp.local_addr().unwrap();
        if TcpListener::bind(at).is_ok() {
            return at;
        }
    }
}

/// Debian keeps servers in `/usr/sbin`, which is not on everybody's path.
fn program(name: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(["/usr/local/sbin".into(), "/usr/sbin".into()]);
    folders
        .map(|folder| folder.join(name))
        .find(|path| path.is_file())
        .unwrap_or_else(|| panic!("{name} is missing: run tests/run, or apt-get install rbldnsd unbound"))
}
