-- The ledger, version 2: of a mail that could not be understood more than its place.

-- NULL where version 1 recorded it.
ALTER TABLE not_understood ADD COLUMN body TEXT;
