"""Functions, triggers and grants: one `.sql` file each beside its owner, re-applied at every upgrade."""

from pathlib import Path

from alembic.runtime.migration import MigrationContext
from sqlalchemy.util import await_only

PACKAGE = Path(__file__).resolve().parent.parent

BEFORE = (
    "db/sql/roles.sql",
    "db/sql/one_at_a_time.sql",
    "db/sql/schemas.sql",
    "db/sql/compatible.sql",
)
"""What the first revision stands on."""

OBJECTS = (
    "eventstore/sql/refuse_change_v1.sql",
    "eventstore/sql/refuse_fact_v1.sql",
    "eventstore/sql/event_is_immutable.sql",
    "eventstore/sql/ensure_partitions_v2.sql",
    "eventstore/sql/ensure_partitions_v1.sql",
    "eventstore/sql/append_v1.sql",
    "eventstore/sql/append_v2.sql",
    "eventstore/sql/position_at_v1.sql",
    "subscriptions/sql/slice_v1.sql",
    "eventstore/sql/create_log_v1.sql",
    "eventstore/sql/settle_import_v1.sql",
    "projections/sql/generation_of_subscription_v1.sql",
    "projections/sql/subscription_has_generation.sql",
    "projections/sql/begin_generation_v1.sql",
    "projections/sql/index_generation_v1.sql",
    "projections/sql/digest_generation_v1.sql",
    "projections/sql/generations_differ_v1.sql",
    "projections/sql/switch_generation_v1.sql",
    "projections/sql/drop_generation_v1.sql",
    "eventstore/sql/grants.sql",
    "incidents/sql/knows_v1.sql",
    "incidents/sql/knows_v2.sql",
    "incidents/sql/project_incident_v1.sql",
    "incidents/sql/project_timeline_v1.sql",
    "incidents/sql/project_incident_v2.sql",
    "incidents/sql/project_timeline_v2.sql",
    "incidents/sql/fill_incident_v1.sql",
    "incidents/sql/fill_timeline_v1.sql",
    "incidents/sql/knows_v2.sql",
    "incidents/sql/evolve_v1.sql",
    "incidents/sql/folded_v1.sql",
    "incidents/sql/fold_incidents_v1.sql",
    "incidents/sql/project_incident_v3.sql",
    "incidents/sql/project_timeline_v3.sql",
    "incidents/sql/fill_incident_v2.sql",
    "incidents/sql/fill_timeline_v2.sql",
    "incidents/sql/concerned_v1.sql",
    "incidents/sql/responses_v1.sql",
    "incidents/sql/project_response_v1.sql",
    "incidents/sql/fill_response_v1.sql",
    "incidents/sql/stints_v1.sql",
    "incidents/sql/project_stint_v1.sql",
    "incidents/sql/fill_stint_v1.sql",
    "incidents/sql/matching_v1.sql",
    "incidents/sql/created_from_v1.sql",
    "incidents/sql/found_v1.sql",
    "incidents/sql/facets_v1.sql",
    "incidents/sql/held_names_v1.sql",
    "incidents/sql/as_of_v1.sql",
    "incidents/sql/matching_as_of_v1.sql",
    "incidents/sql/candidates_as_of_v1.sql",
    "incidents/sql/facets_as_of_v1.sql",
    "incidents/sql/touched_v1.sql",
    "incidents/sql/counted_between_v1.sql",
    "escalation/sql/assigned_v1.sql",
    "escalation/sql/start_deadlines_v1.sql",
    "escalation/sql/stop_deadlines_v1.sql",
    "escalation/sql/assigned_v2.sql",
    "escalation/sql/stop_deadlines_v2.sql",
    "escalation/sql/start_deadlines_v2.sql",
    "escalation/sql/due_logs_v1.sql",
    "escalation/sql/claim_due_v1.sql",
    "escalation/sql/histories_v1.sql",
    "escalation/sql/fire_v1.sql",
    "escalation/sql/claim_due_v2.sql",
    "escalation/sql/fire_v2.sql",
    "escalation/sql/waits_v1.sql",
    "escalation/sql/set_deadlines_v1.sql",
    "escalation/sql/claim_due_v3.sql",
    "escalation/sql/fire_v3.sql",
    "access/sql/rotate_key_v1.sql",
    "access/sql/grants.sql",
    "catalog/sql/knows_v1.sql",
    "catalog/sql/project_team_v1.sql",
    "catalog/sql/fill_team_v1.sql",
    "catalog/sql/project_service_v1.sql",
    "catalog/sql/fill_service_v1.sql",
    "audit/sql/grants.sql",
    "archive/sql/end_replay_v1.sql",
    "archive/sql/begin_replay_v1.sql",
    "archive/sql/compare_replay_v1.sql",
    "analytics/sql/grants.sql",
    "analytics/sql/publish_v1.sql",
    "analytics/sql/log.sql",
    "analytics/sql/incident.sql",
    "analytics/sql/timeline.sql",
    "analytics/sql/deadline.sql",
    "analytics/sql/team.sql",
    "analytics/sql/service.sql",
    "analytics/sql/event.sql",
    "analytics/sql/response.sql",
    "analytics/sql/stint.sql",
    "analytics/sql/assignment.sql",
    "analytics/sql/acknowledgement.sql",
    "analytics/sql/escalation.sql",
    "analytics/sql/correction.sql",
    "analytics/sql/hourly.sql",
    "analytics/sql/daily.sql",
    "analytics/sql/work.sql",
    "analytics/sql/load.sql",
    "analytics/sql/freshness.sql",
    "analytics/sql/business_seconds_v1.sql",
    "analytics/sql/in_business_hours_v1.sql",
    "analytics/sql/backlog_at_v1.sql",
    "analytics/sql/contract_v1.sql",
    "analytics/sql/taken_v1.sql",
    "analytics/sql/timed_v1.sql",
    "analytics/sql/turns_v1.sql",
    "analytics/sql/came_v1.sql",
    "analytics/sql/carried_v1.sql",
    "analytics/sql/noise_v1.sql",
    "analytics/sql/digest_v1.sql",
    "analytics/sql/standing_v1.sql",
    "analytics/sql/slowest_v1.sql",
    "analytics/sql/oldest_v1.sql",
    "analytics/sql/corrections_v1.sql",
    "analytics/sql/missing_since_v1.sql",
)
"""In the order in which they are applied, after the last revision."""

BEFORE_DOWNGRADE = ("db/sql/drop_functions.sql",)
"""What would hold on to the tables that go."""

AFTER_BASE = ("db/sql/drop_schemas.sql",)
"""What a downgrade to base has left."""


def apply(context: MigrationContext, files: tuple[str, ...]) -> None:
    """Run the files inside the migration's transaction; offline, print them."""
    for name in files:
        run(context, (PACKAGE / name).read_text(encoding="utf-8"))


def run(context: MigrationContext, script: str) -> None:
    """Run several statements at once, which a prepared statement cannot, and with nothing in them parsed."""
    if context.as_sql:
        context.impl.static_output(script)
        return
    connection = context.connection
    if connection is None:
        raise TypeError("An online migration has a connection.")
    # The driver only begins the transaction with SQLAlchemy's own first statement.
    connection.exec_driver_sql("SELECT 1")
    driver = connection.connection.driver_connection
    if driver is None:
        raise TypeError("An open connection has its driver's.")
    await_only(driver.execute(script))
