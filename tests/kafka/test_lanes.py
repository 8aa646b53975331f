"""What may wait does not make others wait."""

from __future__ import annotations

import orjson

from tests.kafka.installation import Installation

BACKLOG, IN_BETWEEN = 1600, 50
"""More than a worker reads ahead; and far fewer than would go first if its records had to be passed on before."""


async def test_a_backlog_that_may_wait_holds_up_nobody(loa: Installation) -> None:
    await loa.create_topics()
    text = "\n\n".join(["This may take its time."] * 20)
    backlog = [{"request_id": f"bulk-{number}", "text": text, "model": "tone"} for number in range(BACKLOG)]
    await loa.write("requests.bulk", [(None, orjson.dumps(request), []) for request in backlog])
    await loa.worker()
    async with loa.reader("completed", "failed") as reader:
        await reader.until(lambda: len(reader.events) > 3, "the first of the backlog")
        for number in range(3):
            await reader.to_end()
            before = len(reader.events)
            await loa.produce({"request_id": f"single-{number}", "text": "Hello.", "model": "tone"})
            await reader.answered(f"single-{number}")
            assert len(reader.events) - before < IN_BETWEEN
