"""Is the audio the text spoken whole? A gate, cheap, that every piece passes before it is joined and kept.

One module for each criterion; `gate` puts them in order. What it finds, and what it cannot: docs/guarantees.md.
"""

from models.check.duration import count_words
from models.check.gate import BARE, CRITERIA, PLAIN, check, criteria_of, readings
from models.check.reading import Asked, Reading

__all__ = ["BARE", "CRITERIA", "PLAIN", "Asked", "Reading", "check", "count_words", "criteria_of", "readings"]
