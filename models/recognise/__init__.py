"""Recognisers: what listens to a piece and says which words it heard. Only `recogniser` is light to import."""
