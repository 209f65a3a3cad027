-- The ledger, version 7: the newest bounces about each address and list, whole but for what people wrote into them.

-- One row is one event and the mail that shows it. A row goes with its event or its mail. In PostgreSQL BLOB becomes BYTEA.
CREATE TABLE kept_mails (
    id INTEGER NOT NULL PRIMARY KEY,
    event_id INTEGER NOT NULL REFERENCES events (id) ON DELETE CASCADE,
    source_id INTEGER NOT NULL REFERENCES sources (id) ON DELETE CASCADE,
    -- More of the mail was not kept.
    is_cut INTEGER NOT NULL CHECK (is_cut IN (0, 1)),
    -- Compressed (RFC 1950).
    body BLOB NOT NULL
) STRICT;
CREATE UNIQUE INDEX kept_mails_by_event ON kept_mails (event_id, source_id);
CREATE INDEX kept_mails_by_source ON kept_mails (source_id);
