-- Projects, keys, group types, definitions, actions, cohorts. Times are microseconds since the epoch, flags 0 or 1,
-- JSON is text: the same statements then serve SQLite and PostgreSQL.
CREATE TABLE project (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    uuid TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    api_token TEXT NOT NULL UNIQUE,
    timezone TEXT NOT NULL,
    week_start_day BIGINT NOT NULL,
    test_account_filters TEXT NOT NULL,
    path_cleaning_filters TEXT NOT NULL,
    anonymize_ips BIGINT NOT NULL,
    ingested_event BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);

-- Only a hash of the key is kept: whoever reads this table cannot use what it holds.
CREATE TABLE personal_api_key (
    id TEXT PRIMARY KEY,
    label TEXT NOT NULL,
    key_hash TEXT NOT NULL UNIQUE,
    created_at BIGINT NOT NULL,
    last_used_at BIGINT
);

CREATE TABLE group_type (
    project_id BIGINT NOT NULL,
    group_type_index BIGINT NOT NULL,
    group_type TEXT NOT NULL,
    PRIMARY KEY (project_id, group_type_index),
    UNIQUE (project_id, group_type)
);

CREATE TABLE event_definition (
    project_id BIGINT NOT NULL,
    name TEXT NOT NULL,
    id TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    last_seen_at BIGINT NOT NULL,
    PRIMARY KEY (project_id, name)
);

-- kind: 1 event, 2 person, 3 group (then group_type_index says which, else -1).
CREATE TABLE property_definition (
    project_id BIGINT NOT NULL,
    kind BIGINT NOT NULL,
    group_type_index BIGINT NOT NULL,
    name TEXT NOT NULL,
    id TEXT NOT NULL,
    property_type TEXT,
    PRIMARY KEY (project_id, kind, group_type_index, name)
);

CREATE TABLE event_property (
    project_id BIGINT NOT NULL,
    event TEXT NOT NULL,
    property TEXT NOT NULL,
    PRIMARY KEY (project_id, event, property)
);

CREATE TABLE action (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    project_id BIGINT NOT NULL,
    name TEXT NOT NULL,
    description TEXT NOT NULL,
    steps TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    deleted BIGINT NOT NULL
);
CREATE UNIQUE INDEX action_name ON action (project_id, name) WHERE deleted = 0;

CREATE TABLE cohort (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    project_id BIGINT NOT NULL,
    name TEXT NOT NULL,
    description TEXT NOT NULL,
    "groups" TEXT NOT NULL,
    filters TEXT,
    is_static BIGINT NOT NULL,
    is_calculating BIGINT NOT NULL,
    "count" BIGINT,
    last_calculation BIGINT,
    errors_calculating BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    deleted BIGINT NOT NULL
);
CREATE INDEX cohort_project ON cohort (project_id);
