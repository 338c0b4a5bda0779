-- Why: nothing reads the signed mappings since 0008 copied them. A step of its own, so that the copy can be looked at
-- first (`granary migrate --upto 8`).
-- cost: plain
DROP TABLE IF EXISTS person_distinct_id;
