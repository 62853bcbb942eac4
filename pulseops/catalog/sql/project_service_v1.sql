-- Works a slice of history (see subscriptions/slices.py) into a generation of catalog.service. Any split of history
-- into slices gives the same rows, and a slice may come again: a row only ever gives way to a newer version of
-- itself. A definition is whole, so that the newest of a slice says all but whether it was retired since.
CREATE OR REPLACE FUNCTION catalog.project_service_v1(
    p_generation smallint,
    p_log smallint, p_after bigint, p_up_to bigint, p_shard int, p_shards int, p_parked uuid[], p_only uuid[]
)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off -- the range is read by the log's key, whatever the statistics of a young table say
AS $$
DECLARE
    v_stray uuid;
BEGIN
    -- The name of the table is ours: nothing but a number comes from outside.
    EXECUTE format($project$
    WITH newest AS (
        SELECT DISTINCT ON (e.stream_id, e.type)
            e.stream_id, e.type, e.version, e.position, e.recorded_at, e.data, e.meta ->> 'actor' AS actor
        -- The slice first (OFFSET 0): what it leaves out need not be known.
        FROM (SELECT * FROM eventstore.slice_v1($1, $2, $3, $4, $5, $6, $7) OFFSET 0) AS e
        WHERE catalog.knows_v1('SERVICE.', e.type, e.schema_version, e.position)
        ORDER BY e.stream_id, e.type, e.version DESC
    ), change AS (
        SELECT
            n.stream_id AS id,
            max(n.data ->> 'name') AS name,
            max(n.version) AS version,
            max(n.position) AS position,
            max(n.recorded_at) AS updated_at,
            (array_agg(n.actor ORDER BY n.version DESC))[1] AS updated_by,
            (array_agg(n.type ORDER BY n.version DESC))[1] = 'SERVICE.RETIRED' AS retired,
            (array_agg(n.data) FILTER (WHERE n.type = 'SERVICE.DEFINED'))[1] AS defined
        FROM newest AS n
        GROUP BY n.stream_id
    ), written AS (
        INSERT INTO catalog.%1$I AS t (
            log_id, name, id, team, display_name, description, tier, repository, runbooks, dashboards,
            links, labels, environments, updated_at, updated_by, retired_at, version, position
        )
        SELECT
            $1,
            c.name,
            c.id,
            c.defined ->> 'team',
            coalesce(c.defined ->> 'displayName', ''),
            coalesce(c.defined ->> 'description', ''),
            (c.defined ->> 'tier')::smallint,
            c.defined ->> 'repository',
            coalesce(c.defined -> 'runbooks', '[]'),
            coalesce(c.defined -> 'dashboards', '[]'),
            coalesce(c.defined -> 'links', '[]'),
            coalesce(c.defined -> 'labels', '{}'),
            ARRAY(SELECT jsonb_array_elements_text(coalesce(c.defined -> 'environments', '[]'))),
            c.updated_at,
            c.updated_by,
            CASE WHEN c.retired THEN c.updated_at END,
            c.version,
            c.position
        FROM change AS c
        WHERE c.defined IS NOT NULL
        ON CONFLICT (log_id, name) DO UPDATE SET
            team = excluded.team,
            display_name = excluded.display_name,
            description = excluded.description,
            tier = excluded.tier,
            repository = excluded.repository,
            runbooks = excluded.runbooks,
            dashboards = excluded.dashboards,
            links = excluded.links,
            labels = excluded.labels,
            environments = excluded.environments,
            updated_at = excluded.updated_at,
            updated_by = excluded.updated_by,
            retired_at = excluded.retired_at,
            version = excluded.version,
            position = excluded.position
        WHERE t.version < excluded.version
    ), retired AS (
        -- Where the definition lies before the range the row exists.
        UPDATE catalog.%1$I AS t SET
            updated_at = c.updated_at,
            updated_by = c.updated_by,
            retired_at = c.updated_at,
            version = c.version,
            position = c.position
        FROM change AS c
        WHERE c.defined IS NULL AND t.log_id = $1 AND t.name = c.name AND t.version < c.version
    )
    SELECT c.id FROM change AS c
    WHERE c.defined IS NULL
        AND NOT EXISTS (SELECT FROM catalog.%1$I AS t WHERE t.log_id = $1 AND t.name = c.name)
    LIMIT 1
    $project$, 'service_' || p_generation)
    INTO v_stray
    USING p_log, p_after, p_up_to, p_shard, p_shards, p_parked, p_only;

    IF v_stray IS NOT NULL THEN
        -- The id is not in the message, which is the same for each such service (see refuse_fact_v1.sql).
        RAISE EXCEPTION 'A service was retired, but was never defined'
            USING DETAIL = format('Its stream is %s.', v_stray);
    END IF;
END
$$;

GRANT EXECUTE ON FUNCTION catalog.project_service_v1(
    smallint, smallint, bigint, bigint, int, int, uuid[], uuid[]
) TO pulseops_app;
