-- Brings incidents.timeline from p_after to p_up_to. An entry never changes, so a range may come again.
CREATE OR REPLACE FUNCTION incidents.project_timeline_v1(p_log smallint, p_after bigint, p_up_to bigint)
RETURNS void
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off -- the range is read by the log's key, whatever the statistics of a young table say
AS $$
    INSERT INTO incidents.timeline (
        log_id, incident_id, version, position, event, timestamp, occurred_at, actor, details
    )
    SELECT
        e.log_id, e.stream_id, e.version, e.position, e.type, e.recorded_at, e.occurred_at,
        e.meta ->> 'actor',
        e.data - 'description' -- up to 20 kB, and the incident itself carries it
    FROM eventstore.event AS e
    WHERE e.log_id = p_log AND e.position > p_after AND e.position <= p_up_to
      AND incidents.knows_v1(e.type, e.schema_version, e.position)
    ON CONFLICT (log_id, incident_id, version) DO NOTHING
$$;

GRANT EXECUTE ON FUNCTION incidents.project_timeline_v1(smallint, bigint, bigint) TO pulseops_app;
