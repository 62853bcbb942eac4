-- The rows that a replay of the positions up to p_up_to made of a read model, against those that everybody reads, in
-- one snapshot of them: how many there are, how many were compared and differ, and the first of these by key, at most
-- p_most of them: [{expected, found}], null for a row that is not there.
-- Not compared are rows of the streams p_parked, and those that went on since, or began since. That a row did so is
-- not taken on its word: at the position that it names there is an event of its stream, of its version.
-- Where rows are of what lasts (until_at), one that has ended since is one that went on: when it did so, there is an
-- event of the type that ended it.
-- Rows are held against each other by SHA-256: of PostgreSQL's own hashes, which tell values of other types apart,
-- anybody can make two that are the same.
-- p_stream is the column that holds the stream of a row.
CREATE OR REPLACE FUNCTION audit.compare_replay_v1(
  p_name text, p_stream text, p_log smallint, p_up_to bigint, p_parked uuid[], p_most integer
)
RETURNS TABLE (compared bigint, newer bigint, left_out bigint, differing bigint, first jsonb)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
SET work_mem = '64MB'
SET extra_float_digits = 1 -- whatever the database says: no two numbers have one text
AS $$
DECLARE
  v_live eventstore.generation;
  v_schema text;
  v_table text;
  v_key text;
  v_ended text;
BEGIN
  SELECT * INTO v_live FROM eventstore.generation AS g WHERE g.name = p_name AND g.state = 'live';
  v_schema := split_part(v_live.relation, '.', 1);
  v_table := split_part(v_live.relation, '.', 2);
  SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY k.place) INTO v_key
  FROM pg_index AS i
  CROSS JOIN LATERAL unnest(i.indkey::smallint[]) WITH ORDINALITY AS k (attnum, place)
  JOIN pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
  WHERE i.indrelid = to_regclass(format('%I.%I', v_schema, v_table || '_' || v_live.generation))
    AND i.indisprimary;
  v_ended := CASE WHEN EXISTS (
    SELECT FROM pg_attribute AS a
    WHERE a.attrelid = to_regclass(format('%I.%I', v_schema, v_table)) AND a.attname = 'until_at'
  ) THEN 't.until_at AS until, t.ended' ELSE 'NULL::timestamptz AS until, NULL::text AS ended' END;
  RETURN QUERY EXECUTE format($compare$
    WITH pair AS (
      SELECT %1$s, CASE
        WHEN coalesce(a.told, b.live) = ANY ($3) THEN 'left out'
        WHEN b.at > $2 AND EXISTS (
          SELECT FROM eventstore.event AS e
          WHERE e.log_id = $1 AND e.position = b.at AND e.stream_id = b.live AND e.version = b.nth
        ) THEN 'newer'
        WHEN a.until IS NULL AND b.until IS NOT NULL AND a.told = b.live AND EXISTS (
          SELECT FROM eventstore.event AS e
          WHERE e.log_id = $1 AND e.stream_id = b.live AND e.version > b.nth AND e.position > $2
            AND e.type = b.ended AND e.recorded_at = b.until
        ) THEN 'newer'
        WHEN a.hash IS DISTINCT FROM b.hash OR a.kind IS DISTINCT FROM b.kind THEN 'differs'
        ELSE 'same'
      END AS verdict
      FROM (
        SELECT %1$s, t.%2$I AS told, %5$s, hash_record_extended(t, 0) AS kind,
          sha256(convert_to(t::text, 'UTF8')) AS hash
        FROM replay.%4$I AS t
      ) AS a
      FULL JOIN (
        SELECT %1$s, t.%2$I AS live, t.position AS at, t.version AS nth, %5$s,
          hash_record_extended(t, 0) AS kind, sha256(convert_to(t::text, 'UTF8')) AS hash
        FROM %3$I.%4$I AS t WHERE t.log_id = $1
      ) AS b USING (%1$s)
    ), first AS (
      SELECT %1$s, row_number() OVER (ORDER BY %1$s) AS nth FROM pair WHERE verdict = 'differs'
      ORDER BY %1$s LIMIT $4
    )
    SELECT
      count(*) FILTER (WHERE verdict IN ('same', 'differs')),
      count(*) FILTER (WHERE verdict = 'newer'),
      count(*) FILTER (WHERE verdict = 'left out'),
      count(*) FILTER (WHERE verdict = 'differs'),
      (
        SELECT jsonb_agg(jsonb_build_object('expected', to_jsonb(x), 'found', to_jsonb(y)) ORDER BY f.nth)
        FROM first AS f
        LEFT JOIN replay.%4$I AS x USING (%1$s)
        LEFT JOIN %3$I.%4$I AS y USING (%1$s)
      )
    FROM pair
  $compare$, v_key, p_stream, v_schema, v_table, v_ended) USING p_log, p_up_to, p_parked, p_most;
END
$$;

GRANT EXECUTE ON FUNCTION audit.compare_replay_v1(text, text, smallint, bigint, uuid[], integer) TO pulseops_app;
