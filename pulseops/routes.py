"""What is served over HTTP, room by room. Read it aloud."""

from pulseops.access import browser_routes as browser
from pulseops.access import people_routes as people
from pulseops.access import routes as access
from pulseops.analytics import routes as analytics
from pulseops.archive import routes as archive
from pulseops.assignment import routes as assigning
from pulseops.audit import routes as audit
from pulseops.catalog import routes as catalog
from pulseops.classification import routes as classifying
from pulseops.escalation import routes as escalation
from pulseops.http import docs, health, openapi, problem_pages
from pulseops.incidents import routes as incidents
from pulseops.live import routes as live
from pulseops.operations import routes as operations
from pulseops.rulebook import routes as ruling

ROUTES = (
    *incidents.ROUTES,
    *classifying.ROUTES,
    *assigning.ROUTES,
    *escalation.ROUTES,
    *catalog.ROUTES,
    *analytics.ROUTES,
    *operations.ROUTES,
    *ruling.ROUTES,
    *access.ROUTES,
    *audit.ROUTES,
    *archive.ROUTES,
    *people.ROUTES,
    *browser.ROUTES,
    *live.ROUTES,
    *health.ROUTES,
    *docs.ROUTES,
    *problem_pages.ROUTES,
    openapi.openapi,
)
