-- runs.stored: whether anything but the run itself has changed a relation since. Merges leave it as it is.
ALTER TABLE runs
    ADD COLUMN IF NOT EXISTS stored UInt64 COMMENT 'hash of the table and the last block of each of its partitions, when the run had written them'
