-- The event store on Postgres: the tables of the columnar store, with the same names and columns where that makes sense.
--
-- Why properties are stored twice. Queries compare the *text form* of a value: a string's decoded characters, or the
-- compact JSON text of anything else (1.0 is 1, 1e2 is 100, 1e300 stays 1e300). Neither JSON type of Postgres can give
-- it: json keeps the spelling as sent, jsonb prints 1.0 as 1.0 and 1e300 with three hundred zeros, and both refuse
-- U+0000. So `properties` keeps the object as received (order, spelling and \u0000 escapes included) for answers, and
-- `property_texts` is a flat jsonb object from key to text form, all values strings, computed once by the writer:
-- `property_texts ->> key` is what a query means, NULL is an absent key. U+0000, which no Postgres text can hold, is
-- stored as the noncharacter U+10FFFF in every text column, and in bound values too, and is turned back when read.
--
-- Why COLLATE "C". Lists and ties are ordered by bytes in every store, whatever the locale of this database.
--
-- Why persons, mappings and groups are upserted. The columnar store keeps every version and reads the greatest; here a
-- row is the greatest version seen, and a smaller one changes nothing, so that rows may arrive in any order.

CREATE TABLE events (
    team_id        bigint      NOT NULL,
    uuid           uuid        NOT NULL,
    event          text        COLLATE "C" NOT NULL,
    properties     text        COLLATE "C" NOT NULL,
    property_texts jsonb       NOT NULL,
    timestamp      timestamptz NOT NULL,
    distinct_id    text        COLLATE "C" NOT NULL,
    elements_chain text        COLLATE "C" NOT NULL,
    created_at     timestamptz NOT NULL,
    -- Text forms of the properties of these names; '' when absent or null.
    "$group_0"     text        COLLATE "C" NOT NULL,
    "$group_1"     text        COLLATE "C" NOT NULL,
    "$group_2"     text        COLLATE "C" NOT NULL,
    "$group_3"     text        COLLATE "C" NOT NULL,
    "$group_4"     text        COLLATE "C" NOT NULL,
    "$session_id"  text        COLLATE "C" NOT NULL,
    "$window_id"   text        COLLATE "C" NOT NULL,
    PRIMARY KEY (team_id, uuid)
);
CREATE INDEX events_by_name ON events (team_id, event, timestamp);
CREATE INDEX events_by_time ON events (team_id, timestamp, uuid);
CREATE INDEX events_by_distinct_id ON events (team_id, distinct_id, timestamp);

CREATE TABLE person (
    team_id        bigint      NOT NULL,
    id             uuid        NOT NULL,
    created_at     timestamptz NOT NULL,
    properties     text        COLLATE "C" NOT NULL,
    property_texts jsonb       NOT NULL,
    is_identified  boolean     NOT NULL,
    is_deleted     boolean     NOT NULL,
    version        bigint      NOT NULL,
    PRIMARY KEY (team_id, id)
);
CREATE INDEX person_by_age ON person (team_id, created_at DESC, id DESC) WHERE NOT is_deleted;

CREATE TABLE person_distinct_id2 (
    team_id     bigint  NOT NULL,
    distinct_id text    COLLATE "C" NOT NULL,
    person_id   uuid    NOT NULL,
    is_deleted  boolean NOT NULL,
    version     bigint  NOT NULL,
    PRIMARY KEY (team_id, distinct_id)
);
CREATE INDEX person_distinct_id2_by_person ON person_distinct_id2 (team_id, person_id);

CREATE TABLE groups (
    team_id          bigint      NOT NULL,
    group_type_index smallint    NOT NULL CHECK (group_type_index BETWEEN 0 AND 4),
    group_key        text        COLLATE "C" NOT NULL,
    created_at       timestamptz NOT NULL,
    group_properties text        COLLATE "C" NOT NULL,
    property_texts   jsonb       NOT NULL,
    version          bigint      NOT NULL,
    PRIMARY KEY (team_id, group_type_index, group_key)
);

CREATE TABLE person_static_cohort (
    team_id   bigint NOT NULL,
    cohort_id bigint NOT NULL,
    person_id uuid   NOT NULL,
    PRIMARY KEY (team_id, cohort_id, person_id)
);

-- A member of a calculated cohort has a row; recalculation deletes the rows of leavers (no sign column is needed here).
CREATE TABLE cohortpeople (
    team_id   bigint NOT NULL,
    cohort_id bigint NOT NULL,
    person_id uuid   NOT NULL,
    PRIMARY KEY (team_id, cohort_id, person_id)
);

-- What became of received events: `stored`, `repeated`, or `refused` with its reason ('' for the others).
CREATE TABLE ingest_ledger (
    team_id bigint      NOT NULL,
    at      timestamptz NOT NULL,
    outcome text        COLLATE "C" NOT NULL CHECK (outcome IN ('stored', 'repeated', 'refused')),
    reason  text        COLLATE "C" NOT NULL,
    count   bigint      NOT NULL
);
CREATE INDEX ingest_ledger_by_time ON ingest_ledger (team_id, at);

-- One row for every append that was committed within some days: a second append with the same token changes nothing.
CREATE TABLE append_token (
    token       text        COLLATE "C" PRIMARY KEY,
    appended_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX append_token_by_age ON append_token (appended_at);
