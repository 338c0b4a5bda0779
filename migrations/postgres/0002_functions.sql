-- Readings of a property's text. None of them may raise an error: one odd value must not spoil a chart. They guard their
-- casts instead of catching exceptions, because a function that catches cannot run in a parallel worker.

-- Letters without case, for case-insensitive search. ICU, so that it does not depend on the locale of the database.
CREATE FUNCTION granary_fold(t text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$ SELECT lower(t COLLATE "und-x-icu") $$;

-- The number that the whole text spells, or NULL. Beyond float8 it is an infinity, and zero when too small.
CREATE FUNCTION granary_number(t text) RETURNS float8
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$
SELECT CASE
    WHEN t !~ '^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$' THEN NULL
    -- Short enough that the cast can neither overflow nor underflow.
    WHEN length(t) <= 300 AND t !~ '[eE]' THEN t::float8
    WHEN length(t) <= 150 AND t ~ '[eE][+-]?[0-9]{1,2}$' THEN t::float8
    WHEN length(t) > 1000 THEN NULL
    WHEN t !~ '^[^eE]*[1-9]' THEN 0
    WHEN t ~ '[eE]-0*[0-9]{4,}$' THEN 0
    WHEN t ~ '[eE][+]?0*[1-9][0-9]{3,}$' THEN CASE WHEN t LIKE '-%' THEN '-Infinity' ELSE 'Infinity' END::float8
    WHEN abs(t::numeric) > 1.7976931348623157e308 THEN CASE WHEN t LIKE '-%' THEN '-Infinity' ELSE 'Infinity' END::float8
    WHEN abs(t::numeric) < 2.2250738585072014e-308 THEN 0
    ELSE t::float8
END
$$;

-- The instant that the whole text stands for, or NULL: an ISO date, alone or with a time, and that with an offset. Without
-- an offset it is local to `zone`.
--
-- Nothing else is read, as in the other stores: their best-effort parsers complete texts like `5` or `may` from the clock.
CREATE FUNCTION granary_instant_of(written text, zone text) RETURNS timestamptz
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE STRICT
AS $$
DECLARE
    m text[] := regexp_match(
        upper(written),
        '^([0-9]{4})-([0-9]{2})-([0-9]{2})'
        '(?:[T ][ ]*([0-9]{1,2}):([0-9]{2})(?::([0-9]{2}(?:\.[0-9]{1,18})?))?[ ]*(Z|UTC|GMT|[+-][0-9]{2}(?::?[0-9]{2})?)?)?$'
    );
    y int := m[1];
    mo int := m[2];
    d int := m[3];
    h int := coalesce(m[4], '0');
    mi int := coalesce(m[5], '0');
    s float8 := coalesce(m[6], '0');
    digits text := regexp_replace(coalesce(m[7], ''), '[^0-9]', '', 'g');
    shift interval;
    at_ timestamp;
BEGIN
    IF m IS NULL OR y < 1 OR mo NOT BETWEEN 1 AND 12 OR d < 1 OR h > 23 OR mi > 59 OR s >= 60 THEN
        RETURN NULL;
    END IF;
    IF d > extract(day FROM make_date(y, mo, 1) + interval '1 month' - interval '1 day') THEN
        RETURN NULL;
    END IF;
    at_ := make_timestamp(y, mo, d, h, mi, s);
    IF m[7] IS NULL THEN
        RETURN at_ AT TIME ZONE zone;
    END IF;
    IF digits = '' THEN
        RETURN at_ AT TIME ZONE 'UTC';
    END IF;
    shift := make_interval(hours => left(digits, 2)::int, mins => coalesce(nullif(substr(digits, 3), ''), '0')::int);
    IF m[7] LIKE '-%' THEN
        shift := -shift;
    END IF;
    RETURN (at_ - shift) AT TIME ZONE 'UTC';
END
$$;

-- The whole text read as an instant, or else its first ten characters.
CREATE FUNCTION granary_instant(t text, zone text) RETURNS timestamptz
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$
SELECT CASE
    WHEN t ~ '^[0-9]{4}-[0-9]{2}-[0-9]{2}' THEN
        coalesce(granary_instant_of(t, zone), granary_instant_of(left(t, 10), zone))
END
$$;
