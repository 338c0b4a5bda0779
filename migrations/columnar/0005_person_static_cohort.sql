-- Why: members of cohorts that are lists. A row is a membership; adding a member again adds nothing.
-- cost: plain
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
