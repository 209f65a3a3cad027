-- The ledger, version 6: what the user did about an address, each remark with its time.

CREATE TABLE notes (
    id INTEGER NOT NULL PRIMARY KEY,
    ip TEXT NOT NULL,
    text TEXT NOT NULL,
    noted_at TEXT NOT NULL,
    noted_epoch INTEGER NOT NULL
) STRICT;
CREATE INDEX notes_by_ip ON notes (ip, noted_epoch);
