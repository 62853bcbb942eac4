-- The next incidents that a list as of p_position may show, at most p_most of them, in the order of creation. One
-- that has not changed since is known to match; one that has changed (`moved`) must be folded to know. What never
-- changes is asked of both: when it was created, service and source; and who may see it, which is as of now.
-- Planned anew each time, as found_v1 is, and for the same reason.
CREATE OR REPLACE FUNCTION incidents.candidates_as_of_v1(
    p_log smallint, p_position bigint, p_status text[], p_priority text[], p_category text[], p_team text[],
    p_service text[], p_responder text[], p_source text[], p_labels jsonb, p_names text[], p_text text,
    p_since timestamptz, p_until timestamptz, p_teams text[], p_newest_first boolean, p_place bigint, p_most int
)
RETURNS TABLE (id uuid, place bigint, moved boolean)
LANGUAGE plpgsql STABLE ROWS 50
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_custom_plan
SET jit = off
AS $$
DECLARE
    v_from bigint := incidents.created_from_v1(p_log, p_since);
    v_before bigint := least(incidents.created_from_v1(p_log, p_until), p_position + 1);
    v_walk boolean := p_text IS NULL;
BEGIN
    IF p_newest_first THEN
        RETURN QUERY
        SELECT c.id, c.created_position, c.moved FROM (
            (SELECT m.id, m.created_position, false AS moved FROM incidents.matching_v1(
                p_log, p_status, p_priority, p_category, p_team, p_service, p_responder, p_source, p_labels,
                p_names, p_text, v_from, v_before, p_teams
            ) AS m
            WHERE m.created_position < p_place AND m.position <= p_position
            ORDER BY CASE WHEN v_walk THEN m.created_position ELSE m.created_position + 0 END DESC LIMIT p_most)
            UNION ALL
            (SELECT m.id, m.created_position, true FROM incidents.matching_v1(
                p_log, NULL, NULL, NULL, NULL, p_service, NULL, p_source, NULL, NULL, NULL, v_from, v_before, p_teams
            ) AS m
            WHERE m.created_position < p_place AND m.position > p_position
            ORDER BY m.created_position DESC LIMIT p_most)
        ) AS c
        ORDER BY c.created_position DESC LIMIT p_most;
    ELSE
        RETURN QUERY
        SELECT c.id, c.created_position, c.moved FROM (
            (SELECT m.id, m.created_position, false AS moved FROM incidents.matching_v1(
                p_log, p_status, p_priority, p_category, p_team, p_service, p_responder, p_source, p_labels,
                p_names, p_text, v_from, v_before, p_teams
            ) AS m
            WHERE m.created_position > p_place AND m.position <= p_position
            ORDER BY CASE WHEN v_walk THEN m.created_position ELSE m.created_position + 0 END LIMIT p_most)
            UNION ALL
            (SELECT m.id, m.created_position, true FROM incidents.matching_v1(
                p_log, NULL, NULL, NULL, NULL, p_service, NULL, p_source, NULL, NULL, NULL, v_from, v_before, p_teams
            ) AS m
            WHERE m.created_position > p_place AND m.position > p_position
            ORDER BY m.created_position LIMIT p_most)
        ) AS c
        ORDER BY c.created_position LIMIT p_most;
    END IF;
END
$$;

GRANT EXECUTE ON FUNCTION incidents.candidates_as_of_v1(
    smallint, bigint, text[], text[], text[], text[], text[], text[], text[], jsonb, text[], text,
    timestamptz, timestamptz, text[], boolean, bigint, int
) TO pulseops_app;
