-- Whether a moment falls into business hours, as business_seconds_v1 has them.
CREATE OR REPLACE FUNCTION analytics.in_business_hours_v1(
  p_at timestamptz,
  p_zone text,
  p_opens time DEFAULT '09:00',
  p_closes time DEFAULT '17:00',
  p_days integer[] DEFAULT '{1,2,3,4,5}'
)
RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE
AS $$
  SELECT CASE
    WHEN p_closes > p_opens THEN
      pg_catalog.date_part('isodow', p_at AT TIME ZONE p_zone) = ANY (p_days)
      AND (p_at AT TIME ZONE p_zone)::time >= p_opens AND (p_at AT TIME ZONE p_zone)::time < p_closes
    WHEN (p_at AT TIME ZONE p_zone)::time >= p_opens THEN
      pg_catalog.date_part('isodow', p_at AT TIME ZONE p_zone) = ANY (p_days)
    ELSE
      (p_at AT TIME ZONE p_zone)::time < p_closes
      AND pg_catalog.date_part('isodow', (p_at AT TIME ZONE p_zone)::date - 1) = ANY (p_days)
  END
$$;

COMMENT ON FUNCTION analytics.in_business_hours_v1 IS
  'Whether p_at lies in business hours: on p_days (1 is Monday, 7 Sunday) from p_opens up to p_closes by the clock in p_zone, such as Europe/Berlin. What closes before it opens closes on the next day.';
REVOKE ALL ON FUNCTION analytics.in_business_hours_v1 FROM PUBLIC;
GRANT EXECUTE ON FUNCTION analytics.in_business_hours_v1 TO pulseops_analyst, pulseops_app;
