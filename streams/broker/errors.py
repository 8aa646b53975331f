"""What can go wrong with the embedded broker.

BrokerError              it did not start: a port in use, a data directory in use, a broker that ended with an error
└── BrokerUnavailable    it cannot be had on this machine: not fetched, or not installed
"""

from __future__ import annotations

INSTEAD = (
    "Set TTS_KAFKA_BROKERS to a broker of your own, or start one: docker compose -f docker-compose.kafka.yml up -d"
)


class BrokerError(Exception):
    """The embedded broker did not start; the message says why."""


class BrokerUnavailable(BrokerError):  # noqa: N818 - it is a state, not a fault
    """The embedded broker cannot be had on this machine; the message also says what to use instead."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"The embedded Kafka broker is not available: {reason}\n{INSTEAD}")
