//! Writes what was read: every different reading of every mail as a sighting, and how far each folder has come.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use sqlx::SqliteConnection;

use crate::event::{Event, FolderRef, NotUnderstood, Position, Source, Timestamp, Verdict};
use crate::ledger::error::Trouble;
use crate::ledger::history::from_body;
use crate::ledger::identity::{bucket, heads};
use crate::ledger::regroup::{Touched, regroup};
use crate::ledger::rows::{self, NewSighting, NewSource};
use crate::ledger::{Reading, kept};

/// Records a reading and gives by how many bounces the ledger has grown.
pub(super) async fn record(db: &mut SqliteConnection, reading: &Reading<'_>) -> Result<usize, Trouble> {
    let mut recorder = Recorder {
        db: &mut *db,
        now: reading.now,
        folders: BTreeMap::new(),
        sources: HashMap::new(),
        new_sources: BTreeSet::new(),
        new: Vec::new(),
        touched: Vec::new(),
        left: BTreeSet::new(),
    };
    let mut by_source: BTreeMap<&Source, Vec<&Event>> = BTreeMap::new();
    for event in reading.events {
        by_source.entry(&event.source).or_default().push(event);
    }
    recorder.number(by_source.keys().copied().collect()).await?;
    for (source, events) in by_source {
        recorder.understood(source, &events).await?;
    }
    recorder.store_new().await?;
    for mail in reading.not_understood {
        recorder.not_understood(mail).await?;
    }
    recorder.no_bounces(reading.no_bounces).await?;
    if let Some(position) = reading.position {
        recorder.position(position).await?;
    }
    let grown = regroup(recorder.db, recorder.touched, recorder.left, reading.now).await?;
    kept::keep(db, reading.mails).await?;
    Ok(grown)
}

struct Recorder<'a> {
    db: &'a mut SqliteConnection,
    now: Timestamp,
    /// Numbers of the folders met so far.
    folders: BTreeMap<FolderRef, i64>,
    /// Numbers of mails, by their places.
    sources: HashMap<String, i64>,
    /// Those among them that were not known.
    new_sources: BTreeSet<i64>,
    /// Readings that are not stored yet.
    new: Vec<NewSighting>,
    touched: Vec<Touched>,
    /// Events that lost a sighting.
    left: BTreeSet<i64>,
}

/// One reading of one mail, stored (with a number) or about to be.
struct Sighting {
    id: Option<i64>,
    /// `None` while a more complete reading of the mail stands in front of it.
    bucket: Option<i64>,
    event_id: Option<i64>,
    event: Event,
    verdict_changed: bool,
}

