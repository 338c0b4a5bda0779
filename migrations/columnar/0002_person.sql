-- Why: the versions of each person; the greatest version is the person, a deleted one ends it.
-- cost: plain
CREATE TABLE IF NOT EXISTS person
(
    id UUID,
    created_at DateTime64(6, 'UTC'),
    team_id Int64,
    properties String CODEC(ZSTD(3)),
    is_identified Bool,
    is_deleted Bool,
    version UInt64,
    _timestamp DateTime,
    _offset UInt64
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (team_id, id)
SETTINGS non_replicated_deduplication_window = 1000;
