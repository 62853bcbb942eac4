-- The ids of at most p_most incidents that a list shows after a place, in its order. Filters are as in
-- matching_v1; p_since (from that time on) and p_until (before it) are about their creation.
-- p_place is the created_position of the last one shown or, sorted by what changed, its position; by priority
-- p_rank is that of its priority as well, 0 for none. The first page begins beyond all places.
-- Planned anew each time: only with its filters before it does the planner see which index finds them.
CREATE OR REPLACE FUNCTION incidents.found_v1(
    p_log smallint, p_status text[], p_priority text[], p_category text[], p_team text[], p_service text[],
    p_responder text[], p_source text[], p_labels jsonb, p_names text[], p_text text,
    p_since timestamptz, p_until timestamptz, p_teams text[], p_sort text, p_rank int, p_place bigint, p_most int
)
RETURNS TABLE (id uuid)
LANGUAGE plpgsql STABLE ROWS 50
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_custom_plan
SET jit = off
AS $$
DECLARE
    v_from bigint := incidents.created_from_v1(p_log, p_since);
    v_before bigint := incidents.created_from_v1(p_log, p_until);
    -- How rare a word is nobody knows beforehand, and trying row after row for it takes seconds: what has the words
    -- is found first, and then sorted, by what no index is sorted by.
    v_walk boolean := p_text IS NULL;
    v_ranks text[] := '{low,medium,high,critical}';
    v_rank int;
    v_wanted text[];
    v_place bigint;
    v_left int := p_most;
    v_more int;
BEGIN
    IF p_sort = '-created' THEN
        RETURN QUERY SELECT m.id FROM incidents.matching_v1(
            p_log, p_status, p_priority, p_category, p_team, p_service, p_responder, p_source, p_labels,
            p_names, p_text, v_from, v_before, p_teams
        ) AS m
        WHERE m.created_position < p_place
        ORDER BY CASE WHEN v_walk THEN m.created_position ELSE m.created_position + 0 END DESC LIMIT p_most;
    ELSIF p_sort = 'created' THEN
        RETURN QUERY SELECT m.id FROM incidents.matching_v1(
            p_log, p_status, p_priority, p_category, p_team, p_service, p_responder, p_source, p_labels,
            p_names, p_text, v_from, v_before, p_teams
        ) AS m
        WHERE m.created_position > p_place
        ORDER BY CASE WHEN v_walk THEN m.created_position ELSE m.created_position + 0 END LIMIT p_most;
    ELSIF p_sort = '-updated' THEN
        RETURN QUERY SELECT m.id FROM incidents.matching_v1(
            p_log, p_status, p_priority, p_category, p_team, p_service, p_responder, p_source, p_labels,
            p_names, p_text, v_from, v_before, p_teams
        ) AS m
        WHERE m.position < p_place
        ORDER BY CASE WHEN v_walk THEN m.position ELSE m.position + 0 END DESC LIMIT p_most;
    ELSIF p_sort = 'updated' THEN
        RETURN QUERY SELECT m.id FROM incidents.matching_v1(
            p_log, p_status, p_priority, p_category, p_team, p_service, p_responder, p_source, p_labels,
            p_names, p_text, v_from, v_before, p_teams
        ) AS m
        WHERE m.position > p_place
        ORDER BY CASE WHEN v_walk THEN m.position ELSE m.position + 0 END LIMIT p_most;
    ELSIF p_sort IN ('-priority', 'priority') THEN
        -- Rank by rank, each in the order of creation.
        FOR v_step IN 0..4 LOOP
            v_rank := CASE p_sort WHEN 'priority' THEN v_step ELSE 4 - v_step END;
            CONTINUE WHEN CASE p_sort WHEN 'priority' THEN v_rank < p_rank ELSE v_rank > p_rank END;
            CONTINUE WHEN p_priority IS NOT NULL AND (v_rank = 0 OR v_ranks[v_rank] <> ALL (p_priority));
            v_wanted := CASE WHEN v_rank > 0 THEN v_ranks[v_rank:v_rank] END;
            v_place := CASE WHEN v_rank = p_rank THEN p_place END;
            IF p_sort = 'priority' THEN
                RETURN QUERY SELECT m.id FROM incidents.matching_v1(
                    p_log, p_status, v_wanted, p_category, p_team, p_service, p_responder, p_source, p_labels,
                    p_names, p_text, v_from, v_before, p_teams
                ) AS m
                WHERE (v_wanted IS NOT NULL OR m.priority IS NULL)
                  AND (v_place IS NULL OR m.created_position > v_place)
                ORDER BY CASE WHEN v_walk THEN m.created_position ELSE m.created_position + 0 END
                LIMIT v_left;
            ELSE
                RETURN QUERY SELECT m.id FROM incidents.matching_v1(
                    p_log, p_status, v_wanted, p_category, p_team, p_service, p_responder, p_source, p_labels,
                    p_names, p_text, v_from, v_before, p_teams
                ) AS m
                WHERE (v_wanted IS NOT NULL OR m.priority IS NULL)
                  AND (v_place IS NULL OR m.created_position < v_place)
                ORDER BY CASE WHEN v_walk THEN m.created_position ELSE m.created_position + 0 END DESC
                LIMIT v_left;
            END IF;
            GET DIAGNOSTICS v_more = ROW_COUNT;
            v_left := v_left - v_more;
            EXIT WHEN v_left <= 0;
        END LOOP;
    ELSE
        RAISE EXCEPTION 'There is no order named %', p_sort USING ERRCODE = 'invalid_parameter_value';
    END IF;
END
$$;

GRANT EXECUTE ON FUNCTION incidents.found_v1(
    smallint, text[], text[], text[], text[], text[], text[], text[], jsonb, text[], text,
    timestamptz, timestamptz, text[], text, int, bigint, int
) TO pulseops_app;
