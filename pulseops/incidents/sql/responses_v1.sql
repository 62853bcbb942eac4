-- How these incidents were responded to up to a position, each born at its own: rows of incidents.response, each from
-- the facts of its own incident and nothing else. What a column means is in docs/analytics.md; the words for it are
-- said once, in `fact`. What only says more of an incident moves nothing, and is counted without going through it: of
-- that a long life has the most.
-- Plain enough for the planner to put it into the query that calls it: no SET, no STRICT, not the owner's rights.
CREATE OR REPLACE FUNCTION incidents.responses_v1(
    p_log smallint, p_incidents uuid[], p_births bigint[], p_up_to bigint
)
RETURNS SETOF incidents.response
LANGUAGE sql STABLE
AS $$
    WITH fact AS MATERIALIZED (
        SELECT
            h.stream_id AS id, h.version, h.position, h.type, h.recorded_at AS at, h.data,
            h.meta ->> 'actor' AS actor,
            h.type IN ('CREATED', 'REOPENED', 'SPLIT') AS begins,
            h.type IN ('RESOLVED', 'MERGED') AS ends,
            h.type IN ('UNACKNOWLEDGED', 'UNSNOOZED', 'RESOLVED', 'MERGED') AS lets_go,
            h.type IN ('ACKNOWLEDGED', 'UNACKNOWLEDGED', 'UNSNOOZED', 'RESOLVED', 'MERGED') AS wakes,
            h.type IN ('COMMENTED', 'EDITED', 'LINKED', 'IMPACT_DECLARED') AS more
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
    ), step AS (
        -- What holds before each fact: whether the incident is live, acknowledged, snoozed, and since when.
        SELECT
            f.*,
            max(f.at) FILTER (WHERE f.begins) OVER earlier AS live_since,
            max(f.version) FILTER (WHERE f.begins) OVER earlier
                > coalesce(max(f.version) FILTER (WHERE f.ends) OVER earlier, 0) AS live,
            max(f.at) FILTER (WHERE f.type = 'ACKNOWLEDGED') OVER earlier AS acknowledged_since,
            max(f.version) FILTER (WHERE f.type = 'ACKNOWLEDGED') OVER earlier
                > coalesce(max(f.version) FILTER (WHERE f.lets_go) OVER earlier, 0) AS acknowledged,
            max(f.at) FILTER (WHERE f.type = 'SNOOZED') OVER earlier AS snoozed_since,
            max(f.version) FILTER (WHERE f.type = 'SNOOZED') OVER earlier
                > coalesce(max(f.version) FILTER (WHERE f.wakes) OVER earlier, 0) AS snoozed,
            min(f.version) FILTER (WHERE f.type = 'ACKNOWLEDGED' OR f.type = 'RESOLVED' AND NOT f.automatic)
                OVER (PARTITION BY f.id) AS answer
        FROM (
            SELECT f.*, f.data ? 'decision' OR f.data @> '{"resolution": "recovered"}' AS automatic
            FROM fact AS f WHERE NOT f.more
        ) AS f
        WINDOW earlier AS (PARTITION BY f.id ORDER BY f.version ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
    ), life AS (
        SELECT
            s.id,
            (array_agg(s.data) FILTER (WHERE s.type = 'CREATED'))[1] AS created,
            max(s.at) FILTER (WHERE s.type = 'CREATED') AS created_at,
            max(s.at) FILTER (WHERE s.begins) AS begun_at,
            max(s.version) FILTER (WHERE s.begins) AS begun,
            max(s.version) FILTER (WHERE s.ends AND s.live) AS over,
            (array_agg(s.type ORDER BY s.version DESC) FILTER (WHERE s.ends AND s.live))[1] AS over_by,
            array_agg(s.data ->> 'team' ORDER BY s.version) FILTER (WHERE s.type = 'ASSIGNED') AS teams,
            array_agg(s.data ->> 'priority' ORDER BY s.version)
                FILTER (WHERE s.type IN ('CREATED', 'CLASSIFIED', 'PRIORITY_CHANGED')) AS priorities,
            array_agg(s.data ->> 'category' ORDER BY s.version)
                FILTER (WHERE s.type IN ('CLASSIFIED', 'CATEGORY_CHANGED')) AS categories,
            (array_agg(s.data ORDER BY s.version) FILTER (WHERE s.type = 'CLASSIFIED'))[1] AS classified,
            count(*) FILTER (WHERE s.type = 'ASSIGNED' AND s.version < s.answer) AS teams_before,
            count(*) FILTER (
                WHERE s.type IN ('CREATED', 'CLASSIFIED', 'PRIORITY_CHANGED') AND s.version < s.answer
            ) AS priorities_before,
            count(*) FILTER (
                WHERE s.type IN ('CLASSIFIED', 'CATEGORY_CHANGED') AND s.version < s.answer
            ) AS categories_before,
            min(s.at) FILTER (WHERE s.type = 'CLASSIFIED') AS classified_at,
            min(s.at) FILTER (WHERE s.type = 'ASSIGNED') AS assigned_at,
            min(s.at) FILTER (WHERE s.type = 'ESCALATED') AS escalated_at,
            min(s.at) FILTER (WHERE s.type = 'ACKNOWLEDGED') AS acknowledged_at,
            (array_agg(s.actor ORDER BY s.version) FILTER (WHERE s.type = 'ACKNOWLEDGED'))[1] AS acknowledged_by,
            max(s.at) FILTER (WHERE s.version = s.answer) AS answered_at,
            max(s.actor) FILTER (WHERE s.version = s.answer) AS answered_by,
            min(s.at) FILTER (WHERE s.type = 'RESOLVED' AND s.live) AS first_resolved_at,
            array_agg(s.actor ORDER BY s.version) FILTER (WHERE s.type = 'RESOLVED' AND s.live) AS resolvers,
            max(s.at) FILTER (WHERE s.type = 'RESOLVED' AND s.live) AS resolved_at,
            (array_agg(s.data ->> 'resolution' ORDER BY s.version DESC)
                FILTER (WHERE s.type = 'RESOLVED' AND s.live))[1] AS resolution,
            (array_agg(s.automatic ORDER BY s.version DESC)
                FILTER (WHERE s.type = 'RESOLVED' AND s.live))[1] AS automatic,
            count(*) FILTER (WHERE s.type = 'ACKNOWLEDGED') AS acknowledgements,
            count(*) FILTER (WHERE s.type = 'UNACKNOWLEDGED') AS unacknowledgements,
            count(*) FILTER (WHERE s.type = 'ESCALATED') AS escalations,
            max((s.data ->> 'level')::integer) FILTER (WHERE s.type = 'ESCALATED') AS highest_level,
            count(*) FILTER (WHERE s.type = 'ASSIGNED') AS assignments,
            count(*) FILTER (WHERE s.type = 'SNOOZED') AS snoozes,
            count(*) FILTER (WHERE s.type = 'REOPENED') AS reopenings,
            count(*) FILTER (WHERE s.type IN ('PRIORITY_CHANGED', 'CATEGORY_CHANGED')
                AND (s.data -> 'correction') = 'true') AS corrections,
            count(*) FILTER (WHERE s.type = 'ABSORBED') - count(*) FILTER (WHERE s.type = 'RELEASED') AS absorbed,
            sum(s.at - s.live_since) FILTER (WHERE s.ends AND s.live) AS live_for,
            sum(s.at - s.acknowledged_since) FILTER (
                WHERE s.acknowledged AND (s.lets_go OR s.type = 'ACKNOWLEDGED')
            ) AS acknowledged_for,
            sum(s.at - s.snoozed_since) FILTER (
                WHERE s.snoozed AND (s.wakes OR s.type = 'SNOOZED')
            ) AS snoozed_for
        FROM step AS s
        GROUP BY s.id
    ), whole AS (
        SELECT
            f.id,
            count(*) FILTER (WHERE f.type = 'COMMENTED') AS comments,
            max(f.at) AS updated_at,
            max(f.version) AS version,
            max(f.position) AS position,
            min(f.position) AS created_position
        FROM fact AS f
        GROUP BY f.id
    )
    SELECT
        p_log,
        l.id,
        o.outcome,
        coalesce(l.created ->> 'source', 'user'),
        l.created ->> 'service',
        l.created ->> 'environment',
        l.teams[cardinality(l.teams)],
        l.priorities[cardinality(l.priorities)],
        l.categories[cardinality(l.categories)],
        l.teams[1],
        l.classified ->> 'priority',
        l.classified ->> 'category',
        l.teams[l.teams_before],
        l.priorities[l.priorities_before],
        l.categories[l.categories_before],
        l.created_at,
        l.classified_at,
        l.assigned_at,
        l.escalated_at,
        l.acknowledged_at,
        l.acknowledged_by,
        l.answered_at,
        l.answered_by,
        l.first_resolved_at,
        l.resolvers[1],
        CASE WHEN o.outcome = 'resolved' THEN l.resolved_at END,
        CASE WHEN o.outcome = 'resolved' THEN l.resolvers[cardinality(l.resolvers)] END,
        CASE WHEN o.outcome = 'resolved' THEN l.resolution END,
        CASE WHEN o.outcome = 'resolved' THEN coalesce(l.automatic, false) END,
        CASE WHEN o.outcome = 'live' THEN l.begun_at END,
        l.acknowledgements::integer,
        l.unacknowledgements::integer,
        l.escalations::integer,
        coalesce(l.highest_level, 0),
        greatest(l.assignments - 1, 0)::integer,
        l.snoozes::integer,
        l.reopenings::integer,
        l.corrections::integer,
        w.comments::integer,
        l.absorbed::integer,
        coalesce(date_part('epoch', l.live_for), 0),
        coalesce(date_part('epoch', l.acknowledged_for), 0),
        coalesce(date_part('epoch', l.snoozed_for), 0),
        w.updated_at,
        w.version,
        w.position,
        w.created_position
    FROM life AS l
    JOIN whole AS w ON w.id = l.id
    CROSS JOIN LATERAL (
        SELECT CASE
            WHEN l.begun > coalesce(l.over, 0) THEN 'live'
            WHEN l.over_by = 'MERGED' THEN 'merged'
            ELSE 'resolved'
        END AS outcome
    ) AS o
$$;

GRANT EXECUTE ON FUNCTION incidents.responses_v1(smallint, uuid[], bigint[], bigint) TO pulseops_app;
