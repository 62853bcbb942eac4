-- Adds the teams first defined after p_after up to p_to, as they stand at p_up_to, to a generation of
-- catalog.team that is being filled: it has none of them, and no indexes yet. Parked streams are left out.
CREATE OR REPLACE FUNCTION catalog.fill_team_v1(
    p_generation smallint, p_log smallint, p_after bigint, p_to bigint, p_up_to bigint, p_parked uuid[]
)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET enable_hashjoin = off -- a window has few streams, the log has many: each is looked up
SET enable_mergejoin = off
SET jit = off
AS $$
BEGIN
    EXECUTE format($fill$
    WITH fact AS (
        SELECT h.stream_id, h.type, h.version, h.position, h.recorded_at, h.data, h.meta ->> 'actor' AS actor
        FROM (
            SELECT e.stream_id
            FROM (SELECT * FROM eventstore.slice_v1($1, $2, $3, 0, 1, $5, '{}') OFFSET 0) AS e
            WHERE e.version = 1 AND starts_with(e.type, 'TEAM.')
        ) AS b
        CROSS JOIN LATERAL (
            -- The whole key but for its last column, or the planner may prefer the positions.
            SELECT s.*
            FROM eventstore.event AS s
            WHERE s.log_id = $1 AND s.stream_id = b.stream_id AND s.version BETWEEN 1 AND 2147483647
              AND s.position > $2 AND s.position <= $4
            OFFSET 0
        ) AS h
        WHERE catalog.knows_v1('TEAM.', h.type, h.schema_version, h.position)
    ), change AS (
        SELECT
            f.stream_id AS id,
            max(f.data ->> 'name') AS name,
            max(f.version) AS version,
            max(f.position) AS position,
            max(f.recorded_at) AS updated_at,
            (array_agg(f.actor ORDER BY f.version DESC))[1] AS updated_by,
            (array_agg(f.type ORDER BY f.version DESC))[1] = 'TEAM.RETIRED' AS retired,
            (array_agg(f.data ORDER BY f.version DESC) FILTER (WHERE f.type = 'TEAM.DEFINED'))[1] AS defined
        FROM fact AS f
        GROUP BY f.stream_id
    )
    INSERT INTO catalog.%I (
        log_id, name, id, display_name, description, lead, email, chat, members, runbooks, links,
        updated_at, updated_by, retired_at, version, position
    )
    SELECT
        $1,
        c.name,
        c.id,
        coalesce(c.defined ->> 'displayName', ''),
        coalesce(c.defined ->> 'description', ''),
        c.defined ->> 'lead',
        c.defined ->> 'email',
        c.defined ->> 'chat',
        coalesce(c.defined -> 'members', '[]'),
        coalesce(c.defined -> 'runbooks', '[]'),
        coalesce(c.defined -> 'links', '[]'),
        c.updated_at,
        c.updated_by,
        CASE WHEN c.retired THEN c.updated_at END,
        c.version,
        c.position
    FROM change AS c
    $fill$, 'team_' || p_generation)
    USING p_log, p_after, p_to, p_up_to, p_parked;
END
$$;

GRANT EXECUTE ON FUNCTION catalog.fill_team_v1(smallint, smallint, bigint, bigint, bigint, uuid[])
    TO pulseops_app;
