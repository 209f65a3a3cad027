//! The ledger's doors, and the database behind them: SQLite through sqlx, in SQL that PostgreSQL can take too.

use std::fs;
use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use sqlx::pool::PoolOptions;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePool, SqliteSynchronous};
use sqlx::{ConnectOptions, Sqlite, Transaction};

use crate::check::{Checked, Known};
use crate::event::{Position, ReceivingDomain, Timestamp};
use crate::ledger::error::Trouble;
use crate::ledger::{
    Error, Everything, Fault, History, Holdings, KeptMail, Note, Reading, Recorded, Remark, Settings, Window,
    answers, history, inspect, kept, notes, place, record, upkeep,
};

/// How long to wait for another process that writes, and how often to look.
const BUSY_WAIT: Duration = Duration::from_secs(5);
const BUSY_PAUSE: Duration = Duration::from_millis(50);
/// Rows that the database's thread may be ahead: at its 50 the two threads wait for each other all the time.
const ROWS_AHEAD: usize = 300;
/// What brings an older ledger up to date, one step a version. A step that has been released is never changed.
const MIGRATIONS: [&str; 7] = [
    include_str!("schema.sql"),
    include_str!("schema_2.sql"),
    include_str!("schema_3.sql"),
    include_str!("schema_4.sql"),
    include_str!("schema_5.sql"),
    include_str!("schema_6.sql"),
    include_str!("schema_7.sql"),
];

/// An open ledger.
#[derive(Debug)]
pub struct Ledger {
    pool: SqlitePool,
    path: PathBuf,
    keep: Option<Duration>,
}

impl Ledger {
    /// Opens a ledger that is there already: a mistyped name must not read as an empty history.
    ///
    /// # Errors
    /// When there is no such file, with `no_ledger`, and as [`Ledger::open`].
    pub async fn open_existing(settings: &Settings) -> Result<Self, Error> {
        let path = Self::file(settings)?;
        match path.try_exists() {
            Ok(false) => Err(Error::Missing { path }),
            Ok(true) => Self::open(settings).await,
            Err(source) => Err(Error::File { path, source }),
        }
    }

    /// Opens a ledger that is there already, as it is: through this value nothing in it can be changed, and one of an
    /// earlier version is not brought up to date.
    ///
    /// # Errors
    /// When there is no such file, with `no_ledger`, and when the file cannot be opened, holds something else or was
    /// written by a later version.
    pub async fn open_to_inspect(settings: &Settings) -> Result<Self, Error> {
        let path = Self::file(settings)?;
        match fs::metadata(&path) {
            Ok(found) if found.is_dir() => {
                let source = io::ErrorKind::IsADirectory.into();
                return Err(Error::File { path, source });
            }
            Ok(_) => {}
            Err(source) if source.kind() == io::ErrorKind::NotFound => return Err(Error::Missing { path }),
            Err(source) => return Err(Error::File { path, source }),
        }
        let options = SqliteConnectOptions::new().filename(&path);
        let ledger = Self::connect(options.pragma("query_only", "ON"), path, settings.keep).await?;
        match ledger.version().await? {
            0 => Err(Error::NotADatabase { path: ledger.path }),
            _ => Ok(ledger),
        }
    }

    /// The file that the settings name, whether it is there or not.
    ///
    /// # Errors
    /// With `no_ledger`, when the settings name no file but a URL, and when there is no home directory.
    pub fn file(settings: &Settings) -> Result<PathBuf, Error> {
        match settings.no_ledger {
            true => Err(Error::NoHistory),
            false => place::file(settings),
        }
    }

    /// Opens the ledger that the settings name and makes it where there is none; with `no_ledger` one in memory that
    /// ends with this value.
    ///
    /// # Errors
    /// When the file or its folder cannot be made or opened, holds something else, was written by a later version, or
    /// is kept by another process; and when the settings name no file but a URL.
    pub async fn open(settings: &Settings) -> Result<Self, Error> {
        let (options, path) = if settings.no_ledger {
            let options = SqliteConnectOptions::new().in_memory(true);
            (options, PathBuf::from(":memory:"))
        } else {
            let path = place::file(settings)?;
            place::make(&path)?;
            (SqliteConnectOptions::new().filename(&path), path)
        };
        let ledger = Self::connect(options, path, settings.keep).await?;
        ledger.bring_up_to_date().await?;
        Ok(ledger)
    }

