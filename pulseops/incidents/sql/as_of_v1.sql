-- These incidents as they were at a position, in no order; those that were not there yet are left out. A row of the
-- board that has not changed since is as it was; the others are folded, fact by fact. The board must have come to
-- p_position.
CREATE OR REPLACE FUNCTION incidents.as_of_v1(p_log smallint, p_position bigint, p_incidents uuid[])
RETURNS SETOF incidents.incident
LANGUAGE plpgsql STABLE ROWS 50
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET enable_hashjoin = off -- they are few, the log has many: each is looked up
SET enable_mergejoin = off
SET jit = off
AS $$
BEGIN
    RETURN QUERY
    SELECT i.*
    FROM unnest(p_incidents) AS o (id)
    CROSS JOIN LATERAL (
        SELECT * FROM incidents.incident AS b
        WHERE b.log_id = p_log AND b.id = o.id AND b.position <= p_position OFFSET 0
    ) AS i;

    RETURN QUERY
    SELECT r.*
    FROM unnest(p_incidents) AS o (id)
    CROSS JOIN LATERAL (
        SELECT s.first_position FROM eventstore.stream AS s
        WHERE s.log_id = p_log AND s.stream_id = o.id AND s.first_position <= p_position OFFSET 0
    ) AS s
    CROSS JOIN LATERAL (
        SELECT incidents.folded_v1(
            NULL::jsonb, e.type, e.data, e.meta ->> 'actor', e.occurred_at, e.recorded_at, e.version, e.position
            ORDER BY e.version
        ) AS incident
        FROM (
            -- The whole key but for its last column, or the planner may prefer the positions.
            SELECT h.*
            FROM eventstore.event AS h
            WHERE h.log_id = p_log AND h.stream_id = o.id AND h.version BETWEEN 1 AND 2147483647
              AND h.position BETWEEN s.first_position AND p_position
            OFFSET 0
        ) AS e
        WHERE incidents.knows_v2(e.type, e.schema_version, e.position)
    ) AS f
    CROSS JOIN LATERAL jsonb_populate_record(
        NULL::incidents.incident, f.incident || jsonb_build_object('log_id', p_log, 'id', o.id)
    ) AS r
    WHERE f.incident IS NOT NULL
      AND NOT EXISTS (
        SELECT FROM incidents.incident AS b WHERE b.log_id = p_log AND b.id = o.id AND b.position <= p_position
      );
END
$$;

GRANT EXECUTE ON FUNCTION incidents.as_of_v1(smallint, bigint, uuid[]) TO pulseops_app;
