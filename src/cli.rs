//! Subcommands and help; no logic. Each room's options are declared in that room's `Settings`.

use std::net::IpAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::catalogue;
use crate::check;
use crate::ledger;
use crate::mailbox;
use crate::report;

/// Reads the bounces in a postmaster's mailbox and reports which of your IPs are blocked, by which list, and who may
/// ask for removal.
#[derive(Clone, Debug, Parser)]
#[command(version, arg_required_else_help = true, after_help = EXIT_STATUS)]
pub struct Cli {
    /// What all subcommands take.
    #[command(flatten)]
    pub console: Console,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

const EXIT_STATUS: &str = "Exit status:
  0  done, and the report is complete
  1  nothing could be done: configuration, login, no network
  2  wrong usage
  3  done in part: an account, a folder or a message could not be read or understood; the report names what is missing
  4  done, and --fail-on found what it names";

/// What goes to stderr.
#[derive(Clone, Copy, Debug, Args)]
pub struct Console {
    /// Say on stderr what is being done; twice for more
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
    /// Show progress on stderr [default: auto, on a terminal]
    #[arg(
        hide_short_help = true,
        long,
        global = true,
        value_name = "WHEN",
        default_value = "auto",
        hide_default_value = true
    )]
    pub progress: Progress,
}

/// When a progress bar is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Progress {
    /// When stderr is a terminal.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// The subcommands.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// Walk the mailboxes, record new bounces, check every blocked IP, print the report
    Scan(Box<ScanArgs>),
    /// Print the report again from the ledger; asks nothing of the network
    Report(Box<ReportArgs>),
    /// Read mails from files and print their events; no network, no ledger
    Classify(ClassifyArgs),
    /// Ask the DNS blocklists about addresses
    Check(CheckArgs),
    /// Print what is known of blocklists, receivers and hosting companies; no network, unless with --test
    Lists(ListsArgs),
    /// Write a support ticket or a removal request for an IP, with the evidence from the ledger; sends nothing
    Draft(Box<DraftArgs>),
    /// Keep a dated remark about an address in the ledger; the report shows it
    Note(NoteArgs),
    /// Look after the ledger: where it lies, whether it is in order, what is old, all of it as NDJSON
    #[command(subcommand)]
    Ledger(LedgerCommand),
    /// Print the completions of a shell, for the shell to load
    Completions(CompletionsArgs),
    /// Print the manual page of the program or of one of its commands
    Man(ManArgs),
}

/// `bounceaudit scan`
#[derive(Clone, Debug, Args)]
#[command(
    after_help = "Examples:\n  bounceaudit scan --host imap.example.jp --user postmaster@example.jp\n  bounceaudit scan --since 14d --html report.html --xlsx report.xlsx\n  bounceaudit scan --quiet --new --fail-on blocked"
)]
pub struct ScanArgs {
    /// Accounts of the configuration file to read [default: all]
    #[arg(value_name = "ACCOUNT")]
    pub accounts: Vec<String>,
    /// Where the configuration lies.
    #[command(flatten)]
    pub config: ConfigFile,
    /// What is known beside what the program knows.
    #[command(flatten)]
    pub catalogue: catalogue::Settings,
    /// Read the folders again from the start; never counts a bounce twice
    #[arg(hide_short_help = true, long)]
    pub full: bool,
    /// How many accounts are read at a time
    #[arg(hide_short_help = true, long, value_name = "N", default_value = "4")]
    pub parallel: NonZeroUsize,
    /// One mailbox without a file, or settings over those of the file.
    #[command(flatten, next_help_heading = "Mailbox")]
    pub mailbox: mailbox::Settings,
    /// Which zones to ask, and how.
    #[command(flatten, next_help_heading = "DNS")]
    pub dns: check::Settings,
    /// Where history lies.
    #[command(flatten, next_help_heading = "History")]
    pub ledger: ledger::Settings,
    /// What is printed.
    #[command(flatten, next_help_heading = "Report")]
    pub report: report::Settings,
}

/// `bounceaudit report`
#[derive(Clone, Debug, Args)]
#[command(
    after_help = "Examples:\n  bounceaudit report --since 7d --lang ja\n  bounceaudit report --mask --html week.html --csv blocked.csv\n  bounceaudit report --email-format --email-to postmaster@example.jp | sendmail -t"
)]
pub struct ReportArgs {
    /// Where the configuration lies.
    #[command(flatten)]
    pub config: ConfigFile,
    /// What is known beside what the program knows.
    #[command(flatten)]
    pub catalogue: catalogue::Settings,
    /// Where history lies.
    #[command(flatten, next_help_heading = "History")]
    pub ledger: ledger::Settings,
    /// What is printed.
    #[command(flatten, next_help_heading = "Report")]
    pub report: report::Settings,
    /// As a mail.
    #[command(flatten, next_help_heading = "Mail")]
    pub email: EmailArgs,
}

