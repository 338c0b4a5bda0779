-- Why: members of cohorts that are rules, as last calculated; a member has a positive sum of signs.
-- cost: plain
CREATE TABLE IF NOT EXISTS cohortpeople
(
    person_id UUID,
    cohort_id Int64,
    team_id Int64,
    sign Int8
)
ENGINE = CollapsingMergeTree(sign)
ORDER BY (team_id, cohort_id, person_id);
