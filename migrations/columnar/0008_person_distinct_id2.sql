-- Why: pairs of signs go wrong when they are merged out of order, and a sum over all of a person's history is slow to
-- read. A version says the same with one row a distinct id. Copies every mapping; a repeated run copies the same rows
-- again, which the merge drops.
-- cost: expensive
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

INSERT INTO person_distinct_id2 (team_id, distinct_id, person_id, is_deleted, version, _timestamp, _offset)
SELECT
    team_id,
    distinct_id,
    argMax(person_id, changed_at),
    0,
    1,
    max(changed_at),
    0
FROM
(
    SELECT
        team_id,
        distinct_id,
        person_id,
        max(_timestamp) AS changed_at
    FROM person_distinct_id
    GROUP BY team_id, distinct_id, person_id
    HAVING sum(_sign) > 0
)
GROUP BY team_id, distinct_id;
