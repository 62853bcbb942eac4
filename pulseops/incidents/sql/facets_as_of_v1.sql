-- As facets_v1, of incidents as they were at p_position, to which the board must have come. Service and the others are
-- facets with a filter of their own, so what has changed since is found by source, time of creation and who may see it
-- alone, and is folded.
-- Exactly, or not at all: the facet 'looked at' is more than p_most when there were more incidents than that, and
-- 'folded' is more than p_most_folded, and alone, when what has changed since has more events than that.
CREATE OR REPLACE FUNCTION incidents.facets_as_of_v1(
    p_log smallint, p_position bigint, p_status text[], p_priority text[], p_category text[], p_team text[],
    p_service text[], p_responder text[], p_source text[], p_labels jsonb, p_names text[], p_text text,
    p_since timestamptz, p_until timestamptz, p_teams text[], p_most int, p_most_folded int
)
RETURNS TABLE (facet text, value text, incidents bigint)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_custom_plan
SET jit = off
AS $$
DECLARE
    v_from bigint := incidents.created_from_v1(p_log, p_since);
    v_before bigint := least(incidents.created_from_v1(p_log, p_until), p_position + 1);
    v_moved uuid[];
    v_events bigint;
BEGIN
    SELECT array_agg(b.id), sum(b.version) INTO v_moved, v_events FROM (
        SELECT m.id, m.version FROM incidents.matching_v1(
            p_log, NULL, NULL, NULL, NULL, NULL, NULL, p_source, NULL, NULL, NULL, v_from, v_before, p_teams
        ) AS m
        WHERE m.position > p_position LIMIT p_most_folded + 1
    ) AS b;
    IF v_events > p_most_folded THEN
        RETURN QUERY SELECT 'folded', NULL, v_events;
        RETURN;
    END IF;

    RETURN QUERY
    WITH each AS (
        SELECT m.status, m.priority, m.category, m.assigned_team AS team, m.service, m.responder
        FROM incidents.matching_v1(
            p_log, NULL, NULL, NULL, NULL, NULL, NULL, p_source, p_labels, p_names, p_text, v_from, v_before, p_teams
        ) AS m
        WHERE m.position <= p_position
        UNION ALL
        SELECT w.status, w.priority, w.category, w.assigned_team, w.service, w.responder
        FROM incidents.matching_as_of_v1(
            p_log, p_position, v_moved, NULL, NULL, NULL, NULL, NULL, NULL, p_source, p_labels, p_names, p_text
        ) AS w
    ), judged AS (
        -- Which of these filters do not let it through.
        SELECT e.*, array_remove(ARRAY[
            CASE WHEN p_status IS NULL OR e.status = ANY (p_status) THEN NULL ELSE 'status' END,
            CASE WHEN p_priority IS NULL OR e.priority = ANY (p_priority) THEN NULL ELSE 'priority' END,
            CASE WHEN p_category IS NULL OR e.category = ANY (p_category) THEN NULL ELSE 'category' END,
            CASE WHEN p_team IS NULL OR e.team = ANY (p_team) THEN NULL ELSE 'team' END,
            CASE WHEN p_service IS NULL OR e.service = ANY (p_service) THEN NULL ELSE 'service' END,
            CASE WHEN p_responder IS NULL OR e.responder = ANY (p_responder) THEN NULL ELSE 'responder' END
        ], NULL) AS by
        FROM each AS e
    ), seen AS MATERIALIZED (
        SELECT s.status, s.priority, s.category, s.team, s.service, s.responder, s.by, count(*) AS n
        FROM (SELECT * FROM judged AS j WHERE cardinality(j.by) <= 1 LIMIT p_most + 1) AS s
        GROUP BY s.status, s.priority, s.category, s.team, s.service, s.responder, s.by
    )
    SELECT 'looked at', NULL, coalesce(sum(s.n), 0)::bigint FROM seen AS s
    UNION ALL
    SELECT 'total', NULL, coalesce(sum(s.n), 0)::bigint FROM seen AS s WHERE s.by = '{}'
    UNION ALL
    SELECT f.facet, f.value, sum(s.n)::bigint
    FROM seen AS s
    CROSS JOIN LATERAL (
        VALUES ('status', s.status), ('priority', s.priority), ('category', s.category), ('team', s.team),
            ('service', s.service), ('responder', s.responder)
    ) AS f (facet, value)
    WHERE s.by <@ ARRAY[f.facet]
    GROUP BY f.facet, f.value;
END
$$;

GRANT EXECUTE ON FUNCTION incidents.facets_as_of_v1(
    smallint, bigint, text[], text[], text[], text[], text[], text[], text[], jsonb, text[], text,
    timestamptz, timestamptz, text[], int, int
) TO pulseops_app;