    async fn connect(
        options: SqliteConnectOptions,
        path: PathBuf,
        keep: Option<Duration>,
    ) -> Result<Self, Error> {
        let options = options
            .busy_timeout(BUSY_WAIT)
            .foreign_keys(true)
            .row_buffer_size(ROWS_AHEAD)
            .synchronous(SqliteSynchronous::Full)
            .disable_statement_logging();
        // One connection that is never given up: a ledger in memory lives and dies with it.
        let pool = PoolOptions::new()
            .max_connections(1)
            .min_connections(1)
            .idle_timeout(None)
            .max_lifetime(None)
            .test_before_acquire(false)
            .connect_with(options)
            .await
            .map_err(|source| Trouble::from(source).at(&path))?;
        Ok(Self { pool, path, keep })
    }

    /// The file, or `:memory:`.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// How far each folder has been read.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn positions(&self) -> Result<Vec<Position>, Error> {
        let mut view = self.view().await?;
        let positions = history::positions(&mut view).await;
        positions.map_err(self.here())
    }

    /// Records what was read: all of it, or (after an error) nothing. The same mails again change nothing; a more
    /// complete reading of a bounce takes the place of a poorer one. Gives the number of bounces that are new.
    ///
    /// # Errors
    /// When the database cannot be written, or another process keeps it.
    pub async fn record(&self, reading: Reading<'_>) -> Result<usize, Error> {
        let mut transaction = self.write().await?;
        let recorded = record::record(&mut transaction, &reading).await;
        let new = recorded.map_err(self.here())?;
        self.commit(transaction).await?;
        Ok(new)
    }

    /// Keeps answers of the DNS. The same answer twice is kept once.
    ///
    /// # Errors
    /// When the database cannot be written, or another process keeps it.
    pub async fn record_checks(&self, checked: &Checked) -> Result<(), Error> {
        let mut transaction = self.write().await?;
        let recorded = upkeep::record_checks(&mut transaction, checked).await;
        recorded.map_err(self.here())?;
        self.commit(transaction).await
    }

    /// The newest answers of the DNS about these addresses and domains.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn known(&self, ips: &[IpAddr], domains: &[ReceivingDomain]) -> Result<Known, Error> {
        let mut view = self.view().await?;
        let known = answers::known(&mut view, ips, domains).await;
        known.map_err(self.here())
    }

    /// Everything that a report of this window needs.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn history(&self, window: &Window) -> Result<History, Error> {
        let mut view = self.view().await?;
        let history = history::history(&mut view, window).await;
        history.map_err(self.here())
    }

    /// Reads again what the DNS said of what is blocked, after [`Ledger::record_checks`].
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn answers(&self, history: &mut History) -> Result<(), Error> {
        let mut view = self.view().await?;
        let answers = history::answers(&mut view, history).await;
        answers.map_err(self.here())
    }

    /// The whole of some bounces, by the numbers that they have in a [`History`], in that order.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn recorded(&self, ids: &[i64]) -> Result<Vec<Recorded>, Error> {
        let mut view = self.view().await?;
        let recorded = history::recorded(&mut view, ids).await;
        recorded.map_err(self.here())
    }

    /// The bounces about an address that are kept whole (`None`: about blocks that name none), the newest first.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn kept_mails(&self, ip: Option<IpAddr>) -> Result<Vec<KeptMail>, Error> {
        let mut view = self.view().await?;
        let mails = kept::mails(&mut view, ip).await;
        mails.map_err(self.here())
    }

    /// Keeps a remark about an address, and gives whether any bounce here speaks of that address.
    ///
    /// # Errors
    /// When the database cannot be written, or another process keeps it.
    pub async fn note(&self, ip: IpAddr, remark: &Remark, now: Timestamp) -> Result<bool, Error> {
        let note = Note {
            ip: ip.to_canonical(),
            remark: remark.clone(),
            noted_at: now,
        };
        let mut transaction = self.write().await?;
        let noted = notes::add(&mut transaction, &note).await;
        let is_known = noted.map_err(self.here())?;
        self.commit(transaction).await?;
        Ok(is_known)
    }

    /// Remembers that a report of this series was made.
    ///
    /// # Errors
    /// When the database cannot be written, or another process keeps it.
    pub async fn mark_report(&self, series: &str, now: Timestamp) -> Result<(), Error> {
        let mut transaction = self.write().await?;
        let marked = upkeep::mark_report(&mut transaction, series, now).await;
        marked.map_err(self.here())?;
        self.commit(transaction).await
    }

    /// Drops the bounces that are older than the setting `keep`, and what only they needed; without that setting
    /// nothing. Gives their number.
    ///
    /// # Errors
    /// When the database cannot be written, or another process keeps it.
    pub async fn prune(&self, now: Timestamp) -> Result<u64, Error> {
        let Some(oldest) = self.keep.and_then(|keep| {
            let seconds = i64::try_from(keep.as_secs()).ok()?;
            now.timestamp().checked_sub(seconds)
        }) else {
            return Ok(0);
        };
        let mut transaction = self.write().await?;
        let pruned = upkeep::prune(&mut transaction, oldest).await;
        let pruned = pruned.map_err(self.here())?;
        self.commit(transaction).await?;
        tracing::debug!(pruned, "bounces older than keep");
        Ok(pruned)
    }

    /// Looks whether the ledger holds what it promises, hands over each fault as it is found, and gives what it holds
    /// (nothing of a file that is damaged).
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn inspect(&self, mut tell: impl FnMut(Fault)) -> Result<Holdings, Error> {
        let mut view = self.view().await?;
        let schema = self.version_in(&mut view).await?;
        let holdings = inspect::inspect(&mut view, schema, &mut tell).await;
        holdings.map_err(self.here())
    }

    /// Every bounce, whole, in the order of the numbers; see [`Everything`].
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn everything(&self) -> Result<Everything, Error> {
        Ok(Everything::of(self.view().await?, self.path.clone()))
    }

    /// Ends the connection in order, so that the file stands alone.
    pub async fn close(self) {
        self.pool.close().await;
    }

    fn here(&self) -> impl FnOnce(Trouble) -> Error {
        |trouble| trouble.at(&self.path)
    }

    /// A moment of the ledger that nobody's writing changes.
    async fn view(&self) -> Result<Transaction<'static, Sqlite>, Error> {
        let begun = self.pool.begin().await;
        begun.map_err(|source| self.here()(source.into()))
    }

    /// The right to write, for which SQLite waits as long as `BUSY_WAIT`. A transaction that asks for it only at its
    /// first change is turned away at once when somebody else wrote since it began.
    async fn write(&self) -> Result<Transaction<'static, Sqlite>, Error> {
        let begun = self.pool.begin_with("BEGIN IMMEDIATE").await;
        begun.map_err(|source| self.here()(source.into()))
    }

    async fn commit(&self, transaction: Transaction<'static, Sqlite>) -> Result<(), Error> {
        let committed = transaction.commit().await;
        committed.map_err(|source| self.here()(source.into()))
    }

    /// Looks whose file this is before anything in it is changed.
    async fn bring_up_to_date(&self) -> Result<(), Error> {
        if self.version().await? < MIGRATIONS.len() {
            self.write_ahead().await?;
            self.migrate().await?;
        }
        Ok(())
    }

    /// The version of the ledger in the file; 0 when the file is empty.
    async fn version(&self) -> Result<usize, Error> {
        let mut view = self.view().await?;
        self.version_in(&mut view).await
    }

    async fn version_in(&self, transaction: &mut Transaction<'static, Sqlite>) -> Result<usize, Error> {
        let found = history::version(transaction).await.map_err(self.here())?;
        let path = || self.path.clone();
        match found {
            history::Found::Nothing => Ok(0),
            history::Found::Foreign => Err(Error::Foreign { path: path() }),
            history::Found::Ledger { version, program } => usize::try_from(version)
                .ok()
                .filter(|version| *version <= MIGRATIONS.len())
                .ok_or_else(|| Error::Newer {
                    path: path(),
                    found: version,
                    known: MIGRATIONS.len(),
                    program,
                }),
        }
    }

    async fn migrate(&self) -> Result<(), Error> {
        let mut transaction = self.write().await?;
        // Another process may have done it while this one waited.
        let have = self.version_in(&mut transaction).await?;
        for (version, step) in (1i64..).zip(MIGRATIONS).skip(have) {
            let migrated = upkeep::migrate(&mut transaction, version, step).await;
            migrated.map_err(self.here())?;
        }
        self.commit(transaction).await
    }

    /// Turns on write-ahead logging, so that a report can be read while a scan writes. It stays on in the file.
    /// SQLite wants the file to itself for that and does not wait for it.
    async fn write_ahead(&self) -> Result<(), Error> {
        let begun = Instant::now();
        loop {
            let set = sqlx::query("PRAGMA journal_mode = WAL").execute(&self.pool).await;
            match set.map_err(|source| self.here()(source.into())) {
                Err(Error::Busy { .. }) if begun.elapsed() < BUSY_WAIT => {
                    tokio::time::sleep(BUSY_PAUSE).await
                }
                Err(error) => return Err(error),
                Ok(_) => return Ok(()),
            }
        }
    }
}
