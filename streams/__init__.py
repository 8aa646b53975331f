"""The vocabulary of Loa and its composition root: settings, topics, events, agents, commands."""

__version__ = "0.1.0"
