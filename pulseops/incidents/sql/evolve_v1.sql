-- An incident after one more fact: the twin of `evolve` in incidents/incident.py, arm by arm. The incident is its
-- row of incidents.incident as an object. Without one, p_begin is what comes before the fact; without that as
-- well the fact must be CREATED, or there is no incident (null). Called for each fact by folded_v1, and by what
-- has a search_path of its own, so it has no SET.
CREATE OR REPLACE FUNCTION incidents.evolve_v1(
    p_incident jsonb, p_begin jsonb, p_type text, p_data jsonb, p_actor text,
    p_occurred_at timestamptz, p_at timestamptz, p_version integer, p_position bigint
)
RETURNS jsonb
LANGUAGE plpgsql STABLE
AS $$
DECLARE
    v_before jsonb := coalesce(p_incident, p_begin);
    c_anew CONSTANT jsonb := '{"escalation_level": 0, "escalated_to": null}';
    c_unanswered CONSTANT jsonb := '{"status": "open", "acknowledged_by": null, "acknowledged_at": null}';
    c_not_over CONSTANT jsonb := '{"resolved_by": null, "resolved_at": null, "resolution": null, "cause": null}';
BEGIN
    IF p_type = 'CREATED' THEN
        v_before := c_anew || c_unanswered || jsonb_build_object(
            'title', coalesce(p_data -> 'title', '""'),
            'description', coalesce(p_data -> 'description', '""'),
            'source', coalesce(p_data -> 'source', '"user"'),
            'service', p_data -> 'service',
            'environment', p_data -> 'environment',
            'labels', coalesce(p_data -> 'labels', '{}'),
            'dedup_key', p_data -> 'dedupKey',
            'priority', p_data -> 'priority',
            'merged', '[]'::jsonb,
            'impacted_services', '[]'::jsonb,
            'links', '[]'::jsonb,
            'occurred_at', p_occurred_at,
            'created_at', p_at,
            'created_position', p_position
        );
    END IF;
    RETURN v_before
        || jsonb_build_object('updated_at', p_at, 'version', p_version, 'position', p_position)
        || CASE p_type
            WHEN 'CREATED' THEN '{}'
            WHEN 'CLASSIFIED' THEN jsonb_build_object(
                'priority', p_data -> 'priority', 'category', p_data -> 'category', 'classified_at', p_at)
            WHEN 'ASSIGNED' THEN c_anew || jsonb_build_object(
                'assigned_team', p_data -> 'team', 'responder', p_data -> 'responder', 'assigned_at', p_at)
            WHEN 'ACKNOWLEDGED' THEN jsonb_build_object(
                'status', 'acknowledged', 'acknowledged_by', p_actor, 'acknowledged_at', p_at,
                'snoozed_until', NULL)
            WHEN 'UNACKNOWLEDGED' THEN c_anew || c_unanswered || '{"snoozed_until": null}'
            WHEN 'UNSNOOZED' THEN c_anew || c_unanswered || '{"snoozed_until": null}'
            WHEN 'SNOOZED' THEN jsonb_build_object('snoozed_until', p_data -> 'until')
            WHEN 'ESCALATED' THEN jsonb_build_object(
                'escalation_level', p_data -> 'level', 'escalated_to', p_data -> 'to', 'escalated_at', p_at)
            WHEN 'PRIORITY_CHANGED' THEN c_anew || jsonb_build_object('priority', p_data -> 'priority')
            WHEN 'CATEGORY_CHANGED' THEN jsonb_build_object('category', p_data -> 'category')
            WHEN 'EDITED' THEN jsonb_strip_nulls(jsonb_build_object(
                'title', p_data -> 'title', 'description', p_data -> 'description', 'labels', p_data -> 'labels'))
            WHEN 'COMMENTED' THEN '{}'
            WHEN 'LINKED' THEN jsonb_build_object('links',
                (v_before -> 'links') || jsonb_build_array(p_data - 'note'))
            WHEN 'MERGED' THEN jsonb_build_object(
                'status', 'merged', 'merged_into', p_data -> 'into', 'snoozed_until', NULL)
            WHEN 'ABSORBED' THEN jsonb_build_object('merged', (v_before -> 'merged') || (p_data -> 'incident'))
            WHEN 'SPLIT' THEN c_anew || c_unanswered || c_not_over || '{"merged_into": null}'
            WHEN 'RELEASED' THEN jsonb_build_object('merged', (v_before -> 'merged') - (p_data ->> 'incident'))
            WHEN 'IMPACT_DECLARED' THEN jsonb_build_object(
                'impacted_services', coalesce(p_data -> 'services', '[]'),
                'customers_affected', p_data -> 'customers')
            WHEN 'RESOLVED' THEN jsonb_build_object(
                'status', 'resolved', 'resolved_by', p_actor, 'resolved_at', p_at,
                'resolution', p_data -> 'resolution', 'cause', p_data -> 'cause', 'snoozed_until', NULL)
            WHEN 'REOPENED' THEN c_anew || c_unanswered || c_not_over
        END;
END
$$;

GRANT EXECUTE ON FUNCTION incidents.evolve_v1(
    jsonb, jsonb, text, jsonb, text, timestamptz, timestamptz, integer, bigint
) TO pulseops_app;
