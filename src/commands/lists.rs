//! `bounceaudit lists`: what is known of the lists and of who keeps them.

use std::io::{self, Write};

use anyhow::Context;

use crate::catalogue::Catalogue;
use crate::cli::{Console, ListsArgs};
use crate::commands::{Outcome, outputs};
use crate::config::Config;
use crate::report::{self, Color, CsvEncoding, ListFormat};

pub(crate) fn run(args: &ListsArgs, console: Console) -> anyhow::Result<Outcome> {
    let config = Config::load(args.config.config.as_deref())?;
    let catalogue = Catalogue::load(args.catalogue.clone().or(config.catalogue).file.as_deref())?;
    let known = catalogue.meant_by(&args.filters)?;
    let mut stdout = io::BufWriter::new(io::stdout().lock());
    match args.format.unwrap_or_default() {
        ListFormat::Table => {
            let table = report::lists_table(&known, outputs::look(Color::Auto, console));
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