/// `bounceaudit report --email-format`
#[derive(Clone, Debug, Args)]
pub struct EmailArgs {
    /// Print a mail for `sendmail -t`: the report as text and as a page, the groups as CSV attached
    #[arg(long)]
    pub email_format: bool,
    /// Whom the mail is to, repeatable [default: MAILTO, as cron has it]
    #[arg(
        hide_short_help = true,
        long,
        value_name = "ADDRESS",
        env = "BOUNCEAUDIT_EMAIL_TO",
        value_delimiter = ','
    )]
    pub email_to: Vec<report::Correspondent>,
    /// Whom the mail is from [default: the first that it is to]
    #[arg(
        hide_short_help = true,
        long,
        value_name = "ADDRESS",
        env = "BOUNCEAUDIT_EMAIL_FROM"
    )]
    pub email_from: Option<report::Correspondent>,
}

/// `bounceaudit classify`
#[derive(Clone, Debug, Args)]
#[command(
    after_help = "Examples:\n  bounceaudit classify bounce.eml\n  bounceaudit classify --mask --format csv Maildir/ > bounces.csv"
)]
pub struct ClassifyArgs {
    /// Mails (.eml), mbox files, Maildirs, folders of those, or `-` for stdin
    #[arg(required = true, value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// Where the configuration lies.
    #[command(flatten)]
    pub config: ConfigFile,
    /// What is known beside what the program knows.
    #[command(flatten)]
    pub catalogue: catalogue::Settings,
    /// What goes to stdout [default: table on a terminal, else ndjson]
    #[arg(long, value_name = "FORMAT")]
    pub format: Option<report::OutputFormat>,
    /// Hide who people are: the part before the @ of every address
    #[arg(long, env = "BOUNCEAUDIT_MASK")]
    pub mask: bool,
    /// Language of what is for people [default: that of the locale]
    #[arg(long, value_name = "LANG", env = "BOUNCEAUDIT_LANG")]
    pub lang: Option<report::Lang>,
}

/// `bounceaudit check`
#[derive(Clone, Debug, Args)]
#[command(
    after_help = "Examples:\n  bounceaudit check 192.0.2.10\n  bounceaudit check --format csv - < ips.txt"
)]
pub struct CheckArgs {
    /// Addresses, networks up to /24 (IPv6: /120), host names, or `-` for a list of those on stdin
    #[arg(required = true, value_name = "IP")]
    pub targets: Vec<check::Target>,
    /// Where the configuration lies.
    #[command(flatten)]
    pub config: ConfigFile,
    /// What is known beside what the program knows.
    #[command(flatten)]
    pub catalogue: catalogue::Settings,
    /// What goes to stdout [default: table]
    #[arg(long, value_name = "FORMAT")]
    pub format: Option<report::CheckFormat>,
    /// Language of what is for people [default: that of the locale]
    #[arg(long, value_name = "LANG", env = "BOUNCEAUDIT_LANG")]
    pub lang: Option<report::Lang>,
    /// Which zones to ask, and how.
    #[command(flatten, next_help_heading = "DNS")]
    pub dns: check::Settings,
}

/// `bounceaudit lists`
#[derive(Clone, Debug, Args)]
#[command(after_help = "Examples:\n  bounceaudit lists S3150\n  bounceaudit lists --test zen.spamhaus.org")]
pub struct ListsArgs {
    /// Part of an id, name, operator, zone, code or page, a host or its domain, a mail address, a piece of a reply, in
    /// any case; several show more [default: all]
    #[arg(value_name = "FILTER")]
    pub filters: Vec<String>,
    /// Where the configuration lies.
    #[command(flatten)]
    pub config: ConfigFile,
    /// What is known beside what the program knows.
    #[command(flatten)]
    pub catalogue: catalogue::Settings,
    /// What goes to stdout [default: table]
    #[arg(long, value_name = "FORMAT")]
    pub format: Option<report::ListFormat>,
    /// Language of what is for people [default: that of the locale]
    #[arg(long, value_name = "LANG", env = "BOUNCEAUDIT_LANG")]
    pub lang: Option<report::Lang>,
    /// Ask the test entries of each zone (RFC 5782) instead, and print which lists can be believed
    #[arg(long)]
    pub test: bool,
    /// How to ask.
    #[command(flatten, next_help_heading = "DNS, with --test")]
    pub dns: check::Settings,
}

