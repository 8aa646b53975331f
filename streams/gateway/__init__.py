"""The HTTP face: what clients without Kafka ask becomes events, and what the log and the store say becomes answers."""
