-- Why: the shape that all numbered migrations end in, created at once on a fresh store when
-- CLICKHOUSE_INITIAL_MIGRATIONS=1. A test compares the two ways; change this file with every new migration.

CREATE TABLE IF NOT EXISTS events
(
    uuid UUID,
    event String,
    properties String COMMENT 'json' CODEC(ZSTD(3)),
    timestamp DateTime64(6, 'UTC'),
    team_id Int64,
    distinct_id String,
    elements_chain String,
    created_at DateTime64(6, 'UTC'),
    `$group_0` String MATERIALIZED JSONExtractString(properties, '$group_0'),
    `$group_1` String MATERIALIZED JSONExtractString(properties, '$group_1'),
    `$group_2` String MATERIALIZED JSONExtractString(properties, '$group_2'),
    `$group_3` String MATERIALIZED JSONExtractString(properties, '$group_3'),
    `$group_4` String MATERIALIZED JSONExtractString(properties, '$group_4'),
    `$session_id` String MATERIALIZED JSONExtractString(properties, '$session_id'),
    `$window_id` String MATERIALIZED JSONExtractString(properties, '$window_id'),
    _timestamp DateTime,
    _offset UInt64,
    INDEX lookup_uuid (team_id, uuid) TYPE bloom_filter GRANULARITY 1
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(timestamp)
ORDER BY (team_id, toDate(timestamp), event, cityHash64(distinct_id), cityHash64(uuid))
SETTINGS non_replicated_deduplication_window = 1000;

CREATE TABLE IF NOT EXISTS person
(
    id UUID,
    created_at DateTime64(6, 'UTC'),
    team_id Int64,
    properties String COMMENT 'json' CODEC(ZSTD(3)),
    is_identified Bool,
    is_deleted Bool,
    version UInt64,
    _timestamp DateTime,
    _offset UInt64
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (team_id, id)
SETTINGS non_replicated_deduplication_window = 1000;

CREATE TABLE IF NOT EXISTS groups
(
    group_type_index UInt8,
    group_key String,
    created_at DateTime64(6, 'UTC'),
    team_id Int64,
    group_properties String COMMENT 'json' CODEC(ZSTD(3)),
    version UInt64,
    _timestamp DateTime,
    _offset UInt64
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (team_id, group_type_index, group_key)
SETTINGS non_replicated_deduplication_window = 1000;

CREATE TABLE IF NOT EXISTS person_static_cohort
(
    id UUID,
    person_id UUID,
    cohort_id Int64,
    team_id Int64,
    _timestamp DateTime,
    _offset UInt64
)
ENGINE = ReplacingMergeTree(_timestamp)
ORDER BY (team_id, cohort_id, person_id, id);

CREATE TABLE IF NOT EXISTS cohortpeople
(
    person_id UUID,
    cohort_id Int64,
    team_id Int64,
    sign Int8
)
ENGINE = CollapsingMergeTree(sign)
ORDER BY (team_id, cohort_id, person_id);

CREATE TABLE IF NOT EXISTS ingest_ledger
(
    team_id Int64,
    at DateTime64(6, 'UTC'),
    outcome String,
    reason String,
    count UInt64
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(at)
ORDER BY (team_id, outcome, reason, at)
SETTINGS non_replicated_deduplication_window = 1000;

CREATE TABLE IF NOT EXISTS person_distinct_id2
(
    team_id Int64,
    distinct_id String,
    person_id UUID,
    is_deleted Int8,
    version UInt64,
    _timestamp DateTime,
    _offset UInt64
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (team_id, distinct_id)
SETTINGS non_replicated_deduplication_window = 1000;
