//! The whole way on one machine: an IMAP server and a DNS server on loopback, a mailbox with the bounces of two weeks, and
//! the same code path as `bounceaudit scan`.
//!
//! `cargo run --release --example demo` needs nothing but Rust and a C compiler, no account and no network. The report goes
//! to the terminal; afterwards `target/demo/` holds it as a page, a workbook, JSON and three CSV tables, and in Japanese. With
//! arguments it is `bounceaudit` itself.

mod dns;
mod imap;
mod mailbox;
mod mails;
mod mtas;

#[path = "../../tests/support/certificate.rs"]
mod certificate;

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::sync::Arc;

use anyhow::Context;
use bounceaudit::catalogue::Catalogue;
use bounceaudit::cli::Cli;
use bounceaudit::commands;
use chrono::Local;
use clap::Parser;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::certificate::Authority;
use crate::dns::{Listed, Named};
use crate::imap::Account;

const FOLDER: &str = "target/demo";
const USER: &str = "postmaster@hosting.example.jp";
const PASSWORD: &str = "not a secret";
const JAPANESE: &str = "target/demo/report.ja.txt";
const AFTERWARDS: &str = "
The same in target/demo: report.html, report.xlsx, report.json, groups.csv, events.csv, checks.csv, and report.ja.txt
in Japanese. Once more, without any server:
  cargo run --release -- report --config target/demo/config.toml";

fn v4(last: u8) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(192, 0, 2, last))
}

fn v6() -> IpAddr {
    IpAddr::V6(std::net::Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0x25))
}

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    if std::env::args_os().len() > 1 {
        return Ok(commands::run(Cli::parse()).await?.into());
    }
    // Beside the sources, wherever cargo was started; all paths below are relative, as a user would write them.
    std::env::set_current_dir(env!("CARGO_MANIFEST_DIR"))?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let port = listener.local_addr()?.port();
    let authority = Authority::new()?;
    let now = Local::now().fixed_offset();
    let account = Account {
        user: USER.to_owned(),
        password: PASSWORD.to_owned(),
    };
    let mailbox = Arc::new(mails::two_weeks_before(now)?);
    let (_dns, resolver) = dns::start(&Catalogue::built_in()?, &listed(), &named()).await?;
    set_the_table(&authority.pem(), port, resolver)?;
    tokio::select! {
        ended = imap::serve(listener, acceptor(&authority)?, Arc::new(account), mailbox) => {
            ended.context("the IMAP server of the demo ended")?;
            anyhow::bail!("the IMAP server of the demo ended")
        }
        status = scan() => {
            in_japanese()?;
            writeln!(io::stderr(), "{AFTERWARDS}")?;
            status
        }
    }
}

/// What a user would type, and nothing else.
async fn scan() -> anyhow::Result<ExitCode> {
    let cli = Cli::parse_from([
        "bounceaudit",
        "scan",
        "--config",
        "target/demo/config.toml",
        "--html",
        "target/demo/report.html",
        "--xlsx",
        "target/demo/report.xlsx",
        "--json",
        "target/demo/report.json",
        "--csv",
        "target/demo/groups.csv",
        "--events-csv",
        "target/demo/events.csv",
        "--checks-csv",
        "target/demo/checks.csv",
    ]);
    Ok(commands::run(cli).await?.into())
}

/// The report again, for a Japanese reader: a process of its own, since its stdout is a file.
fn in_japanese() -> anyhow::Result<()> {
    let status = Command::new(std::env::current_exe()?)
        .args(["report", "--config", "target/demo/config.toml", "--lang", "ja"])
        .stdout(fs::File::create(JAPANESE)?)
        .status()?;
    anyhow::ensure!(
        matches!(status.code(), Some(0 | 3)),
        "the Japanese report ended with {status}"
    );
    Ok(())
}

/// What the lists say today of two of the addresses; the others are clean.
fn listed() -> Vec<Listed> {
    vec![
        Listed {
            zone: "zen.spamhaus.org",
            ip: v4(10),
            code: Ipv4Addr::new(127, 0, 0, 3),
            text: "https://www.spamhaus.org/query/ip/192.0.2.10",
        },
        Listed {
            zone: "gmo-rbl.jp",
            ip: v4(77),
            code: Ipv4Addr::new(127, 0, 0, 2),
            text: "Poor Reputation Sender",
        },
    ]
}

fn named() -> Vec<Named> {
    vec![
        Named {
            ip: v4(10),
            name: "mx1.hosting.example.jp",
        },
        Named {
            ip: v4(60),
            name: "mx2.hosting.example.jp",
        },
        Named {
            ip: v4(77),
            name: "sv77.hosting.example.jp",
        },
        Named {
            ip: v4(99),
            name: "sv99.hosting.example.jp",
        },
        Named {
            ip: v6(),
            name: "mx6.hosting.example.jp",
        },
    ]
}

/// Everything that a user would have: a configuration, a password file, the authority's certificate, and no history.
fn set_the_table(ca: &str, port: u16, resolver: SocketAddr) -> anyhow::Result<()> {
    let folder = Path::new(FOLDER);
    if folder.exists() {
        fs::remove_dir_all(folder).with_context(|| format!("cannot clear {FOLDER}"))?;
    }
    fs::create_dir_all(folder)?;
    fs::write(folder.join("ca.pem"), ca)?;
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(folder.join("password"))?;
    writeln!(file, "{PASSWORD}")?;
    let settings = format!(
        r#"own_addresses = ["192.0.2.0/24", "2001:db8::/32", "shop.example.jp", "studio.example.jp", "iimono.example.jp"]

[[account]]
name = "postmaster"
host = "localhost"
port = {port}
user = "{USER}"
ca_file = "ca.pem"
password_file = "password"
folders = ["INBOX", "Junk", "エラーメール"]

[dns]
servers = ["{resolver}"]

[ledger]
url = "ledger.db"
"#
    );
    fs::write(folder.join("config.toml"), settings)?;
    Ok(())
}

fn acceptor(authority: &Authority) -> anyhow::Result<TlsAcceptor> {
    let leaf = authority.vouch_for(&["localhost", "127.0.0.1"])?;
    let certificate = CertificateDer::from_pem_slice(leaf.certificate.as_bytes())?;
    let key = PrivateKeyDer::from_pem_slice(leaf.key.as_bytes())?;
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}
