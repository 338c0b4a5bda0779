-- Chains of funnels. Times are microseconds since the start of the funnel's range.
--
-- Why a function. What an entrance leads to depends on where the step before it ended, step after step: as plain SQL
-- that is a join a step, of every event with every later one. A walk over an actor's sorted times is linear in them.

-- Microseconds from `origin` to `at`, exactly.
CREATE FUNCTION granary_micros(at timestamptz, origin timestamptz) RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$ SELECT (extract(epoch FROM at - origin) * 1000000)::bigint $$;

-- `i` counts from 1; NULL beyond the end.
CREATE FUNCTION granary_at(times bigint[], i bigint) RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$ SELECT times[i] $$;

-- When the conversion window of something at `t` ends: `span` microseconds later, or (`span` is NULL) so many calendar
-- months in UTC, the day clamped to the end of the month.
CREATE FUNCTION granary_deadline(t bigint, span bigint, months bigint, origin timestamptz) RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$
SELECT CASE
    WHEN span IS NOT NULL THEN t + span
    ELSE (extract(epoch FROM
            (origin AT TIME ZONE 'UTC') + t * interval '1 microsecond' + make_interval(months => months::int)
            - (origin AT TIME ZONE 'UTC')) * 1000000)::bigint
END
$$;

-- The first value of a group in the order asked for: `granary_first(x ORDER BY y)`.
CREATE FUNCTION granary_first_step(kept anyelement, later anyelement) RETURNS anyelement
LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT
AS $$ SELECT kept $$;

CREATE AGGREGATE granary_first(anyelement) (
    SFUNC = granary_first_step,
    STYPE = anyelement,
    PARALLEL = SAFE
);

-- The entrances of one actor that no exclusion discards: how many steps each reached, when it reached them, and the
-- seconds from each to the next.
--
-- `marks` are ascending numbers mark * 2^55 + time, so that the times of a mark stand together. Marks are the steps from
-- 0, then the exclusions, then (for `strict`) what may not come in between. `from_steps` and `to_steps` are those of the
-- exclusions. Positions behind a time only ever grow from an entrance to the next, as entrances ascend.
CREATE FUNCTION granary_funnel(
    marks bigint[], steps bigint, kind text, span bigint, months bigint, origin timestamptz,
    from_steps bigint[], to_steps bigint[]
) RETURNS TABLE (reached bigint, times bigint[], seconds float8[])
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE ROWS 4 COST 1000
AS $$
DECLARE
    width CONSTANT bigint := 36028797018963968;
    exclusions CONSTANT int := cardinality(from_steps);
    strict_ CONSTANT boolean := kind = 'strict';
    between_ CONSTANT int := steps + exclusions + 1;
    -- Where the times of each mark begin and end, and how far each was read.
    first_ int[] := array_fill(1, ARRAY[between_]);
    last_ int[] := array_fill(0, ARRAY[between_]);
    read_ int[];
    -- Of what may not come in between, for each step.
    between_read int[];
    m int;
    r int;
    j int;
    before bigint;
    next_ bigint;
    deadline bigint;
    until_ bigint;
    discarded boolean;
BEGIN
    FOR i IN 1..cardinality(marks) LOOP
        m := marks[i] / width + 1;
        IF last_[m] = 0 THEN
            first_[m] := i;
        END IF;
        last_[m] := i;
        marks[i] := marks[i] % width;
    END LOOP;

    -- Each step takes its turn to be the entrance when unordered, else only the first one.
    FOR entrance IN 1..(CASE WHEN kind = 'unordered' THEN steps ELSE 1 END) LOOP
        read_ := first_;
        between_read := array_fill(first_[between_], ARRAY[steps::int]);
        FOR e IN first_[entrance]..last_[entrance] LOOP
            before := marks[e];
            deadline := granary_deadline(before, span, months, origin);
            times := ARRAY[before];
            FOR k IN 1..steps LOOP
                CONTINUE WHEN k = entrance;
                r := read_[k];
                WHILE r <= last_[k] AND marks[r] <= before LOOP
                    r := r + 1;
                END LOOP;
                read_[k] := r;
                next_ := CASE WHEN r <= last_[k] THEN marks[r] END;
                IF kind = 'unordered' THEN
                    CONTINUE WHEN next_ IS NULL OR next_ > deadline;
                    times := times || next_;
                    j := cardinality(times);
                    WHILE times[j - 1] > next_ LOOP
                        times[j] := times[j - 1];
                        j := j - 1;
                    END LOOP;
                    times[j] := next_;
                ELSE
                    EXIT WHEN next_ IS NULL OR next_ > deadline;
                    IF strict_ THEN
                        r := between_read[k];
                        WHILE r <= last_[between_] AND marks[r] <= before LOOP
                            r := r + 1;
                        END LOOP;
                        between_read[k] := r;
                        EXIT WHEN r <= last_[between_] AND marks[r] < next_;
                    END IF;
                    times := times || next_;
                    before := next_;
                END IF;
            END LOOP;
            reached := cardinality(times);

            discarded := false;
            FOR x IN 1..exclusions LOOP
                IF kind = 'unordered' THEN
                    before := marks[e];
                    until_ := CASE WHEN reached = steps THEN times[reached] ELSE deadline END;
                ELSE
                    CONTINUE WHEN reached <= from_steps[x];
                    before := times[from_steps[x] + 1];
                    until_ := CASE
                        WHEN reached > to_steps[x] THEN times[to_steps[x] + 1]
                        ELSE granary_deadline(before, span, months, origin)
                    END;
                END IF;
                m := steps + x;
                r := read_[m];
                WHILE r <= last_[m] AND marks[r] <= before LOOP
                    r := r + 1;
                END LOOP;
                read_[m] := r;
                IF r <= last_[m] AND marks[r] < until_ THEN
                    discarded := true;
                    EXIT;
                END IF;
            END LOOP;
            CONTINUE WHEN discarded;

            seconds := ARRAY[]::float8[];
            FOR k IN 2..reached LOOP
                seconds := seconds || (times[k] - times[k - 1])::float8 / 1000000;
            END LOOP;
            RETURN NEXT;
        END LOOP;
    END LOOP;
END
$$;
