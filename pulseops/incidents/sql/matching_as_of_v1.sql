-- Those of these incidents that a list as of p_position lets through, as they were. The filters are those of
-- matching_v1, but for when an incident was created and who may see it: that is as of now (candidates_as_of_v1).
CREATE OR REPLACE FUNCTION incidents.matching_as_of_v1(
    p_log smallint, p_position bigint, p_incidents uuid[], p_status text[], p_priority text[], p_category text[],
    p_team text[], p_service text[], p_responder text[], p_source text[], p_labels jsonb, p_names text[], p_text text
)
RETURNS SETOF incidents.incident
LANGUAGE sql STABLE
AS $$
    SELECT i.*
    FROM incidents.as_of_v1(p_log, p_position, p_incidents) AS i
    WHERE (p_status IS NULL OR i.status = ANY (p_status))
      AND (p_priority IS NULL OR i.priority = ANY (p_priority))
      AND (p_category IS NULL OR i.category = ANY (p_category))
      AND (p_team IS NULL OR i.assigned_team = ANY (p_team))
      AND (p_service IS NULL OR i.service = ANY (p_service))
      AND (p_responder IS NULL OR i.responder = ANY (p_responder))
      AND (p_source IS NULL OR i.source = ANY (p_source))
      AND (p_labels IS NULL OR i.labels @> p_labels)
      AND (p_names IS NULL OR i.labels ?& p_names)
      AND (
        p_text IS NULL
        OR to_tsvector('simple', i.title || ' ' || i.description) @@ plainto_tsquery('simple', p_text)
      )
$$;

GRANT EXECUTE ON FUNCTION incidents.matching_as_of_v1(
    smallint, bigint, uuid[], text[], text[], text[], text[], text[], text[], text[], jsonb, text[], text
) TO pulseops_app;
