"""The vocabulary of Loa and its composition root: settings, topics, events, agents, commands."""
