"""One index in place of another, in one transaction: who reads meanwhile sees the old one."""

import sqlalchemy as sql

from storage.index import writing
from storage.index.index import Index
from storage.index.kinds import KINDS
from storage.index.tables import about, offsets, totals

AT_ONCE = 1000


def replace(index: Index, other: Index) -> None:
    """Let an index say and stand as another does. Raises IndexTrouble, and then it is as it was.

    Projections that were further in the log notice when they write, and read on from where it stands now.
    """
    with other.database.reading() as source, index.database.writing() as target:
        writing.empty(target)
        for table in (*(kind.table for kind in KINDS), totals, offsets):
            rows = source.execution_options(yield_per=AT_ONCE).execute(sql.select(table)).mappings()
            for some in rows.partitions(AT_ONCE):
                target.execute(table.insert(), [dict(row) for row in some])
        said = source.execute(sql.select(about.c.log, about.c.store_read_at)).mappings().one()
        target.execute(about.update().values(**said))