/// `bounceaudit draft`
#[derive(Clone, Debug, Args)]
#[command(
    after_help = "The text goes to stdout: first lines that begin with # and are for you alone (who may ask, what they \
want, how long it takes, what never to do), then subject and body with blanks to fill in.\n\n\
Example: bounceaudit draft 192.0.2.10 --lang ja --attach request > request.txt"
)]
pub struct DraftArgs {
    /// The refused address
    #[arg(value_name = "IP")]
    pub ip: IpAddr,
    /// Whom to write to [default: chosen by the last refusal, the catalogue, `own_addresses` and `ask_via`]
    #[arg(long, value_name = "WHOM")]
    pub to: Option<report::Addressee>,
    /// Write up to three of the newest bounces into this folder to be attached, whole, names of people hidden
    #[arg(long, value_name = "DIR")]
    pub attach: Option<PathBuf>,
    /// Only mail sent then or later: a day (2021-12-27), or how long ago (7d, 36h) [default: everything]
    #[arg(long, value_name = "WHEN", env = "BOUNCEAUDIT_SINCE")]
    pub since: Option<report::When>,
    /// Only mail sent before then; a day counts as a whole [default: everything]
    #[arg(long, value_name = "WHEN", env = "BOUNCEAUDIT_UNTIL")]
    pub until: Option<report::When>,
    /// Language of the draft [default: that of the locale]
    #[arg(long, value_name = "LANG", env = "BOUNCEAUDIT_LANG")]
    pub lang: Option<report::Lang>,
    /// Hide who people are: the part before the @ of every address
    #[arg(long, env = "BOUNCEAUDIT_MASK")]
    pub mask: bool,
    /// Timestamps in UTC [default: the local zone]
    #[arg(long)]
    pub utc: bool,
    /// Where the configuration lies.
    #[command(flatten)]
    pub config: ConfigFile,
    /// What is known beside what the program knows.
    #[command(flatten)]
    pub catalogue: catalogue::Settings,
    /// Where history lies.
    #[command(flatten, next_help_heading = "History")]
    pub ledger: ledger::Settings,
}

/// `bounceaudit note`
#[derive(Clone, Debug, Args)]
#[command(after_help = "Example: bounceaudit note 192.0.2.10 \"asked the hosting company, ticket 1234\"")]
pub struct NoteArgs {
    /// The address that the remark is about
    #[arg(value_name = "IP")]
    pub ip: IpAddr,
    /// What was done; line breaks become blanks
    #[arg(value_name = "TEXT")]
    pub text: ledger::Remark,
    /// Where the configuration lies.
    #[command(flatten)]
    pub config: ConfigFile,
    /// Where history lies.
    #[command(flatten, next_help_heading = "History")]
    pub ledger: ledger::Settings,
}

/// `bounceaudit ledger`
#[derive(Clone, Debug, Subcommand)]
pub enum LedgerCommand {
    /// Print the file's path, also where the file is not there yet
    #[command(
        after_help = "Example: sqlite3 \"$(bounceaudit ledger path)\" \".backup /var/backups/ledger.db\""
    )]
    Path(LedgerArgs),
    /// Look whether the ledger is in order; changes nothing, and ends with status 1 when it is not
    #[command(after_help = "Example: bounceaudit ledger check --ledger /var/backups/ledger.db")]
    Check(LedgerArgs),
    /// Drop bounces that are older than a span, and what only they needed
    #[command(after_help = "Example: bounceaudit ledger prune --older-than 400d")]
    Prune(PruneArgs),
    /// Write every bounce, each once with all places where it lies
    #[command(after_help = "Example: bounceaudit ledger export --ndjson - | jq -r .recipient")]
    Export(ExportArgs),
}

/// `bounceaudit ledger path` and `bounceaudit ledger check`
#[derive(Clone, Debug, Args)]
pub struct LedgerArgs {
    /// Where the configuration lies.
    #[command(flatten)]
    pub config: ConfigFile,
    /// Where history lies.
    #[command(flatten, next_help_heading = "History")]
    pub ledger: ledger::Settings,
}

/// `bounceaudit ledger prune`
#[derive(Clone, Debug, Args)]
pub struct PruneArgs {
    /// How old is too old, such as `400d` [default: `keep` of the configuration file]
    #[arg(long, value_name = "SPAN", value_parser = humantime::parse_duration)]
    pub older_than: Option<Duration>,
    /// Which ledger.
    #[command(flatten)]
    pub place: LedgerArgs,
}

/// `bounceaudit ledger export`
#[derive(Clone, Debug, Args)]
pub struct ExportArgs {
    /// The file to write, or `-` for stdout: the fields of an event, `sources` and `recorded_at`, an event a line
    #[arg(long, value_name = "FILE")]
    pub ndjson: PathBuf,
    /// Hide who people are: the part before the @ of every address. An export may be a backup: `mask = true` of the
    /// configuration and BOUNCEAUDIT_MASK do not hide anybody in it
    #[arg(long)]
    pub mask: bool,
    /// Which ledger.
    #[command(flatten)]
    pub place: LedgerArgs,
}

/// `bounceaudit completions`
#[derive(Clone, Debug, Args)]
#[command(
    after_help = "Example: bounceaudit completions bash > ~/.local/share/bash-completion/completions/bounceaudit"
)]
pub struct CompletionsArgs {
    /// The shell
    #[arg(value_name = "SHELL")]
    pub shell: clap_complete::Shell,
}

/// `bounceaudit man`
#[derive(Clone, Debug, Args)]
#[command(after_help = "Example: bounceaudit man scan | man -l -")]
pub struct ManArgs {
    /// The command, such as `scan` or `ledger prune` [default: the program]
    #[arg(value_name = "COMMAND")]
    pub command: Vec<String>,
}

/// Where the configuration lies.
#[derive(Clone, Debug, Args)]
pub struct ConfigFile {
    /// TOML file with accounts and settings [default: $XDG_CONFIG_HOME/bounceaudit/config.toml]
    #[arg(long, value_name = "FILE", env = "BOUNCEAUDIT_CONFIG")]
    pub config: Option<PathBuf>,
}
