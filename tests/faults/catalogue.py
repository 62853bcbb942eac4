"""Every fault there is, by what breaks."""

from tests.faults.fault import Family, Fault
from tests.faults.kinds.doorbells import DOORBELLS
from tests.faults.kinds.hours import HOURS
from tests.faults.kinds.networks import NETWORKS
from tests.faults.kinds.processes import PROCESSES
from tests.faults.kinds.sessions import SESSION_FAULTS
from tests.faults.kinds.stops import STOPS
from tests.faults.kinds.storage import STORAGE

FAMILIES: dict[str, Family] = {
    "processes": PROCESSES,
    "stops": STOPS,
    "networks": NETWORKS,
    "sessions": SESSION_FAULTS,
    "doorbells": DOORBELLS,
    "storage": STORAGE,
    "clocks": HOURS,
}
FAULTS: tuple[Fault, ...] = tuple(fault for family in FAMILIES.values() for fault in family)
