-- show by_day: table
CREATE TABLE IF NOT EXISTS by_day (
    uuid UUID, event String, timestamp DateTime64(6, 'UTC'), team_id Int64, distinct_id String, properties String CODEC(ZSTD(3)),
    os String, browser String, browser_version String, screen_width String, lib_version String, plan String, current_url String,
    pathname String, referrer String, session_id String, utm_campaign String, amount Float64
) ENGINE = MergeTree PARTITION BY toYYYYMM(timestamp) ORDER BY (team_id, toDate(timestamp), event, cityHash64(distinct_id), cityHash64(uuid))
-- show by_day: rows
INSERT INTO by_day (uuid, event, timestamp, team_id, distinct_id, properties, os, browser, browser_version, screen_width,
    lib_version, plan, current_url, pathname, referrer, session_id, utm_campaign, amount)
SELECT uuid, event, timestamp, team_id, distinct_id, properties, JSONExtractString(properties, '$os'),
    JSONExtractString(properties, '$browser'), JSONExtractRaw(properties, '$browser_version'),
    JSONExtractRaw(properties, '$screen_width'), JSONExtractString(properties, '$lib_version'),
    JSONExtractString(properties, 'plan'), JSONExtractString(properties, '$current_url'),
    JSONExtractString(properties, '$pathname'), JSONExtractString(properties, '$referrer'),
    JSONExtractString(properties, '$session_id'), JSONExtractString(properties, 'utm_campaign'),
    JSONExtractFloat(properties, 'amount')
FROM events WHERE cityHash64(distinct_id) % 10 = 0
-- show by_day: merged
OPTIMIZE TABLE by_day FINAL
-- show by_actor: table
CREATE TABLE IF NOT EXISTS by_actor (
    uuid UUID, event String, timestamp DateTime64(6, 'UTC'), team_id Int64, distinct_id String, properties String CODEC(ZSTD(3)),
    os String, browser String, browser_version String, screen_width String, lib_version String, plan String, current_url String,
    pathname String, referrer String, session_id String, utm_campaign String, amount Float64
) ENGINE = MergeTree PARTITION BY toYYYYMM(timestamp) ORDER BY (team_id, cityHash64(distinct_id), timestamp, cityHash64(uuid))
-- show by_actor: rows
INSERT INTO by_actor (uuid, event, timestamp, team_id, distinct_id, properties, os, browser, browser_version, screen_width,
    lib_version, plan, current_url, pathname, referrer, session_id, utm_campaign, amount)
SELECT uuid, event, timestamp, team_id, distinct_id, properties, JSONExtractString(properties, '$os'),
    JSONExtractString(properties, '$browser'), JSONExtractRaw(properties, '$browser_version'),
    JSONExtractRaw(properties, '$screen_width'), JSONExtractString(properties, '$lib_version'),
    JSONExtractString(properties, 'plan'), JSONExtractString(properties, '$current_url'),
    JSONExtractString(properties, '$pathname'), JSONExtractString(properties, '$referrer'),
    JSONExtractString(properties, '$session_id'), JSONExtractString(properties, 'utm_campaign'),
    JSONExtractFloat(properties, 'amount')
FROM events WHERE cityHash64(distinct_id) % 10 = 0
-- show by_actor: merged
OPTIMIZE TABLE by_actor FINAL
-- show bytes of columns
SELECT column, sumIf(column_data_compressed_bytes, table = 'by_day') AS day, sumIf(column_data_compressed_bytes, table = 'by_actor') AS actor
FROM system.parts_columns WHERE table IN ('by_day', 'by_actor') AND active GROUP BY column ORDER BY column
-- show rows, bytes
SELECT table, sum(rows), sum(bytes_on_disk) FROM system.parts WHERE table IN ('by_day', 'by_actor') AND active GROUP BY table ORDER BY table
-- by_day: 1 % event, 7 days
SELECT toDate(timestamp) AS day, count() FROM by_day
WHERE team_id = 1 AND event = 'signup_started' AND timestamp >= toDateTime64('2026-06-23 00:00:00', 6, 'UTC') GROUP BY day
-- by_day: 1 % event, 90 days
SELECT toDate(timestamp) AS day, count() FROM by_day
WHERE team_id = 1 AND event = 'signup_started' AND timestamp >= toDateTime64('2026-04-01 00:00:00', 6, 'UTC') GROUP BY day
-- by_day: 45 % event, 7 days
SELECT toDate(timestamp) AS day, count() FROM by_day
WHERE team_id = 1 AND event = '$pageview' AND timestamp >= toDateTime64('2026-06-23 00:00:00', 6, 'UTC') GROUP BY day
-- by_day: 45 % event, 90 days
SELECT toDate(timestamp) AS day, count() FROM by_day
WHERE team_id = 1 AND event = '$pageview' AND timestamp >= toDateTime64('2026-04-01 00:00:00', 6, 'UTC') GROUP BY day
-- by_day: 45 % event by browser, 90 days
SELECT browser, toDate(timestamp) AS day, count() FROM by_day WHERE team_id = 1 AND event = '$pageview' GROUP BY browser, day
-- by_day: unique persons by day, 90 days
SELECT toDate(e.timestamp) AS day, uniqExact(d.person_id) FROM by_day AS e
INNER JOIN (SELECT distinct_id, argMax(person_id, version) AS person_id FROM person_distinct_id2
    WHERE team_id = 1 GROUP BY distinct_id HAVING argMax(is_deleted, version) = 0) AS d ON e.distinct_id = d.distinct_id
