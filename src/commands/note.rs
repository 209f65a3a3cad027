//! `bounceaudit note`: a dated remark about an address, kept in the ledger.

use std::io::{self, Write};

use anyhow::Context;
use chrono::Local;

use crate::cli::NoteArgs;
use crate::commands::{Outcome, console as on_stderr};
use crate::config::Config;
use crate::ledger::Ledger;
use crate::report;

pub(crate) async fn run(args: NoteArgs) -> anyhow::Result<Outcome> {
    let config = Config::load(args.config.config.as_deref())?;
    let ledger = Ledger::open_existing(&args.ledger.or(config.ledger)).await?;
    let now = Local::now().fixed_offset();
    let is_known = ledger.note(args.ip, &args.text, now).await?;
    ledger.close().await;
    let ip = args.ip.to_canonical();
    if !is_known {
        on_stderr::say(&format!(
            "no bounce in the ledger speaks of {ip}; the note is kept, and the report shows it once one does"
        ));
    }
    let line = format!("{ip}  {}  {}", now.format("%Y-%m-%d %H:%M"), args.text);
    writeln!(io::stdout(), "{}", report::visible(&line)).context("stdout")?;
    Ok(Outcome::Complete)
}
