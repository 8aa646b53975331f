"""A few files of the index held against what the store says of each: neither is walked."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from storage.index.changes import Change
from storage.index.index import Index
from storage.index.kinds import FILES
from storage.index.moments import micros
from storage.index.writing import rows_of, together


def differing(index: Index, said: Mapping[str, Sequence[Change]], young_since: datetime) -> dict[str, list[str]]:
    """In which columns the index knows less of files than the store has told, or says that they are gone.

    `said`: by file id. A file that the index does not know differs in none. What the store has since `young_since` may
    not have been told yet, and is left out, as is all that agrees. Raises IndexTrouble.
    """
    with index.database.reading() as connection:
        known = rows_of(connection, FILES, list(said))
    found: dict[str, list[str]] = {}
    for file_id, changes in said.items():
        should = together(FILES, changes).get(file_id)
        have = known.get(file_id)
        if should is None:
            if have is not None and have["present"]:
                found[file_id] = ["present"]
            continue
        times = [should[name] for name in FILES.stored if should[name] is not None]
        if times and max(times) >= micros(young_since):
            continue
        if have is None:
            found[file_id] = []
            continue
        joined = FILES.finish(FILES.join(have, should))
        alone = FILES.finish(dict(should))
        columns = {name for name, value in joined.items() if have[name] != value}
        if joined["present"] != alone["present"]:
            columns.add("present")
        if columns:
            found[file_id] = sorted(columns)
    return found
