"""Bytes, records and expiry. Knows nothing of models, Kafka or HTTP."""
