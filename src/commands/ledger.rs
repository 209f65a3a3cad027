//! `bounceaudit ledger`: where the history lies, whether it is in order, what is old, and all of it.

use std::io::{self, Write};
use std::path::Path;

use anyhow::{Context, bail};
use chrono::Local;

use crate::catalogue::Catalogue;
use crate::cli::{ExportArgs, LedgerArgs, LedgerCommand, PruneArgs};
use crate::commands::masking::Masking;
use crate::commands::sink::{Sink, is_stdout};
use crate::commands::{Outcome, console};
use crate::config::Config;
use crate::ledger::{Ledger, Settings};
use crate::report;

pub(crate) async fn run(command: LedgerCommand) -> anyhow::Result<Outcome> {
    match command {
        LedgerCommand::Path(args) => path(args),
        LedgerCommand::Check(args) => check(args).await,
        LedgerCommand::Prune(args) => prune(args).await,
        LedgerCommand::Export(args) => export(args).await,
    }
}

fn settings(args: LedgerArgs) -> anyhow::Result<Settings> {
    let config = Config::load(args.config.config.as_deref())?;
    Ok(args.ledger.or(config.ledger))
}

fn path(args: LedgerArgs) -> anyhow::Result<Outcome> {
    let path = Ledger::file(&settings(args)?)?;
    let mut stdout = io::stdout().lock();
    // A name need not be UTF-8, and a script that gets it has to find the file by it.
    stdout
        .write_all(path.as_os_str().as_encoded_bytes())
        .and_then(|()| stdout.write_all(b"\n"))
        .context("stdout")?;
    if !path.try_exists().with_context(|| path.display().to_string())? {
        console::say("there is no file of this name yet; `bounceaudit scan` makes it");
    }
    Ok(Outcome::Complete)
}

async fn check(args: LedgerArgs) -> anyhow::Result<Outcome> {
    let ledger = Ledger::open_to_inspect(&settings(args)?).await?;
    let mut stdout = io::BufWriter::new(io::stdout());
    let (mut faults, mut written) = (0_u64, Ok(()));
    let tell = |fault| {
        faults += 1;
        if written.is_ok() {
            written = writeln!(stdout, "{}", report::visible(&format!("{fault}")));
        }
    };
    let holdings = ledger.inspect(tell).await;
    written.and_then(|()| stdout.flush()).context("stdout")?;
    let holdings = holdings?;
    let file = ledger.path().display().to_string();
    ledger.close().await;
    match faults {
        0 => {}
        1 => bail!("{file}: 1 trouble; restore a copy, or delete the file and scan again with --full"),
        _ => {
            bail!("{file}: {faults} troubles; restore a copy, or delete the file and scan again with --full")
        }
    }
    let line = format!(
        "{file}: schema {}, {} bounces, {} mails, {} answers: in order",
        holdings.schema, holdings.bounces, holdings.mails, holdings.answers
    );
    writeln!(stdout, "{}", report::visible(&line))
        .and_then(|()| stdout.flush())
        .context("stdout")?;
    Ok(Outcome::Complete)
}

async fn prune(args: PruneArgs) -> anyhow::Result<Outcome> {
    let mut settings = settings(args.place)?;
    settings.keep = args.older_than.or(settings.keep);
    if settings.keep.is_none() {
        console::say(
            "nothing says how old is too old: give --older-than 400d, or write keep = \"400d\" under [ledger] into the configuration file",
        );
        return Ok(Outcome::WrongUsage);
    }
    let ledger = Ledger::open_existing(&settings).await?;
    let dropped = ledger.prune(Local::now().fixed_offset()).await?;
    ledger.close().await;
    let bounces = if dropped == 1 { "bounce" } else { "bounces" };
    writeln!(io::stdout(), "dropped {dropped} {bounces}").context("stdout")?;
    Ok(Outcome::Complete)
}

async fn export(args: ExportArgs) -> anyhow::Result<Outcome> {
    let config = Config::load(args.place.config.config.as_deref())?;
    let mut masking = match args.mask {
        true => Masking::of(true, &Catalogue::load(config.catalogue.file.as_deref())?)?,
        false => Masking::none(),
    };
    let ledger = Ledger::open_existing(&args.place.ledger.or(config.ledger)).await?;
    let file = args.ndjson.as_path();
    if !is_stdout(file) {
        refuse_the_ledger_itself(file, &ledger)?;
    }
    let mut sink = Sink::open(file)?;
    let written = write_all(&ledger, &mut masking, &mut sink).await;
    written.with_context(|| format!("cannot write {}", sink.shown))?;
    sink.finish()?;
    ledger.close().await;
    Ok(Outcome::Complete)
}

async fn write_all(ledger: &Ledger, masking: &mut Masking, mut out: impl Write) -> anyhow::Result<()> {
    let mut everything = ledger.everything().await?;
    masking.meet_everything(&mut everything).await?;
    loop {
        let bounces = everything.next_batch().await?;
        if bounces.is_empty() {
            break;
        }
        report::recorded_ndjson(&masking.bounces(bounces), &mut out)?;
    }
    Ok(())
}

fn refuse_the_ledger_itself(file: &Path, ledger: &Ledger) -> anyhow::Result<()> {
    match (file.canonicalize(), ledger.path().canonicalize()) {
        (Ok(file), Ok(ledger)) if file == ledger => {
            bail!(
                "{} is the ledger itself; name another file with --ndjson",
                file.display()
            )
        }
        _ => Ok(()),
    }
}
