"""Dia: dialogue in natural voices, several requests at once (transformers' checkpoints)."""
