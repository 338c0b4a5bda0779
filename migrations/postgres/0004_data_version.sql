-- How often the data of a project have changed: the sum over its rows. Several rows, because a transaction holds the one
-- that it counts in until it ends: with a single row, appends of one project would commit one behind the other.

CREATE TABLE data_version (
    team_id bigint   NOT NULL,
    slot    smallint NOT NULL,
    changes bigint   NOT NULL,
    PRIMARY KEY (team_id, slot)
) WITH (fillfactor = 50);

-- Cohorts of a person: the primary keys begin with the cohort.
CREATE INDEX cohortpeople_by_person ON cohortpeople (team_id, person_id);
CREATE INDEX person_static_cohort_by_person ON person_static_cohort (team_id, person_id);
