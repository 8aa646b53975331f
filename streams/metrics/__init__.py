"""What Loa's processes tell Prometheus: `declared` has every metric, `registry` those of one process."""
