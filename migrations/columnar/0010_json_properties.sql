-- Why: the engine keeps the values of frequent keys of a column with this comment in columns of their own
-- (docs/decisions/0010); ClickHouse takes it as any comment. Parts are rewritten as they are merged.
-- cost: plain
ALTER TABLE events COMMENT COLUMN properties 'json';
ALTER TABLE person COMMENT COLUMN properties 'json';
ALTER TABLE groups COMMENT COLUMN group_properties 'json';