WHERE e.team_id = 1 AND e.event = '$pageview' GROUP BY day
-- by_day: funnel, 30 days
SELECT level, count() FROM (
    SELECT d.person_id AS actor, windowFunnel(604800000000, 'strict_increase')(toUInt64(toUnixTimestamp64Micro(e.timestamp)),
        e.event = '$pageview', e.event = 'add_to_cart', e.event = 'order_completed') AS level
    FROM by_day AS e
    INNER JOIN (SELECT distinct_id, argMax(person_id, version) AS person_id FROM person_distinct_id2
    WHERE team_id = 1 GROUP BY distinct_id HAVING argMax(is_deleted, version) = 0) AS d ON e.distinct_id = d.distinct_id
    WHERE e.team_id = 1 AND e.timestamp >= toDateTime64('2026-05-31 00:00:00', 6, 'UTC')
        AND e.event IN ('$pageview', 'add_to_cart', 'order_completed')
    GROUP BY actor
) AS levels WHERE level > 0 GROUP BY level
-- by_actor: 1 % event, 7 days
SELECT toDate(timestamp) AS day, count() FROM by_actor
WHERE team_id = 1 AND event = 'signup_started' AND timestamp >= toDateTime64('2026-06-23 00:00:00', 6, 'UTC') GROUP BY day
-- by_actor: 1 % event, 90 days
SELECT toDate(timestamp) AS day, count() FROM by_actor
WHERE team_id = 1 AND event = 'signup_started' AND timestamp >= toDateTime64('2026-04-01 00:00:00', 6, 'UTC') GROUP BY day
-- by_actor: 45 % event, 7 days
SELECT toDate(timestamp) AS day, count() FROM by_actor
WHERE team_id = 1 AND event = '$pageview' AND timestamp >= toDateTime64('2026-06-23 00:00:00', 6, 'UTC') GROUP BY day
-- by_actor: 45 % event, 90 days
SELECT toDate(timestamp) AS day, count() FROM by_actor
WHERE team_id = 1 AND event = '$pageview' AND timestamp >= toDateTime64('2026-04-01 00:00:00', 6, 'UTC') GROUP BY day
-- by_actor: 45 % event by browser, 90 days
SELECT browser, toDate(timestamp) AS day, count() FROM by_actor WHERE team_id = 1 AND event = '$pageview' GROUP BY browser, day
-- by_actor: unique persons by day, 90 days
SELECT toDate(e.timestamp) AS day, uniqExact(d.person_id) FROM by_actor AS e
INNER JOIN (SELECT distinct_id, argMax(person_id, version) AS person_id FROM person_distinct_id2
    WHERE team_id = 1 GROUP BY distinct_id HAVING argMax(is_deleted, version) = 0) AS d ON e.distinct_id = d.distinct_id
WHERE e.team_id = 1 AND e.event = '$pageview' GROUP BY day
-- by_actor: funnel, 30 days
SELECT level, count() FROM (
    SELECT d.person_id AS actor, windowFunnel(604800000000, 'strict_increase')(toUInt64(toUnixTimestamp64Micro(e.timestamp)),
        e.event = '$pageview', e.event = 'add_to_cart', e.event = 'order_completed') AS level
    FROM by_actor AS e
    INNER JOIN (SELECT distinct_id, argMax(person_id, version) AS person_id FROM person_distinct_id2
    WHERE team_id = 1 GROUP BY distinct_id HAVING argMax(is_deleted, version) = 0) AS d ON e.distinct_id = d.distinct_id
    WHERE e.team_id = 1 AND e.timestamp >= toDateTime64('2026-05-31 00:00:00', 6, 'UTC')
        AND e.event IN ('$pageview', 'add_to_cart', 'order_completed')
    GROUP BY actor
) AS levels WHERE level > 0 GROUP BY level
