-- How many seconds of a span fall into business hours, by the clock on the wall of a zone. Where clocks go forward an
-- hour is left out, where they go back it comes twice, as often as in_business_hours_v1 says yes to it.
-- By pieces in which clocks are not changed: within one, a day is a day, and only days are counted. No zone ever
-- changed its clocks twice in six days. No query in it: that would cost more than all the rest.
CREATE OR REPLACE FUNCTION analytics.business_seconds_v1(
  p_from timestamptz,
  p_until timestamptz,
  p_zone text,
  p_opens time DEFAULT '09:00',
  p_closes time DEFAULT '17:00',
  p_days integer[] DEFAULT '{1,2,3,4,5}'
)
RETURNS double precision
LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE
AS $$
DECLARE
  v_long double precision := date_part('epoch', p_closes - p_opens);
  v_at timestamptz := p_from;
  v_end timestamptz;
  v_low timestamptz;
  v_begun timestamp; -- of a piece by the clock on the wall; from then on it is as long ago as business hours begin
  v_ended timestamp;
  v_day integer; -- from a Monday on
  v_last integer;
  v_found double precision := 0;
BEGIN
  IF v_long <= 0 THEN -- what closes before it opens closes on the next day
    v_long := v_long + 86400;
  END IF;
  IF NOT (isfinite(p_from) AND isfinite(p_until)) THEN
    RETURN NULL;
  ELSIF p_until <= p_from THEN
    PERFORM p_from AT TIME ZONE p_zone; -- a zone that is not there is none also here
  END IF;
  WHILE v_at < p_until LOOP
    v_end := least(v_at + interval '144 hours', p_until);
    v_begun := v_at AT TIME ZONE p_zone;
    -- Its last microsecond, since its end may be the very moment that clocks are changed.
    v_ended := ((v_end - interval '1 us') AT TIME ZONE p_zone) + interval '1 us';
    IF v_ended - v_begun <> v_end - v_at THEN
      v_low := v_at;
      WHILE v_end - v_low > interval '1 us' LOOP
        v_ended := (v_low + (v_end - v_low) / 2) AT TIME ZONE p_zone;
        IF v_ended - v_begun = v_low + (v_end - v_low) / 2 - v_at THEN
          v_low := v_low + (v_end - v_low) / 2;
        ELSE
          v_end := v_low + (v_end - v_low) / 2;
        END IF;
      END LOOP;
      v_ended := v_begun + (v_end - v_at);
    END IF;
    v_begun := v_begun - p_opens;
    v_ended := v_ended - p_opens;
    v_day := v_begun::date - date '0001-01-01';
    v_last := v_ended::date - date '0001-01-01';
    IF v_day % 7 + 1 = ANY (p_days) THEN
      v_found := v_found - least(date_part('epoch', v_begun::time), v_long);
    END IF;
    IF v_last % 7 + 1 = ANY (p_days) THEN
      v_found := v_found + least(date_part('epoch', v_ended::time), v_long);
    END IF;
    WHILE v_day < v_last LOOP
      IF v_day % 7 + 1 = ANY (p_days) THEN
        v_found := v_found + v_long;
      END IF;
      v_day := v_day + 1;
    END LOOP;
    v_at := v_end;
  END LOOP;
  RETURN v_found;
END
$$;

COMMENT ON FUNCTION analytics.business_seconds_v1 IS
  'How many seconds of the span from p_from to p_until lie in business hours: on p_days (1 is Monday, 7 Sunday) from p_opens to p_closes by the clock in p_zone, such as Europe/Berlin. What closes before it opens closes on the next day. Null when an end of the span is, or is infinite; 0 when it runs backwards.';
REVOKE ALL ON FUNCTION analytics.business_seconds_v1 FROM PUBLIC;
GRANT EXECUTE ON FUNCTION analytics.business_seconds_v1 TO pulseops_analyst, pulseops_app;
