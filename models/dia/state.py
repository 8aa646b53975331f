"""What every slot has come to, on the device: a step reads and writes it without asking the host."""

import torch
from torch import Tensor

from models.dia.cache import Cache
from models.dia.decoder import Decoder, RecordingAttention, StepAttention
from models.dia.noise import HashNoise, HostNoise, Noise
from models.dia.rules import Rules
from models.dia.sampling import Knobs, choose
from models.dia.weights import Weights

NEVER = 2**31 - 1


class State:
    """`slots` requests of at most `positions` positions and `text_bytes` bytes of text.

    Column t of a request holds the codes of all channels at t. `codes`: (slots, positions + 1, channels), with
    `rules.free` where nothing is decided. `at`: (slots,), the last column that is known. `end`: (slots,), the column in
    which channel 0 ends; until that is known, the one in which it will be made to. `noise`: what is drawn;
    torch's own stream on a CPU, unless `hashed`.
    """

    def __init__(
        self,
        weights: Weights,
        rules: Rules,
        slots: int,
        *,
        positions: int,
        text_bytes: int,
        most_candidates: int,
        hashed: bool = False,
    ) -> None:
        shape, device = weights.shape, weights.device
        self.weights, self.rules = weights, rules
        self.positions = positions
        self.decoder = Decoder(weights, positions)
        self.cache = Cache.make(weights, slots, positions, text_bytes)
        self.knobs = Knobs(slots, most_candidates, device)
        self.codes = torch.full((slots, positions + 1, shape.channels), rules.free, device=device)
        self.at = torch.zeros(slots, dtype=torch.long, device=device)
        self.end = torch.full((slots,), NEVER, device=device)
        on_host = device.type == "cpu" and not hashed
        self.noise: Noise = HostNoise(slots, shape.channels, shape.vocabulary) if on_host else HashNoise(slots, device)
        self._delays = torch.tensor(rules.delays, device=device)

    def begin(self, slot: int, text: list[int], recording: Tensor | None, latest_end: int, seed: int | None) -> None:
        """Make a slot ready for its first step. `recording`: codes (frames, channels) that go before."""
        self.noise.begin(slot, seed)
        self.cache.put_text(self.weights, slot, self.weights.encode(text))
        fixed = self.rules.fixed(recording).to(self.codes.device)
        self.codes[slot] = self.rules.free
        self.codes[slot, : len(fixed)] = fixed
        known = 0 if recording is None else len(recording)
        if known:
            self._read(slot, known, len(text))
        self.at[slot] = known
        self.end[slot] = latest_end

    def _read(self, slot: int, count: int, text_bytes: int) -> None:
        """The decoder reads the first `count` columns of a slot."""
        embedded = self.decoder.embed(self.codes[slot, :count]).expand(2, -1, -1)
        at = torch.arange(count, device=embedded.device)[None]
        self.decoder(embedded, at, RecordingAttention(self.cache, slot, text_bytes))

    def advance(self, count: int, reach: int, text_reach: int) -> None:
        """One column more in the first `count` slots.

        `reach`: above every `at` of them. `text_reach`: no text is longer. Both may be more than that, and slots that
        nobody uses may take part: what they come to is not looked at.
        """
        rows = torch.arange(count, device=self.at.device)
        at = self.at[:count]
        embedded = self.decoder.embed(self.codes[rows, at]).repeat_interleave(2, dim=0).unsqueeze(1)
        attention = StepAttention(self.cache, at, reach, text_reach)
        hidden = self.decoder(embedded, at.repeat_interleave(2)[:, None], attention)
        scores = self.decoder.scores(hidden.squeeze(1))
        drawn = choose(scores, self.knobs, lambda ids: self.noise.of(ids, at + 1), self.rules.end)
        self._append(rows, at + 1, drawn)

    def _append(self, rows: Tensor, column: Tensor, drawn: Tensor) -> None:
        """Keep what was drawn, but for what is fixed by the recording, the delays, and the end."""
        rules, count = self.rules, len(rows)
        ends = torch.where(drawn[:, 0] == rules.end, column, NEVER)
        end = torch.minimum(self.end[:count], ends)
        fixed = self.codes[rows, column]
        codes = torch.where(fixed == rules.free, drawn, fixed)
        beyond = (column - end)[:, None] - self._delays
        codes = codes.masked_fill(beyond == 0, rules.end).masked_fill(beyond > 0, rules.free)
        self.codes[rows, column] = codes
        self.end[:count] = end
        self.at[:count] = column.clamp(max=self.positions - 1)

    def move(self, source: int, target: int, columns: int, text_bytes: int) -> None:
        """A slot moves; `columns`, `text_bytes`: as far as it is filled."""
        self.cache.move(source, target, columns, text_bytes)
        self.knobs.move(source, target)
        self.noise.move(source, target)
        for each in (self.codes, self.at, self.end):
            each[target] = each[source]

    def frames(self, slot: int, first: int, count: int) -> Tensor:
        """Codes (channels, count) of the frames that channel 0 has in columns `first` …; channels are shifted back."""
        channels = enumerate(self.rules.delays)
        codes = self.codes[slot]
        return torch.stack([codes[first + delay : first + delay + count, channel] for channel, delay in channels])
