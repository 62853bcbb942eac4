-- The moments from p_since up to p_until at which a day, business hours or a night begins or ends by the clock in
-- p_zone, in order: between two of these all moments are alike, so that the clock is asked of each of these and not of
-- each fact. p_steps are moments more. Where clocks are changed, every quarter of an hour is one: a full hour may come
-- twice there, and all zones are full quarters away from each other.
CREATE OR REPLACE FUNCTION analytics.turns_v1(
    p_since timestamptz, p_until timestamptz, p_zone text, p_steps timestamptz[]
)
RETURNS timestamptz[]
LANGUAGE sql STABLE
AS $$
    WITH day AS (
        SELECT d.day, d.day AT TIME ZONE p_zone AS begins, (d.day + interval '1 day') AT TIME ZONE p_zone AS ends
        FROM generate_series(
            date_trunc('day', p_since AT TIME ZONE p_zone), p_until AT TIME ZONE p_zone, interval '1 day'
        ) AS d (day)
    )
    SELECT array_agg(DISTINCT t.at ORDER BY t.at)
    FROM (
        SELECT (y.day + h.hour) AT TIME ZONE p_zone AS at
        FROM day AS y CROSS JOIN unnest('{00:00,06:00,09:00,17:00,22:00}'::time[]) AS h (hour)
        UNION ALL
        SELECT generate_series(y.begins - interval '1 hour', y.ends, interval '15 minutes')
        FROM day AS y WHERE y.ends - y.begins <> interval '24 hours'
        UNION ALL SELECT unnest(p_steps)
        UNION ALL SELECT p_since
    ) AS t
$$;

REVOKE ALL ON FUNCTION analytics.turns_v1 FROM PUBLIC;
GRANT EXECUTE ON FUNCTION analytics.turns_v1 TO pulseops_app;
