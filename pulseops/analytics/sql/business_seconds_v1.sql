-- How many seconds of a span fall into business hours. Each day is laid out by the clock on the wall of its zone, so
-- one on which clocks are changed has as many hours as it had there. Plain enough to be put into a caller's query.
CREATE OR REPLACE FUNCTION analytics.business_seconds_v1(
  p_from timestamptz,
  p_until timestamptz,
  p_zone text,
  p_opens time DEFAULT '09:00',
  p_closes time DEFAULT '17:00',
  p_days integer[] DEFAULT '{1,2,3,4,5}'
)
RETURNS double precision
LANGUAGE sql STABLE PARALLEL SAFE
AS $$
  SELECT CASE WHEN p_from IS NOT NULL AND p_until IS NOT NULL THEN coalesce((
    SELECT sum(pg_catalog.date_part('epoch', least(d.closes, p_until) - greatest(d.opens, p_from)))
    FROM (
      SELECT
        (n.day + p_opens) AT TIME ZONE p_zone AS opens,
        -- What closes before it opens closes on the next day.
        (n.day + CASE WHEN p_closes > p_opens THEN 0 ELSE 1 END + p_closes) AT TIME ZONE p_zone AS closes,
        pg_catalog.date_part('isodow', n.day) AS weekday
      FROM (
        SELECT (p_from AT TIME ZONE p_zone)::date - 1 + g.n AS day
        FROM pg_catalog.generate_series(
          0, (p_until AT TIME ZONE p_zone)::date - (p_from AT TIME ZONE p_zone)::date + 1
        ) AS g (n)
      ) AS n
    ) AS d
    WHERE d.weekday = ANY (p_days) AND d.opens < p_until AND d.closes > p_from
  ), 0) END
$$;

COMMENT ON FUNCTION analytics.business_seconds_v1 IS
  'How many seconds of the span from p_from to p_until lie in business hours: on p_days (1 is Monday, 7 Sunday) from p_opens to p_closes by the clock in p_zone, such as Europe/Berlin. What closes before it opens closes on the next day. Null when an end of the span is; 0 when it runs backwards.';
REVOKE ALL ON FUNCTION analytics.business_seconds_v1 FROM PUBLIC;
GRANT EXECUTE ON FUNCTION analytics.business_seconds_v1 TO pulseops_analyst, pulseops_app;
