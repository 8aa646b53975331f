"""Dia: dialogue in natural voices, several requests at once, over checkpoints as transformers publishes them.

Dia (engine.py)          the engine: names, voices, estimates; imports no torch until it is loaded
├── checkpoint.py        finds checkpoints, and refuses those that could run code
├── voices.py, text.py   voices to be cloned; text as the model reads it
└── speaker.py           the loaded model
    ├── loop.py          requests come and go, samples are handed out (seat.py: one request)
    ├── drive.py         runs steps: one operation after the other, or recorded graphs on a GPU
    ├── state.py         one step for all slots (decoder.py, cache.py, sampling.py, rules.py)
    └── codec.py         codes to samples, in windows
"""

from models.dia.engine import Dia as Dia
