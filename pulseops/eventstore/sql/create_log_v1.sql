-- Makes an empty log and returns its number. Logs are never renamed or removed, so a number means one log for ever.
-- Two at once take turns, so that numbers follow each other. Appends take a lock that this one lets by.
CREATE OR REPLACE FUNCTION eventstore.create_log_v1(p_name text, p_created_at timestamptz) RETURNS smallint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  v_log smallint;
BEGIN
  LOCK TABLE eventstore.log IN SHARE ROW EXCLUSIVE MODE;
  INSERT INTO eventstore.log (log_id, name, created_at)
    SELECT max(l.log_id) + 1, p_name, p_created_at FROM eventstore.log l
    RETURNING log_id INTO v_log;
  RETURN v_log;
END
$$;

GRANT EXECUTE ON FUNCTION eventstore.create_log_v1(text, timestamptz) TO pulseops_app;
