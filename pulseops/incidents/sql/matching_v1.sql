-- The incidents born from p_from on and before p_before (positions) that a list lets through. A null filter lets
-- all through; of an array one value is enough; all of p_labels (names with values) and p_names (of labels), and
-- every word of p_text, must be there. p_teams is what the caller sees.
-- Plain enough for the planner to put it into the query that calls it, and then to leave out what is null: no
-- SET, no STRICT, not the owner's rights.
CREATE OR REPLACE FUNCTION incidents.matching_v1(
    p_log smallint, p_status text[], p_priority text[], p_category text[], p_team text[], p_service text[],
    p_responder text[], p_source text[], p_labels jsonb, p_names text[], p_text text,
    p_from bigint, p_before bigint, p_teams text[]
)
RETURNS SETOF incidents.incident
LANGUAGE sql STABLE
AS $$
    SELECT i.*
    FROM incidents.incident AS i
    WHERE i.log_id = p_log
      AND (p_from IS NULL OR i.created_position >= p_from)
      AND (p_before IS NULL OR i.created_position < p_before)
      AND (p_status IS NULL OR i.status = ANY (p_status))
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
      AND (p_teams IS NULL OR i.assigned_team = ANY (p_teams))
$$;

GRANT EXECUTE ON FUNCTION incidents.matching_v1(
    smallint, text[], text[], text[], text[], text[], text[], text[], jsonb, text[], text, bigint, bigint, text[]
) TO pulseops_app;
