//! `bounceaudit lists`: what is known of the lists and of who keeps them, or with `--test` whether they can be believed.

use std::io::{self, Write};

use anyhow::{Context, bail};

use crate::catalogue::{Catalogue, List, ZoneFacts};
use crate::check;
use crate::cli::{Console, ListsArgs};
use crate::commands::{Outcome, console as on_stderr, outputs};
use crate::config::Config;
use crate::event::Zone;
use crate::report::{self, Color, CsvEncoding, Lang, ListFormat};

pub(crate) async fn run(args: ListsArgs, console: Console) -> anyhow::Result<Outcome> {
    let config = Config::load(args.config.config.as_deref())?;
    let lang = outputs::lang(args.lang, config.report.lang);
    let catalogue = Catalogue::load(args.catalogue.or(config.catalogue).file.as_deref())?;
    let known = catalogue.meant_by(&args.filters)?;
    let format = args.format.unwrap_or_default();
    if args.test {
        return test(
            &args.dns.or(config.dns),
            &catalogue,
            &known.lists,
            format,
            console,
            lang,
        )
        .await;
    }
    let mut stdout = io::BufWriter::new(io::stdout().lock());
    match format {
        ListFormat::Table => {
            let table = report::lists_table(&known, outputs::look(Color::Auto, console), lang)?;
            stdout.write_all(table.as_bytes())
        }
        ListFormat::Csv => {
            report::lists_csv(&known, &mut stdout, outputs::on_stdout(CsvEncoding::Utf8)).map(drop)
        }
        ListFormat::Ndjson => report::lists_ndjson(&known, &mut stdout),
    }
    .and_then(|()| stdout.flush())
    .context("stdout")?;
    Ok(Outcome::Complete)
}

/// Asks the test entries of the lists' zones, or of those that `--zone` names.
async fn test(
    dns: &check::Settings,
    catalogue: &Catalogue,
    lists: &[&List],
    format: ListFormat,
    console: Console,
    lang: Lang,
) -> anyhow::Result<Outcome> {
    if dns.no_dns {
        bail!("--test asks the DNS, and --no-dns (`no_dns` in the configuration) forbids it");
    }
    let facts: Vec<ZoneFacts> = lists.iter().flat_map(|list| list.zones()).collect();
    let zones: Vec<&Zone> = match dns.only_zones.as_slice() {
        [] => facts.iter().map(|facts| &facts.zone).collect(),
        named => named.iter().collect(),
    };
    let tested = check::test(dns, catalogue, &zones).await?;
    let mut stdout = io::stdout().lock();
    match format {
        ListFormat::Table => {
            let table = report::health_table(&tested, outputs::look(Color::Auto, console), lang)?;
            stdout.write_all(table.as_bytes())
        }
        ListFormat::Csv => {
            let destination = outputs::on_stdout(CsvEncoding::Utf8);
            report::health_csv(&tested, catalogue, &mut stdout, destination).map(drop)
        }
        ListFormat::Ndjson => report::health_ndjson(&tested, catalogue, &mut stdout),
    }
    .and_then(|()| stdout.flush())
    .context("stdout")?;
    // The table shows them itself.
    if format != ListFormat::Table {
        tested.warnings.iter().for_each(|warning| on_stderr::say(warning));
    }
    if tested.is_unanswered() {
        bail!("no resolver answered any question: check the network, or name another one with --dns IP");
    }
    Ok(Outcome::Complete)
}
