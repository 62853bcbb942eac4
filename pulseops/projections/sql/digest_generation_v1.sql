-- How many rows a generation has, and a digest of them that does not depend on their order. Keys make rows
-- unlike each other, so that no two of them cancel out.
CREATE OR REPLACE FUNCTION eventstore.digest_generation_v1(p_name text, p_generation smallint)
RETURNS TABLE (count bigint, digest bigint)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  v_relation text := (
    SELECT g.relation FROM eventstore.generation g WHERE g.name = p_name AND g.generation = p_generation
  );
BEGIN
  -- RETURN QUERY, unlike INTO, lets several processes share the work.
  RETURN QUERY EXECUTE format(
    'SELECT count(*), coalesce(bit_xor(hash_record_extended(t, 0)), 0) FROM %I.%I AS t',
    split_part(v_relation, '.', 1), split_part(v_relation, '.', 2) || '_' || p_generation
  );
END
$$;

GRANT EXECUTE ON FUNCTION eventstore.digest_generation_v1(text, smallint) TO pulseops_app;
