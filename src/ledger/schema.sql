-- The ledger, version 1. A later version is a file of its own that begins where this one ends.
--
-- Columns `…_at` are RFC 3339 with the offset that the mail or the machine had; columns `…_epoch` are the same moment
-- in whole seconds since 1970 and are what queries compare. `body` is the whole thing as JSON, columns beside it only
-- repeat what is searched for. In PostgreSQL INTEGER becomes BIGINT and STRICT goes; the rest is the same there.

CREATE TABLE ledger_schema (
    version INTEGER NOT NULL PRIMARY KEY,
    program TEXT NOT NULL
) STRICT;

CREATE TABLE folders (
    id INTEGER NOT NULL PRIMARY KEY,
    url TEXT NOT NULL UNIQUE,
    implicit_tls INTEGER NOT NULL CHECK (implicit_tls IN (0, 1)),
    login TEXT NOT NULL,
    host TEXT NOT NULL,
    port INTEGER NOT NULL,
    folder TEXT NOT NULL
) STRICT;

-- How far each folder has been read; saved together with the events of the mails up to there.
CREATE TABLE positions (
    folder_id INTEGER NOT NULL PRIMARY KEY REFERENCES folders (id),
    uid_validity INTEGER NOT NULL,
    last_uid INTEGER,
    -- Mails that came in before this were left out; NULL: none were.
    read_since TEXT,
    saved_at TEXT NOT NULL
) STRICT;

-- Each mail that gave an event, or should have.
CREATE TABLE sources (
    id INTEGER NOT NULL PRIMARY KEY,
    url TEXT NOT NULL UNIQUE,
    folder_id INTEGER REFERENCES folders (id),
    recorded_at TEXT NOT NULL,
    recorded_epoch INTEGER NOT NULL
) STRICT;
CREATE INDEX sources_by_folder ON sources (folder_id);

CREATE TABLE not_understood (
    source_id INTEGER NOT NULL PRIMARY KEY REFERENCES sources (id),
    recorded_epoch INTEGER NOT NULL
) STRICT;

-- One bounce is one row, however many mails show it. What it says is the best sighting's body.
CREATE TABLE events (
    id INTEGER NOT NULL PRIMARY KEY,
    recorded_at TEXT NOT NULL,
    recorded_epoch INTEGER NOT NULL,
    bounced_epoch INTEGER,
    window_epoch INTEGER,
    action TEXT NOT NULL,
    reason TEXT NOT NULL,
    receiving_domain TEXT NOT NULL,
    blocked_ip TEXT,
    blocklist TEXT,
    zone TEXT
) STRICT;
CREATE INDEX events_by_window ON events (window_epoch);

-- What one mail says of one recipient, each different reading of it once. A reading that a more complete one of the
-- same mail has overtaken has neither bucket nor event. A bucket holds the sightings that may be one event.
CREATE TABLE sightings (
    id INTEGER NOT NULL PRIMARY KEY,
    source_id INTEGER NOT NULL REFERENCES sources (id),
    reader INTEGER NOT NULL,
    bucket INTEGER,
    bounced_epoch INTEGER,
    event_id INTEGER REFERENCES events (id),
    best INTEGER NOT NULL DEFAULT 0 CHECK (best IN (0, 1)),
    body TEXT NOT NULL
) STRICT;
CREATE INDEX sightings_by_source ON sightings (source_id);
CREATE INDEX sightings_by_bucket ON sightings (bucket, bounced_epoch);
CREATE INDEX sightings_by_event ON sightings (event_id);

CREATE TABLE checks (
    id INTEGER NOT NULL PRIMARY KEY,
    ip TEXT NOT NULL,
    zone TEXT NOT NULL,
    checked_at TEXT NOT NULL,
    checked_epoch INTEGER NOT NULL,
    result TEXT NOT NULL,
    body TEXT NOT NULL,
    UNIQUE (ip, zone, checked_at)
) STRICT;
CREATE INDEX checks_by_ip ON checks (ip, checked_epoch);

CREATE TABLE names (
    id INTEGER NOT NULL PRIMARY KEY,
    ip TEXT NOT NULL,
    checked_at TEXT NOT NULL,
    checked_epoch INTEGER NOT NULL,
    body TEXT NOT NULL,
    UNIQUE (ip, checked_at)
) STRICT;

-- When each report was made. Cron and a monitor may each have a series of their own; the unnamed one is ''.
CREATE TABLE report_marks (
    id INTEGER NOT NULL PRIMARY KEY,
    series TEXT NOT NULL,
    made_at TEXT NOT NULL,
    made_epoch INTEGER NOT NULL
) STRICT;
CREATE INDEX report_marks_by_series ON report_marks (series, made_epoch);
