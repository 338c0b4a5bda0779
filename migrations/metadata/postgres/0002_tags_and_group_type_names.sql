-- Actions carry tags (a JSON list of texts); group types may be given names to show. What wrote rows before this needs to
-- know neither.
ALTER TABLE action ADD COLUMN tags TEXT NOT NULL DEFAULT '[]';
ALTER TABLE group_type ADD COLUMN name_singular TEXT;
ALTER TABLE group_type ADD COLUMN name_plural TEXT;
