-- pseudonym_keys: which key the pseudonyms of this database were made with, so that no other is used by mistake: every
-- contact would become a new one, and every event that comes again a second one. Says nothing of the key itself.
CREATE TABLE IF NOT EXISTS pseudonym_keys
(
    fingerprint  String COMMENT 'keyed hash of a constant',
    at           DateTime64(3, 'UTC') DEFAULT now64(3)
)
ENGINE = MergeTree
ORDER BY at
