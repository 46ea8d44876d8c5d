"""Text read word by word: gated recurrent units over learned embeddings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from umbel.data.schema import Column
from umbel.encoders.encoder import ENCODERS
from umbel.encoders.token_encoder import TokenEncoder
from umbel.errors import ConfigError

__all__ = ["TextGRU"]


@ENCODERS.register("text_gru", source="GRU, Cho et al. 2014; two directions, Schuster & Paliwal 1997")
class TextGRU(TokenEncoder):
    """Tokens through a GRU in both directions; the mean and the maximum of its states are the features.

    Not the last state alone, as Cho et al. have it: of a long text that remembers the end.

    :param hidden: units of each direction.
    :param layers: GRUs above each other.
    :param both: read from the end, too.
    :param options: those of :class:`~umbel.encoders.token_encoder.TokenEncoder`.
    :raises ConfigError: an option is out of its range.
    """

    name: ClassVar[str] = "text_gru"

    def __init__(
        self,
        columns: Sequence[Column],
        *,
        hidden: int = 64,
        layers: int = 1,
        both: bool = True,
        least: int = 2,
        most: int = 20_000,
        window: int = 128,
        width: int = 64,
        dropout: float = 0.2,
    ) -> None:
        super().__init__(columns, least=least, most=most, window=window, width=width, dropout=dropout)
        self.hidden, self.layers = (
            self.whole("hidden", hidden, least=1),
            self.whole("layers", layers, least=1),
        )
        if not isinstance(both, bool):
            raise ConfigError("'both' of the encoder 'text_gru' is true or false", found=repr(both))
        self.both = both

    def build_layers(self) -> None:
        """The GRU."""
        self.cell = nn.GRU(
            self.width, self.hidden, num_layers=self.layers, batch_first=True, bidirectional=self.both
        )

    @property
    def text_width(self) -> int:
        """Mean and maximum of the states."""
        return 2 * self.hidden * (2 if self.both else 1)

    def read(self, h: Tensor, lengths: Tensor) -> Tensor:
        """See :class:`TokenEncoder`."""
        packed: Any = pack_padded_sequence(h, lengths.cpu(), batch_first=True, enforce_sorted=False)
        if self.training or not torch.is_grad_enabled():
            states, _ = self.cell(packed)
        else:  # cuDNN's cell has no gradient outside training
            with torch.backends.cudnn.flags(enabled=False):
                states, _ = self.cell(packed)
        states, _ = pad_packed_sequence(states, batch_first=True)
        inside = torch.arange(states.shape[1], device=h.device) < lengths[:, None]
        mean = states.sum(dim=1) / lengths[:, None].to(states.dtype)  # padded with zeros
        most = states.masked_fill(~inside[:, :, None], -torch.inf).amax(dim=1)
        return torch.cat([mean, most], dim=1)
