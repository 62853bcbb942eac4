-- The keys of rows that differ between the live generation and another, or that only one of them has: at most
-- p_most of them, each with how many there are altogether.
CREATE OR REPLACE FUNCTION eventstore.generations_differ_v1(
  p_name text, p_generation smallint, p_most integer
)
RETURNS TABLE (key text, altogether bigint)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  v_live eventstore.generation;
  v_schema text;
  v_view text;
  v_key text;
BEGIN
  SELECT * INTO v_live FROM eventstore.generation g WHERE g.name = p_name AND g.state = 'live';
  v_schema := split_part(v_live.relation, '.', 1);
  v_view := split_part(v_live.relation, '.', 2);
  SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY k.place) INTO v_key
  FROM pg_index i
  CROSS JOIN LATERAL unnest(i.indkey::smallint[]) WITH ORDINALITY k (attnum, place)
  JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
  WHERE i.indrelid = to_regclass(format('%I.%I', v_schema, v_view || '_' || v_live.generation))
    AND i.indisprimary;
  RETURN QUERY EXECUTE format(
    'SELECT concat_ws('' '', %1$s), count(*) OVER () '
    'FROM (SELECT %1$s, hash_record_extended(t, 0) AS one FROM %2$I.%3$I t) AS a '
    'FULL JOIN (SELECT %1$s, hash_record_extended(t, 0) AS other FROM %2$I.%4$I t) AS b USING (%1$s) '
    'WHERE one IS DISTINCT FROM other ORDER BY %1$s LIMIT $1',
    v_key, v_schema, v_view || '_' || v_live.generation, v_view || '_' || p_generation
  ) USING p_most;
END
$$;

GRANT EXECUTE ON FUNCTION eventstore.generations_differ_v1(text, smallint, integer) TO pulseops_app;
