-- How many incidents have each status, priority and so on, under filters as in found_v1; each facet under all
-- filters but its own. The facet 'total' is how many all filters let through.
-- No more than p_most + 1 are counted: whoever finds more than p_most in a facet knows that there are too many.
CREATE OR REPLACE FUNCTION incidents.facets_v1(
    p_log smallint, p_status text[], p_priority text[], p_category text[], p_team text[], p_service text[],
    p_responder text[], p_source text[], p_labels jsonb, p_names text[], p_text text,
    p_since timestamptz, p_until timestamptz, p_teams text[], p_most int
)
RETURNS TABLE (facet text, value text, incidents bigint)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_custom_plan
SET jit = off
AS $$
DECLARE
    v_from bigint := incidents.created_from_v1(p_log, p_since);
    v_before bigint := incidents.created_from_v1(p_log, p_until);
BEGIN
    -- Facets without a filter of their own are all of the same incidents: these are gone through once.
    RETURN QUERY
    WITH seen AS MATERIALIZED (
        SELECT m.status, m.priority, m.category, m.assigned_team, m.service, m.responder, count(*) AS n
        FROM (
            SELECT * FROM incidents.matching_v1(
                p_log, p_status, p_priority, p_category, p_team, p_service, p_responder, p_source,
                p_labels, p_names, p_text, v_from, v_before, p_teams
            ) LIMIT p_most + 1
        ) AS m
        GROUP BY m.status, m.priority, m.category, m.assigned_team, m.service, m.responder
    )
    SELECT 'total', NULL, coalesce(sum(s.n), 0)::bigint FROM seen AS s
    UNION ALL
    SELECT 'status', s.status, sum(s.n)::bigint FROM seen AS s WHERE p_status IS NULL GROUP BY s.status
    UNION ALL
    SELECT 'priority', s.priority, sum(s.n)::bigint FROM seen AS s WHERE p_priority IS NULL GROUP BY s.priority
    UNION ALL
    SELECT 'category', s.category, sum(s.n)::bigint FROM seen AS s WHERE p_category IS NULL GROUP BY s.category
    UNION ALL
    SELECT 'team', s.assigned_team, sum(s.n)::bigint FROM seen AS s WHERE p_team IS NULL GROUP BY s.assigned_team
    UNION ALL
    SELECT 'service', s.service, sum(s.n)::bigint FROM seen AS s WHERE p_service IS NULL GROUP BY s.service
    UNION ALL
    SELECT 'responder', s.responder, sum(s.n)::bigint FROM seen AS s WHERE p_responder IS NULL GROUP BY s.responder;
    IF p_status IS NOT NULL THEN
        RETURN QUERY SELECT 'status', m.value, count(*) FROM (
            SELECT a.status AS value FROM incidents.matching_v1(
                p_log, NULL, p_priority, p_category, p_team, p_service, p_responder, p_source,
                p_labels, p_names, p_text, v_from, v_before, p_teams
            ) AS a LIMIT p_most + 1
        ) AS m GROUP BY m.value;
    END IF;
    IF p_priority IS NOT NULL THEN
        RETURN QUERY SELECT 'priority', m.value, count(*) FROM (
            SELECT a.priority AS value FROM incidents.matching_v1(
                p_log, p_status, NULL, p_category, p_team, p_service, p_responder, p_source,
                p_labels, p_names, p_text, v_from, v_before, p_teams
            ) AS a LIMIT p_most + 1
        ) AS m GROUP BY m.value;
    END IF;
    IF p_category IS NOT NULL THEN
        RETURN QUERY SELECT 'category', m.value, count(*) FROM (
            SELECT a.category AS value FROM incidents.matching_v1(
                p_log, p_status, p_priority, NULL, p_team, p_service, p_responder, p_source,
                p_labels, p_names, p_text, v_from, v_before, p_teams
            ) AS a LIMIT p_most + 1
        ) AS m GROUP BY m.value;
    END IF;
    IF p_team IS NOT NULL THEN
        RETURN QUERY SELECT 'team', m.value, count(*) FROM (
            SELECT a.assigned_team AS value FROM incidents.matching_v1(
                p_log, p_status, p_priority, p_category, NULL, p_service, p_responder, p_source,
                p_labels, p_names, p_text, v_from, v_before, p_teams
            ) AS a LIMIT p_most + 1
        ) AS m GROUP BY m.value;
    END IF;
    IF p_service IS NOT NULL THEN
        RETURN QUERY SELECT 'service', m.value, count(*) FROM (
            SELECT a.service AS value FROM incidents.matching_v1(
                p_log, p_status, p_priority, p_category, p_team, NULL, p_responder, p_source,
                p_labels, p_names, p_text, v_from, v_before, p_teams
            ) AS a LIMIT p_most + 1
        ) AS m GROUP BY m.value;
    END IF;
    IF p_responder IS NOT NULL THEN
        RETURN QUERY SELECT 'responder', m.value, count(*) FROM (
            SELECT a.responder AS value FROM incidents.matching_v1(
                p_log, p_status, p_priority, p_category, p_team, p_service, NULL, p_source,
                p_labels, p_names, p_text, v_from, v_before, p_teams
            ) AS a LIMIT p_most + 1
        ) AS m GROUP BY m.value;
    END IF;
END
$$;

GRANT EXECUTE ON FUNCTION incidents.facets_v1(
    smallint, text[], text[], text[], text[], text[], text[], text[], jsonb, text[], text,
    timestamptz, timestamptz, text[], int
) TO pulseops_app;
