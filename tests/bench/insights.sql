-- count by day
SELECT tick, count() AS value FROM (
    SELECT toInt64(toDate(toTimeZone(e.timestamp, 'UTC'))) - 20604 AS tick FROM events AS e
    WHERE e.team_id = 1 AND e.timestamp >= toDateTime64('2026-05-31 00:00:00', 6, 'UTC')
        AND e.timestamp < toDateTime64('2026-06-30 00:00:00', 6, 'UTC') AND e.event = '$pageview'
) AS `rows` GROUP BY tick
-- unique persons by day
SELECT tick, uniqExact(actor) AS value FROM (
    SELECT toInt64(toDate(toTimeZone(e.timestamp, 'UTC'))) - 20604 AS tick, d.person_id AS actor FROM events AS e
    INNER JOIN (SELECT distinct_id, argMax(person_id, version) AS person_id FROM person_distinct_id2 WHERE team_id = 1
        GROUP BY distinct_id HAVING argMax(is_deleted, version) = 0) AS d ON e.distinct_id = d.distinct_id
    WHERE e.team_id = 1 AND e.timestamp >= toDateTime64('2026-05-31 00:00:00', 6, 'UTC')
        AND e.timestamp < toDateTime64('2026-06-30 00:00:00', 6, 'UTC') AND e.event = '$pageview'
) AS `rows` GROUP BY tick
-- unique persons in all
SELECT uniqExact(d.person_id) AS value FROM events AS e
INNER JOIN (SELECT distinct_id, argMax(person_id, version) AS person_id FROM person_distinct_id2 WHERE team_id = 1
    GROUP BY distinct_id HAVING argMax(is_deleted, version) = 0) AS d ON e.distinct_id = d.distinct_id
WHERE e.team_id = 1 AND e.timestamp >= toDateTime64('2026-05-31 00:00:00', 6, 'UTC')
    AND e.timestamp < toDateTime64('2026-06-30 00:00:00', 6, 'UTC') AND e.event = '$pageview'
