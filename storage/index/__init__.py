"""The index: jobs, files, deliveries of webhooks and totals in SQL: listed and counted without walking log or store.

It is a view, projected from the log and made anew from log and store at any time; it is never the truth.
"""

from storage.index.beside_store import differing
from storage.index.changes import (
    About,
    Asked,
    CancelAsked,
    Change,
    Completed,
    Deleted,
    DeliveryNoted,
    Failed,
    Progressed,
    Retained,
    Shown,
)
from storage.index.database import sqlite_url
from storage.index.from_store import changes_of, present, take_store
from storage.index.index import Index
from storage.index.replace import replace
from storage.index.results import (
    LANES,
    STATUSES,
    Delivery,
    DeliveryPage,
    DeliveryState,
    File,
    Job,
    Page,
    Status,
    Totals,
)
from storage.index.writing import Read

__all__ = [
    "LANES",
    "STATUSES",
    "About",
    "Asked",
    "CancelAsked",
    "Change",
    "Completed",
    "Deleted",
    "Delivery",
    "DeliveryNoted",
    "DeliveryPage",
    "DeliveryState",
    "Failed",
    "File",
    "Index",
    "Job",
    "Page",
    "Progressed",
    "Read",
    "Retained",
    "Shown",
    "Status",
    "Totals",
    "changes_of",
    "differing",
    "present",
    "replace",
    "sqlite_url",
    "take_store",
]
