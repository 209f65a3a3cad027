//! Every bounce of a ledger, for its export.

use std::path::PathBuf;

use sqlx::{Sqlite, Transaction};

use crate::ledger::error::Trouble;
use crate::ledger::{Error, Recorded, history};

/// All bounces of one moment of a ledger, some hundred at a time.
#[derive(Debug)]
pub struct Everything {
    view: Transaction<'static, Sqlite>,
    path: PathBuf,
    /// The number of the last one that was given.
    last: i64,
}

impl Everything {
    pub(super) fn of(view: Transaction<'static, Sqlite>, path: PathBuf) -> Self {
        let last = i64::MIN;
        Self { view, path, last }
    }

    /// Goes back to the first one, in the same moment of the ledger.
    pub fn rewind(&mut self) {
        self.last = i64::MIN;
    }

    /// The next ones; none when all have been given.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn next_batch(&mut self) -> Result<Vec<Recorded>, Error> {
        let here = |trouble: Trouble| trouble.at(&self.path);
        let ids = history::ids_after(&mut self.view, self.last)
            .await
            .map_err(here)?;
        self.last = ids.last().copied().unwrap_or(self.last);
        history::recorded(&mut self.view, &ids).await.map_err(here)
    }
}
