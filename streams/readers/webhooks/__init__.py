"""Webhooks: outcomes told to HTTP endpoints, signed as Standard Webhooks, tried again for a day through a topic."""
