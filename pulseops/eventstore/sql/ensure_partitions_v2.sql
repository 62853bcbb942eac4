-- Makes the partitions that are missing from the number p_first up to p_last, of 2^24 positions each; returns how many
-- it made. Who may append has ensure_partitions_v1, which decides itself how many; an import, which runs as the owner,
-- knows how much is to come (see eventstore/importing.py).
-- The lock on the table is of a kind that keeps no append waiting.
-- ATTACH, unlike CREATE … PARTITION OF, lets readers and writers of the log go on meanwhile.
CREATE OR REPLACE FUNCTION eventstore.ensure_partitions_v2(p_first bigint, p_last bigint) RETURNS int
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  v_number bigint;
  v_name text;
  v_made int := 0;
BEGIN
  LOCK TABLE eventstore.log IN SHARE UPDATE EXCLUSIVE MODE;
  FOR v_number IN p_first .. p_last LOOP
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
