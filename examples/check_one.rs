//! Asks DNS blocklists about one address and prints what they say:
//!
//! `cargo run --example check_one 203.0.113.5 [RESOLVER [ZONE…]]`

use std::io::Write as _;
use std::net::IpAddr;

use anyhow::Context as _;
use bounceaudit::catalogue::Catalogue;
use bounceaudit::check::{self, Known, Ptr, Questions, Settings};
use bounceaudit::event::Zone;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let ip: IpAddr = arguments.next().context("which address?")?.parse()?;
    let resolver = arguments.next().map(|resolver| resolver.parse()).transpose()?;
    let settings = Settings {
        servers: resolver.into_iter().collect(),
        only_zones: arguments.map(Zone::from).collect(),
        ..Settings::default()
    };
    let now = chrono::Local::now().fixed_offset();
    let questions = Questions {
        ips: &[ip],
        zones: &[],
        domains: &[],
        known: &Known::default(),
    };
    let checked = check::all(&settings, &Catalogue::built_in()?, questions, now).await?;
    let mut out = std::io::stdout().lock();
    for listing in &checked.listings {
        let (zone, word) = (&listing.zone, listing.answer.word());
        let why = listing.meaning.as_deref().unwrap_or_default();
        let text = listing.text.as_deref().unwrap_or_default();
        writeln!(out, "{zone:30} {word:10} {why} {text}")?;
    }
    for names in &checked.names {
        match &names.ptr {
            Ptr::Confirmed(name) => writeln!(out, "{} is {name}, which leads back to it", names.ip)?,
            Ptr::Unconfirmed(names) => {
                writeln!(out, "{ip} says it is {}, and none leads back", names.join(" "))?
            }
            Ptr::None => writeln!(out, "{} has no name", names.ip)?,
            Ptr::Unknown(why) => writeln!(out, "{}: {why}", names.ip)?,
        }
    }
    for warning in &checked.warnings {
        writeln!(out, "warning: {warning}")?;
    }
    Ok(())
}
