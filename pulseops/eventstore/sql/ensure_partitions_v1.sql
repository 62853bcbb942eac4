-- Keeps two empty partitions of 2^24 positions ahead of the highest head; returns how many it made.
-- The lock on the table is of a kind that keeps no append waiting.
-- ATTACH, unlike CREATE … PARTITION OF, lets readers and writers of the log go on meanwhile.
CREATE OR REPLACE FUNCTION eventstore.ensure_partitions_v1() RETURNS int
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  v_head bigint;
  v_number bigint;
  v_name text;
  v_made int := 0;
BEGIN
  LOCK TABLE eventstore.log IN SHARE UPDATE EXCLUSIVE MODE;
  SELECT coalesce(max(greatest(l.floor_position, (
    SELECT e.position FROM eventstore.event e WHERE e.log_id = l.log_id ORDER BY e.position DESC LIMIT 1
  ))), 0) INTO v_head FROM eventstore.log l;
  FOR v_number IN (v_head >> 24) .. (v_head >> 24) + 2 LOOP
    v_name := 'event_p' || lpad(v_number::text, greatest(4, length(v_number::text)), '0');
    CONTINUE WHEN to_regclass('eventstore.' || v_name) IS NOT NULL;
    EXECUTE format('CREATE TABLE eventstore.%I (LIKE eventstore.event INCLUDING ALL)', v_name);
    EXECUTE format('ALTER TABLE eventstore.%I ADD CONSTRAINT %I UNIQUE (log_id, stream_id, version)',
      v_name, v_name || '_version_key');
    EXECUTE format('CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON eventstore.%I '
      'FOR EACH STATEMENT EXECUTE FUNCTION eventstore.refuse_change_v1()', v_name);
    EXECUTE format('ALTER TABLE eventstore.event ATTACH PARTITION eventstore.%I FOR VALUES FROM (%s) TO (%s)',
      v_name, v_number << 24, (v_number + 1) << 24);
    EXECUTE format('ALTER TABLE eventstore.%I '
      'ENABLE ALWAYS TRIGGER refuse_change, ENABLE ALWAYS TRIGGER refuse_truncate', v_name);
    v_made := v_made + 1;
  END LOOP;
  RETURN v_made;
END
$$;

SELECT eventstore.ensure_partitions_v1();
GRANT EXECUTE ON FUNCTION eventstore.ensure_partitions_v1() TO pulseops_app;