-- stickiness
SELECT intervals, count() AS actors FROM (
    SELECT actor, uniqExact(`interval`) AS intervals FROM (
        SELECT d.person_id AS actor, toInt64(toDate(toTimeZone(e.timestamp, 'UTC'))) AS `interval` FROM events AS e
        INNER JOIN (SELECT distinct_id, argMax(person_id, version) AS person_id FROM person_distinct_id2 WHERE team_id = 1
            GROUP BY distinct_id HAVING argMax(is_deleted, version) = 0) AS d ON e.distinct_id = d.distinct_id
        WHERE e.team_id = 1 AND e.timestamp >= toDateTime64('2026-05-31 00:00:00', 6, 'UTC')
            AND e.timestamp < toDateTime64('2026-06-30 00:00:00', 6, 'UTC') AND e.event = '$pageview'
    ) AS `rows` GROUP BY actor
) AS active GROUP BY intervals ORDER BY intervals ASC
-- retention 90 x 90
SELECT base_interval, distance, count() AS actors FROM (
    SELECT base AS base_interval,
        arrayJoin(arrayConcat([toInt64(0)], arrayMap(r -> r - base, arrayFilter(r -> r > base, returns)))) AS distance
    FROM (
        SELECT actor, arrayJoin(bases) AS base, returns FROM (
            SELECT actor, groupUniqArrayIf(tick, is_target) AS bases, groupUniqArrayIf(tick, is_return) AS returns FROM (
                SELECT d.person_id AS actor, toInt64(toDate(toTimeZone(e.timestamp, 'UTC'))) - 20544 AS tick,
                    e.timestamp AS at, e.event = '$pageview' AS is_target, e.event = '$pageview' AS is_return
                FROM events AS e
                INNER JOIN (SELECT distinct_id, argMax(person_id, version) AS person_id FROM person_distinct_id2
                    WHERE team_id = 1 GROUP BY distinct_id HAVING argMax(is_deleted, version) = 0
                ) AS d ON e.distinct_id = d.distinct_id
                WHERE e.team_id = 1 AND e.timestamp < toDateTime64('2026-06-30 00:00:00', 6, 'UTC')
                    AND e.timestamp >= toDateTime64('2026-04-01 00:00:00', 6, 'UTC')
                    AND (e.event = '$pageview' OR e.event = '$pageview')
            ) AS `rows` GROUP BY actor
        ) AS actors
    ) AS bases
) AS distances GROUP BY base_interval, distance
-- activity of persons, 90 days
SELECT count(), sum(length(bases)), sum(length(returns)) FROM (
    SELECT actor, groupUniqArrayIf(tick, is_target) AS bases, groupUniqArrayIf(tick, is_return) AS returns FROM (
        SELECT d.person_id AS actor, toInt64(toDate(toTimeZone(e.timestamp, 'UTC'))) - 20544 AS tick,
            e.timestamp AS at, e.event = '$pageview' AS is_target, e.event = '$pageview' AS is_return
        FROM events AS e
        INNER JOIN (SELECT distinct_id, argMax(person_id, version) AS person_id FROM person_distinct_id2
            WHERE team_id = 1 GROUP BY distinct_id HAVING argMax(is_deleted, version) = 0
        ) AS d ON e.distinct_id = d.distinct_id
        WHERE e.team_id = 1 AND e.timestamp < toDateTime64('2026-06-30 00:00:00', 6, 'UTC')
            AND e.timestamp >= toDateTime64('2026-04-01 00:00:00', 6, 'UTC')
            AND (e.event = '$pageview' OR e.event = '$pageview')
    ) AS `rows` GROUP BY actor
) AS actors
-- funnel, events of persons in order
SELECT count(), sum(length(marks)) FROM (
    SELECT actor, arraySort(groupArrayArray(hits)) AS marks FROM (
        SELECT d.person_id AS actor,
            arrayMap(number -> (toUnixTimestamp64Micro(e.timestamp) - 1780185600000000) * 256 + number, arrayFilter((number, holds) -> holds, [0, 1, 2],
                [e.event = '$pageview', e.event = 'add_to_cart', e.event = 'order_completed'])) AS hits
        FROM events AS e
        INNER JOIN (SELECT distinct_id, argMax(person_id, version) AS person_id FROM person_distinct_id2
            WHERE team_id = 1 GROUP BY distinct_id HAVING argMax(is_deleted, version) = 0
        ) AS d ON e.distinct_id = d.distinct_id
        WHERE e.team_id = 1 AND e.timestamp < toDateTime64('2026-06-30 00:00:00', 6, 'UTC')
            AND e.timestamp >= toDateTime64('2026-05-31 00:00:00', 6, 'UTC')
            AND (e.event = '$pageview' OR e.event = 'add_to_cart' OR e.event = 'order_completed')
    ) AS `rows` GROUP BY actor
) AS actors
-- windowFunnel
SELECT level, count() FROM (
    SELECT d.person_id AS actor, windowFunnel(604800000000, 'strict_increase')(toUInt64(toUnixTimestamp64Micro(e.timestamp)),
        e.event = '$pageview', e.event = 'add_to_cart', e.event = 'order_completed') AS level
    FROM events AS e
    INNER JOIN (SELECT distinct_id, argMax(person_id, version) AS person_id FROM person_distinct_id2
        WHERE team_id = 1 GROUP BY distinct_id HAVING argMax(is_deleted, version) = 0
    ) AS d ON e.distinct_id = d.distinct_id
    WHERE e.team_id = 1 AND e.timestamp < toDateTime64('2026-06-30 00:00:00', 6, 'UTC')
        AND e.timestamp >= toDateTime64('2026-05-31 00:00:00', 6, 'UTC')
        AND e.event IN ('$pageview', 'add_to_cart', 'order_completed')
    GROUP BY actor
) AS levels WHERE level > 0 GROUP BY level
-- persons of distinct ids
SELECT count(), sum(latest) FROM (
    SELECT distinct_id, argMax(person_id, version) AS person_id, max(version) AS latest FROM person_distinct_id2
    WHERE team_id = 1 GROUP BY distinct_id HAVING argMax(is_deleted, version) = 0
) AS d
-- events of persons
SELECT person, count() AS c FROM (
    SELECT d.person_id AS person FROM events AS e
    INNER JOIN (SELECT distinct_id, argMax(person_id, version) AS person_id FROM person_distinct_id2
        WHERE team_id = 1 GROUP BY distinct_id HAVING argMax(is_deleted, version) = 0
    ) AS d ON e.distinct_id = d.distinct_id WHERE e.team_id = 1
) AS `rows` GROUP BY person ORDER BY c DESC, person LIMIT 10
-- events of distinct ids
SELECT distinct_id, count() AS c FROM events WHERE team_id = 1 GROUP BY distinct_id ORDER BY c DESC, distinct_id LIMIT 10
-- unique uuids
SELECT uniqExact(uuid) FROM events WHERE team_id = 1
