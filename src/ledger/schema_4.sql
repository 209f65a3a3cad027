-- The ledger, version 4: the mail hosts of domains that refused mail.

CREATE TABLE exchanges (
    id INTEGER NOT NULL PRIMARY KEY,
    domain TEXT NOT NULL,
    checked_at TEXT NOT NULL,
    checked_epoch INTEGER NOT NULL,
    body TEXT NOT NULL,
    UNIQUE (domain, checked_at)
) STRICT;
