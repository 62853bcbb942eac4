-- The names that the incidents of a log hold, by their facts: what `claims` in incidents/decider.py comes to at the
-- end of each life. An incident holds its dedup key until it is resolved, and again once it is reopened or split off.
CREATE OR REPLACE FUNCTION incidents.held_names_v1(p_log smallint)
RETURNS TABLE (name text, stream_id uuid)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $$
    SELECT 'dedup:' || h.key, h.stream_id
    FROM (
        SELECT
            e.stream_id,
            max(e.data ->> 'dedupKey') FILTER (WHERE e.type = 'CREATED') AS key,
            (array_agg(e.type ORDER BY e.version DESC))[1] AS newest
        FROM eventstore.event AS e
        WHERE e.log_id = p_log AND e.type IN ('CREATED', 'RESOLVED', 'REOPENED', 'SPLIT')
        GROUP BY e.stream_id
    ) AS h
    WHERE h.key IS NOT NULL AND h.newest <> 'RESOLVED'
$$;
