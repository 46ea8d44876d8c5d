"""Which encoder reads columns of a type, and how it is made from its options."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from umbel.data.schema import Column, ColumnType
from umbel.encoders.encoder import ENCODERS, Encoder
from umbel.errors import ConfigError, near

__all__ = ["ENCODER_OF", "encoder_of"]

ENCODER_OF: dict[ColumnType, str] = {
    "number": "numbers",
    "category": "categories",
    "set": "names",
    "text": "text",
    "date": "dates",
    "image": "images",
    "audio": "audio",
    "series": "series",
}
"""The encoder of each type of column, which is also the name of its modality."""


def encoder_of(
    column_type: ColumnType, columns: list[Column], options: Mapping[str, Any] | None = None
) -> Encoder:
    """The encoder of some columns of one type.

    :param options: its keyword options; ``encoder`` among them puts another registered encoder of the same
        type of column in its place.
    :raises ConfigError: an encoder is unknown, reads another type, or does not know one of its options.
    """
    default = ENCODER_OF[column_type]
    chosen = dict(options or {})
    form = ENCODERS.get(chosen.pop("encoder", default))
    if form.reads != column_type:
        fitting = [entry.name for entry in ENCODERS if ENCODERS.get(entry.name).reads == column_type]
        raise ConfigError(
            f"an encoder of '{default}' reads columns of type '{column_type}'",
            found=f"'{form.name}', which reads '{form.reads}'",
            remedy="one of " + ", ".join(fitting),
        )
    known = [name for name in inspect.signature(form).parameters if name != "columns"]
    for name in chosen:
        if name not in known:
            raise ConfigError(
                f"the options of the encoder '{default}' must be ones it knows",
                found=f"'{name}' for '{form.name}'",
                remedy=near(name, known),
            )
    encoder: Encoder = form(columns, **chosen)
    return encoder
