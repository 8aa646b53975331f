"""Faust agents of a worker: the only room that imports Faust."""
