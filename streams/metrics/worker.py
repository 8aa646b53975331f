"""What happens in a worker, as metrics: one call for each fact, several metrics for some."""

import itertools
from collections.abc import Collection, Sequence

from models.check import CRITERIA
from storage.records import Record
from streams.errors import ErrorCode
from streams.metrics import declared
from streams.metrics.declared import Part
from streams.metrics.registry import Metrics

OTHER_TENANTS = "_other"
"""No tenant's name: those begin with a letter or a digit."""

NO_MODEL = "none"


class WorkerMetrics(Metrics):
    """A worker's. Its agents tell it what they did; its engines, as to a `models.observer.Observer`, what they do."""

    def __init__(self, most_tenants: int = 0) -> None:
        """`most_tenants`: how many have metrics of their own."""
        super().__init__(Part.WORKER)
        self._most_tenants = most_tenants
        self._tenants: set[str] = set()
        for code in ErrorCode:
            if code.reason.passing:
                self.count(declared.RETRIES, 0, code=code)
        for to in ("bulk", "express", "pool"):
            self.count(declared.MOVED, 0, to=to)
        for reason in ("expired", "requested", "orphaned"):
            self.deleted(reason, 0, files=0)

    def serves(self, models: Collection[str]) -> None:
        """Make known what can happen to these models: else a rate does not see the first time that it does."""
        for model in models:
            self.count(declared.REQUESTS, 0, outcome="completed", code="ok", model=model)
            self.count(declared.AUDIO, 0, model=model)
            for criterion in CRITERIA:
                self.count(declared.REJECTIONS, 0, model=model, criterion=criterion)
        for model, code in itertools.product((*models, NO_MODEL), ErrorCode):
            self.count(declared.REQUESTS, 0, outcome="failed", code=code, model=model)

    def completed(self, model: str, tenant: str) -> None:
        """`tts.completed` was written."""
        self._answered("completed", "ok", model, tenant)

    def failed(self, code: str, model: str | None, tenant: str) -> None:
        """`tts.failed` was written. `model`: None where none was chosen."""
        self._answered("failed", code, model or NO_MODEL, tenant)

    def made(self, record: Record) -> None:
        """A file was spoken and committed."""
        self.observe(declared.SYNTHESIS_SECONDS, record.synthesis_seconds or 0.0, model=record.model)
        self.count(declared.AUDIO, record.duration_seconds, model=record.model)
        self.count(declared.CHARACTERS, len(record.text), model=record.model)
        self.count(declared.AUDIO_BYTES, record.file_size)
        if self._most_tenants:
            self.count(declared.TENANT_AUDIO, record.duration_seconds, tenant=self._named(record.tenant))

    def deleted(self, reason: str, size: int, files: int = 1) -> None:
        """A file was deleted. `size`: bytes of its audio."""
        self.count(declared.DELETED_FILES, files, reason=reason)
        self.count(declared.DELETED_BYTES, size, reason=reason)

    def spoke(self, model: str, speech_seconds: float, engine_seconds: float, together: int) -> None:
        """As `Observer.spoke`."""
        self.observe(declared.PIECE_SECONDS, engine_seconds, model=model)
        self.observe(declared.REAL_TIME_FACTOR, engine_seconds / speech_seconds, model=model)
        self.observe(declared.BATCH, together, model=model)

    def rejected(self, model: str, criterion: str) -> None:
        """As `Observer.rejected`."""
        self.count(declared.REJECTIONS, model=model, criterion=criterion)

    def replaced(self, models: Sequence[str]) -> None:
        """As `Observer.replaced`."""
        self.count(declared.RESTARTS, models=",".join(models))

    def _answered(self, outcome: str, code: str, model: str, tenant: str) -> None:
        self.count(declared.REQUESTS, outcome=outcome, code=code, model=model)
        if self._most_tenants:
            self.count(declared.TENANT_REQUESTS, tenant=self._named(tenant), outcome=outcome)

    def _named(self, tenant: str) -> str:
        """What a tenant is called in a label."""
        if len(self._tenants) < self._most_tenants:
            self._tenants.add(tenant)
        return tenant if tenant in self._tenants else OTHER_TENANTS
