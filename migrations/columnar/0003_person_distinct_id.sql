-- Why: which person a distinct id belongs to; a change is the old row with sign -1 and the new one with +1.
-- cost: plain
CREATE TABLE IF NOT EXISTS person_distinct_id
(
    distinct_id String,
    person_id UUID,
    team_id Int64,
    _sign Int8 DEFAULT 1,
    _timestamp DateTime,
    _offset UInt64
)
ENGINE = CollapsingMergeTree(_sign)
ORDER BY (team_id, distinct_id, person_id);
