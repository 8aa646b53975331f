"""An engine that only waits: what is measured with it is how work is shared, whatever cores the machine has."""

import time

from models.engine import Piece
from models.speech import Speech
from models.tone import Tone

SECONDS = 0.5


class Waiting(Tone):
    """Half a second for every piece, as a device would take that others do not share; then a tone."""

    name = "waiting"

    def cost(self, text: str, speed: float) -> float:
        """The wait."""
        return SECONDS

    def speak(self, piece: Piece) -> Speech:
        """After the wait."""
        time.sleep(SECONDS)
        return super().speak(piece)