impl Recorder<'_> {
    async fn understood(&mut self, source: &Source, events: &[&Event]) -> Result<(), Trouble> {
        let source_id = self.source(source).await?;
        let known = match self.new_sources.contains(&source_id) {
            true => Some(Vec::new()),
            false => self.sightings_to_keep(source_id).await?,
        };
        let Some(mut sightings) = known else {
            return Ok(());
        };
        let mut changed = false;
        for event in events {
            let known = sightings
                .iter_mut()
                .find(|known| same_but_verdict(&known.event, event));
            changed |= match known {
                Some(known) if known.event.verdict == event.verdict => false,
                Some(known) => {
                    known.event.verdict = event.verdict.clone();
                    known.verdict_changed = true;
                    true
                }
                None => {
                    sightings.push(Sighting::of((*event).clone()));
                    true
                }
            };
        }
        if changed {
            self.store(source_id, sightings).await?;
        }
        Ok(())
    }

    async fn not_understood(&mut self, mail: &NotUnderstood) -> Result<(), Trouble> {
        const SQL: &str = "INSERT INTO not_understood (source_id, recorded_epoch, body) VALUES ($1, $2, $3)
            ON CONFLICT (source_id) DO UPDATE SET body = excluded.body";
        let source_id = self.source(&mail.source).await?;
        self.sightings_to_keep(source_id).await?;
        let body = serde_json::to_string(mail).map_err(|why| Trouble::row("mail", why))?;
        let query = sqlx::query(SQL)
            .bind(source_id)
            .bind(self.now.timestamp())
            .bind(body);
        query.execute(&mut *self.db).await?;
        Ok(())
    }

    /// Most mailboxes hold many mails that are no bounces, and few that could not be understood.
    async fn no_bounces(&mut self, sources: &[Source]) -> Result<(), Trouble> {
        const FIND: &str = "SELECT s.url, s.id FROM not_understood n JOIN sources s ON s.id = n.source_id";
        const DROP: &str = "DELETE FROM not_understood WHERE source_id = $1";
        if sources.is_empty() {
            return Ok(());
        }
        let strange: Vec<(String, i64)> = sqlx::query_as(FIND).fetch_all(&mut *self.db).await?;
        if strange.is_empty() {
            return Ok(());
        }
        let strange: BTreeMap<String, i64> = strange.into_iter().collect();
        for id in sources
            .iter()
            .filter_map(|source| strange.get(&source.to_string()))
        {
            sqlx::query(DROP).bind(id).execute(&mut *self.db).await?;
        }
        Ok(())
    }

    /// The number of a mail.
    async fn source(&mut self, source: &Source) -> Result<i64, Trouble> {
        let url = source.to_string();
        if !self.sources.contains_key(&url) {
            self.number(vec![source]).await?;
        }
        let known = self.sources.get(&url).copied();
        known.ok_or_else(|| Trouble::row("mail", "it has no number"))
    }

    /// Gives each mail a number that has none.
    async fn number(&mut self, sources: Vec<&Source>) -> Result<(), Trouble> {
        let urls: Vec<String> = sources.iter().map(ToString::to_string).collect();
        self.sources.extend(rows::known_sources(self.db, &urls).await?);
        let mut new = Vec::new();
        for (source, url) in sources.into_iter().zip(urls) {
            if self.sources.contains_key(&url) {
                continue;
            }
            let folder_id = match source {
                Source::Imap(folder, _, _) => Some(self.folder(folder).await?),
                Source::File(_) | Source::Mbox(_, _) => None,
            };
            new.push(NewSource { url, folder_id });
        }
        let ids = rows::add_sources(self.db, &new, self.now).await?;
        self.new_sources.extend(&ids);
        self.sources
            .extend(new.into_iter().map(|source| source.url).zip(ids));
        Ok(())
    }

    async fn folder(&mut self, folder: &FolderRef) -> Result<i64, Trouble> {
        const FIND: &str = "SELECT id FROM folders WHERE url = $1";
        const ADD: &str = "INSERT INTO folders (url, implicit_tls, login, host, port, folder)
            VALUES ($1, $2, $3, $4, $5, $6) RETURNING id";
        if let Some(id) = self.folders.get(folder) {
            return Ok(*id);
        }
        let url = folder.to_string();
        let known: Option<(i64,)> = sqlx::query_as(FIND)
            .bind(&url)
            .fetch_optional(&mut *self.db)
            .await?;
        let id = match known {
            Some((id,)) => id,
            None => {
                let added = sqlx::query_as(ADD)
                    .bind(&url)
                    .bind(i64::from(folder.implicit_tls))
                    .bind(&folder.user)
                    .bind(&folder.host)
                    .bind(i64::from(folder.port))
                    .bind(&folder.folder);
                let (id,): (i64,) = added.fetch_one(&mut *self.db).await?;
                id
            }
        };
        self.folders.insert(folder.clone(), id);
        Ok(id)
    }

    /// What is known of a mail and stays: nothing when an older bounceaudit read it, since this one reads it anew and
    /// better. `None` when a newer one did: then this one has nothing to add.
    async fn sightings_to_keep(&mut self, source_id: i64) -> Result<Option<Vec<Sighting>>, Trouble> {
        const FIND: &str = "SELECT id, reader, bucket, event_id, body FROM sightings WHERE source_id = $1";
        const DROP: &str = "DELETE FROM sightings WHERE source_id = $1";
        type Row = (i64, i64, Option<i64>, Option<i64>, String);
        let rows: Vec<Row> = sqlx::query_as(FIND)
            .bind(source_id)
            .fetch_all(&mut *self.db)
            .await?;
        let reader = rows.iter().map(|row| row.1).max();
        let mut sightings = Vec::new();
        for (id, _, bucket, event_id, body) in rows {
            let event = from_body("bounce", &body)?;
            sightings.push(Sighting {
                id: Some(id),
                bucket,
                event_id,
                event,
                verdict_changed: false,
            });
        }
        if reader.is_none_or(|reader| reader == this_reader()) {
            return Ok(Some(sightings));
        }
        if reader > Some(this_reader()) {
            return Ok(None);
        }
        for sighting in &sightings {
            self.touch(sighting, None);
        }
        sqlx::query(DROP).bind(source_id).execute(&mut *self.db).await?;
        Ok(Some(Vec::new()))
    }

    /// `id` is that of a sighting that stays where it is.
    fn touch(&mut self, sighting: &Sighting, id: Option<i64>) {
        self.touched.extend(sighting.bucket.map(|bucket| Touched {
            id,
            bucket,
            event: sighting.event.clone(),
            is_new: false,
        }));
        self.left.extend(sighting.event_id);
    }

    /// Writes the readings of one mail, those in front into their buckets; new ones wait for `store_new`.
    async fn store(&mut self, source_id: i64, mut sightings: Vec<Sighting>) -> Result<(), Trouble> {
        // `best` falls, so that regrouping looks at the event again.
        const CHANGE: &str =
            "UPDATE sightings SET bucket = $2, event_id = $3, body = $4, best = 0 WHERE id = $1 RETURNING id";
        let events: Vec<Event> = sightings.iter().map(|sighting| sighting.event.clone()).collect();
        let heads: BTreeSet<usize> = heads(&events).into_iter().collect();
        for (index, (sighting, event)) in sightings.iter_mut().zip(events).enumerate() {
            let in_front = heads.contains(&index).then(|| bucket(&sighting.event));
            let Some(id) = sighting.id else {
                self.new.push(NewSighting {
                    source_id,
                    bucket: in_front,
                    event,
                });
                continue;
            };
            if sighting.bucket == in_front && !sighting.verdict_changed {
                continue;
            }
            if sighting.bucket != in_front {
                self.touch(sighting, None);
                sighting.bucket = in_front;
                sighting.event_id = None;
            }
            let body = serde_json::to_string(&sighting.event).map_err(|why| Trouble::row("bounce", why))?;
            let query = sqlx::query_as(CHANGE)
                .bind(id)
                .bind(in_front)
                .bind(sighting.event_id)
                .bind(body);
            let (id,): (i64,) = query.fetch_one(&mut *self.db).await?;
            self.touch(sighting, Some(id));
        }
        Ok(())
    }

    async fn store_new(&mut self) -> Result<(), Trouble> {
        let new = std::mem::take(&mut self.new);
        let ids = rows::add_sightings(self.db, &new, this_reader()).await?;
        for (id, sighting) in ids.into_iter().zip(new) {
            let Some(bucket) = sighting.bucket else { continue };
            self.touched.push(Touched {
                id: Some(id),
                bucket,
                event: sighting.event,
                is_new: self.new_sources.contains(&sighting.source_id),
            });
        }
        Ok(())
    }

    async fn position(&mut self, position: &Position) -> Result<(), Trouble> {
        const SQL: &str =
            "INSERT INTO positions (folder_id, uid_validity, last_uid, read_since, saved_at, unread)
            VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (folder_id) DO UPDATE SET
            uid_validity = excluded.uid_validity, last_uid = excluded.last_uid,
            read_since = excluded.read_since, saved_at = excluded.saved_at, unread = excluded.unread";
        let folder = self.folder(&position.folder).await?;
        let unread: Vec<String> = position.unread.iter().map(|uid| uid.0.to_string()).collect();
        let unread = unread.join(" ");
        let query = sqlx::query(SQL)
            .bind(folder)
            .bind(i64::from(position.uid_validity.0.get()))
            .bind(position.last_uid.map(|uid| i64::from(uid.0.get())))
            .bind(position.read_since.map(|since| since.to_rfc3339()))
            .bind(self.now.to_rfc3339())
            .bind((!unread.is_empty()).then_some(unread));
        query.execute(&mut *self.db).await?;
        Ok(())
    }
}

impl Sighting {
    fn of(event: Event) -> Self {
        Self {
            id: None,
            bucket: None,
            event_id: None,
            event,
            verdict_changed: false,
        }
    }
}

/// Whether two readings of a mail say the same; what the catalogue says of it may have changed since.
fn same_but_verdict(a: &Event, b: &Event) -> bool {
    let bare = |event: &Event| Event {
        verdict: Verdict::default(),
        ..event.clone()
    };
    bare(a) == bare(b)
}

/// The version of this program as one number that grows with it: 1.2.3 is 1002003.
fn this_reader() -> i64 {
    let parts = env!("CARGO_PKG_VERSION").split(['.', '-', '+']).take(3);
    parts.fold(0, |number, part| number * 1000 + part.parse::<i64>().unwrap_or(0))
}
