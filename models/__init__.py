"""Text to samples: engines, voices, text and audio. Knows nothing of files, Kafka, HTTP or settings."""
