-- Keeps two empty partitions of 2^24 positions ahead of the highest head; returns how many it made.
CREATE OR REPLACE FUNCTION eventstore.ensure_partitions_v1() RETURNS int
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  v_head bigint;
BEGIN
  -- As in ensure_partitions_v2, but before the heads are looked up.
  LOCK TABLE eventstore.log IN SHARE UPDATE EXCLUSIVE MODE;
  SELECT coalesce(max(greatest(l.floor_position, (
    SELECT e.position FROM eventstore.event e WHERE e.log_id = l.log_id ORDER BY e.position DESC LIMIT 1
  ))), 0) INTO v_head FROM eventstore.log l;
  RETURN eventstore.ensure_partitions_v2(v_head >> 24, (v_head >> 24) + 2);
END
$$;

SELECT eventstore.ensure_partitions_v1();
GRANT EXECUTE ON FUNCTION eventstore.ensure_partitions_v1() TO pulseops_app;
