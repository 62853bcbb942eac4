-- Whether projections of incidents are to read a fact: true for each that they know, false for those of other
-- aggregates, whose types have a dot (TEAM.DEFINED), or an error that says which one is not known.
-- Where to put it, and what comes with a new fact: see knows_v1.sql. Inlined, so it has no SET.
CREATE OR REPLACE FUNCTION incidents.knows_v2(p_type text, p_schema_version smallint, p_position bigint)
RETURNS boolean
LANGUAGE sql STABLE
AS $$
    SELECT CASE
        WHEN p_schema_version = 1
            AND p_type IN (
                'CREATED', 'CLASSIFIED', 'ASSIGNED', 'ACKNOWLEDGED', 'UNACKNOWLEDGED', 'SNOOZED', 'UNSNOOZED',
                'ESCALATED', 'PRIORITY_CHANGED', 'CATEGORY_CHANGED', 'EDITED', 'COMMENTED', 'LINKED', 'MERGED',
                'ABSORBED', 'SPLIT', 'RELEASED', 'IMPACT_DECLARED', 'RESOLVED', 'REOPENED'
            )
            THEN true
        WHEN strpos(p_type, '.') > 0 THEN false
        ELSE eventstore.refuse_fact_v1(p_type, p_schema_version, p_position,
            'version 1 of CREATED, CLASSIFIED, ASSIGNED, ACKNOWLEDGED, UNACKNOWLEDGED, SNOOZED, UNSNOOZED, '
            'ESCALATED, PRIORITY_CHANGED, CATEGORY_CHANGED, EDITED, COMMENTED, LINKED, MERGED, '
            'ABSORBED, SPLIT, RELEASED, IMPACT_DECLARED, RESOLVED, REOPENED')
    END
$$;

GRANT EXECUTE ON FUNCTION incidents.knows_v2(text, smallint, bigint) TO pulseops_app;
