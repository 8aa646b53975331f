"""Apache Kafka on this machine, without Docker or Java installed: for `loa up`, the demo and the tests."""

from streams.broker.embedded import EmbeddedBroker
from streams.broker.errors import BrokerError, BrokerUnavailable
from streams.broker.node import MAX_MESSAGE_BYTES
from streams.broker.progress import Progress, shown_on_stderr

__all__ = ["MAX_MESSAGE_BYTES", "BrokerError", "BrokerUnavailable", "EmbeddedBroker", "Progress", "shown_on_stderr"]
