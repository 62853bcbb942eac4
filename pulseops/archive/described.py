"""Read models as their tables are described: what a replay holds its rows to."""

from collections.abc import Mapping

from sqlalchemy import BigInteger, Integer, SmallInteger, Table

import pulseops.catalog.tables
import pulseops.incidents.tables  # noqa: F401  (these fill the metadata)
from pulseops.db.metadata import metadata
from pulseops.projections.refolding import Refold

_BITS: Mapping[type, int] = {SmallInteger: 15, Integer: 31, BigInteger: 63}


def table_of(refold: Refold) -> Table:
    return metadata.tables[refold.relation]


def limits(table: Table) -> Mapping[str, int]:
    """What its whole numbers stay below, and their negatives do not."""
    return {
        column.name: 1 << bits
        for column in table.columns
        for kind, bits in _BITS.items()
        if type(column.type) is kind and column.name != "log_id"
    }
