-- The ledger, version 3: mails that could not be read do not keep a folder from being gone on with.

-- Their UIDs, apart by blanks; NULL: none.
ALTER TABLE positions ADD COLUMN unread TEXT;
