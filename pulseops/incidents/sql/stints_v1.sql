-- What these incidents were for a while up to a position, each born at its own: rows of incidents.stint, each from the facts of its own
-- incident and nothing else. What begins and what ends a kind of stint is said here once.
-- Plain enough for the planner to put it into the query that calls it: no SET, no STRICT, not the owner's rights.
CREATE OR REPLACE FUNCTION incidents.stints_v1(
    p_log smallint, p_incidents uuid[], p_births bigint[], p_up_to bigint
)
RETURNS SETOF incidents.stint
LANGUAGE sql STABLE
AS $$
    WITH fact AS MATERIALIZED (
        SELECT
            h.stream_id AS id, h.version, h.position, h.type, h.recorded_at AS at, h.data,
            h.meta ->> 'actor' AS actor,
            CASE h.type
                WHEN 'CREATED' THEN 'live'
                WHEN 'REOPENED' THEN 'live'
                WHEN 'SPLIT' THEN 'live'
                WHEN 'ASSIGNED' THEN 'assigned'
                WHEN 'ACKNOWLEDGED' THEN 'acknowledged'
                WHEN 'SNOOZED' THEN 'snoozed'
                WHEN 'ESCALATED' THEN 'escalated'
            END AS kind
        FROM unnest(p_incidents, p_births) AS o (id, birth)
        CROSS JOIN LATERAL (
            -- The whole key but for its last column, or the planner may prefer the positions. From its birth on:
            -- older partitions are not looked into.
            SELECT e.*
            FROM eventstore.event AS e
            WHERE e.log_id = p_log AND e.stream_id = o.id AND e.version BETWEEN 1 AND 2147483647
              AND e.position BETWEEN o.birth AND p_up_to
            OFFSET 0
        ) AS h
        WHERE incidents.knows_v2(h.type, h.schema_version, h.position)
          -- What only says more of an incident begins and ends nothing; of that a long life has the most.
          AND h.type NOT IN ('COMMENTED', 'EDITED', 'LINKED', 'IMPACT_DECLARED')
    ), stint AS (
        SELECT
            f.*,
            CASE f.kind
                WHEN 'live' THEN min(f.version) FILTER (WHERE f.type IN ('RESOLVED', 'MERGED')) OVER later
                WHEN 'assigned' THEN min(f.version) FILTER (WHERE f.type = 'ASSIGNED') OVER later
                WHEN 'acknowledged' THEN min(f.version) FILTER (WHERE f.type IN
                    ('ACKNOWLEDGED', 'UNACKNOWLEDGED', 'UNSNOOZED', 'RESOLVED', 'MERGED')) OVER later
                WHEN 'snoozed' THEN min(f.version) FILTER (WHERE f.type IN
                    ('SNOOZED', 'ACKNOWLEDGED', 'UNACKNOWLEDGED', 'UNSNOOZED', 'RESOLVED', 'MERGED')) OVER later
                WHEN 'escalated' THEN min(f.version) FILTER (WHERE f.type IN
                    ('ESCALATED', 'ACKNOWLEDGED', 'UNACKNOWLEDGED', 'UNSNOOZED', 'ASSIGNED', 'PRIORITY_CHANGED',
                    'RESOLVED', 'MERGED')) OVER later
            END AS until_version,
            max(f.version) FILTER (WHERE f.type = 'ASSIGNED') OVER so_far AS assigned,
            max(f.version) FILTER (WHERE f.type IN ('CREATED', 'CLASSIFIED', 'PRIORITY_CHANGED')) OVER so_far
                AS weighed,
            max(f.version) FILTER (WHERE f.type IN
                ('CREATED', 'REOPENED', 'SPLIT', 'UNACKNOWLEDGED', 'UNSNOOZED')) OVER earlier AS waits,
            max(f.version) FILTER (WHERE f.type = 'ACKNOWLEDGED') OVER earlier AS answered
        FROM fact AS f
        WINDOW
            later AS (PARTITION BY f.id ORDER BY f.version DESC ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING),
            so_far AS (PARTITION BY f.id ORDER BY f.version ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW),
            earlier AS (PARTITION BY f.id ORDER BY f.version ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
    )
    SELECT
        p_log,
        s.id,
        s.version,
        s.kind,
        s.at,
        u.at,
        u.type,
        s.actor,
        u.actor,
        t.data ->> 'team',
        p.data ->> 'priority',
        CASE WHEN s.kind = 'acknowledged' AND s.waits > coalesce(s.answered, 0) THEN w.at END,
        CASE WHEN s.kind = 'assigned' THEN s.data ->> 'responder' END,
        (s.data ->> 'level')::integer,
        s.data ->> 'to',
        (s.data ->> 'dueAt')::timestamptz,
        (s.data ->> 'lateBy')::double precision,
        u.data ->> 'resolution',
        s.position
    FROM stint AS s
    LEFT JOIN stint AS u ON u.id = s.id AND u.version = s.until_version
    LEFT JOIN fact AS t
        ON t.id = s.id AND t.version = CASE WHEN s.kind = 'live' THEN u.assigned ELSE s.assigned END
    LEFT JOIN fact AS p
        ON p.id = s.id AND p.version = CASE WHEN s.kind = 'live' THEN u.weighed ELSE s.weighed END
    LEFT JOIN fact AS w ON w.id = s.id AND w.version = s.waits
    WHERE s.kind IS NOT NULL
$$;

GRANT EXECUTE ON FUNCTION incidents.stints_v1(smallint, uuid[], bigint[], bigint) TO pulseops_app;
