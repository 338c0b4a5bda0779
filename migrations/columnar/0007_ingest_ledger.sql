-- Why: what became of every received event, so that received = stored + repeated + refused can be checked at any time.
-- cost: plain
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
