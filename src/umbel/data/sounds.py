"""Recordings: files, bytes or arrays to one channel of samples at one sampling rate."""

from __future__ import annotations

import importlib
import io
import math
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from umbel.data.cells import rows_named
from umbel.errors import ConfigError, DataError

__all__ = ["OnError", "read_sound", "read_sounds", "resample"]

OnError = Literal["stop", "skip"]
"""What a recording that cannot be read does: it ends the work, or its cell counts as missing."""

Samples = NDArray[np.float32]
_CHANNELS = 32


class _OtherRateError(DataError):
    """A sound recording of a rate that is refused: to leave it out would be another table."""


def resample(samples: NDArray[Any], found: int, wanted: int) -> Samples:
    """Samples [N] at another rate, [ceil(N * wanted / found)].

    A polyphase filter (a windowed sinc, as scipy has it) keeps what lies below half of the lower rate.

    :param found: the rate of the samples, in Hz.
    :param wanted: the rate asked for, in Hz.

    Source: Crochiere & Rabiner 1983, ch. 3 (polyphase resampling by a rational factor).

    >>> resample(np.zeros(8, dtype=np.float32), 16000, 8000).shape
    (4,)
    """
    if found == wanted:
        return np.asarray(samples, dtype=np.float32)
    from scipy.signal import resample_poly  # here, as it takes long to import

    common = math.gcd(found, wanted)
    return np.asarray(resample_poly(samples, wanted // common, found // common), dtype=np.float32)


def read_sound(cell: Any, rate: int, *, change_rate: bool = True) -> Samples:
    """One recording as one channel [N] at a sampling rate; several channels are averaged.

    :param cell: the path of a file, its bytes, an array [N] or [N, channels], or such an array with its
        sampling rate as a pair. Whole numbers are scaled by the largest of their type, unsigned ones about
        their middle; floats are taken as they are. An array that comes without a rate has ``rate``.
    :param rate: the sampling rate asked for, in Hz.
    :param change_rate: whether a recording of another rate is resampled, or refused.
    :raises DataError: there is no such file, it is no recording, the array has no such shape, a sample is
        not finite, there is none at all, or the rate is another one.
    :raises ConfigError: files are to be read and the extra ``audio`` is absent.

    >>> read_sound(np.array([[16384, -16384], [16384, 0]], dtype=np.int16), 8000).tolist()
    [0.0, 0.25]
    """
    if isinstance(cell, str | bytes):
        samples, found = _file(cell)
    else:
        array, given = cell if isinstance(cell, tuple) else (cell, rate)
        samples, found = _scaled(np.asarray(array)), _whole(given)
    if samples.ndim == 2:
        samples = samples.mean(axis=1, dtype=np.float32)
    if not len(samples):
        raise DataError("a recording has at least one sample", found=_named(cell) + "none")
    if not np.isfinite(samples).all():
        raise DataError(
            "the samples of a recording are finite",
            found=f"{_named(cell)}sample {int(np.flatnonzero(~np.isfinite(samples))[0])} is not",
            remedy="mend the recording, or on_error: skip",
        )
    if found != rate and not change_rate:
        raise _OtherRateError(
            f"the recordings have the sampling rate of the encoder, {rate} Hz",
            found=f"{_named(cell)}{found} Hz",
            remedy=f"resample: true, or rate: {found} where all have it",
        )
    return resample(samples, found, rate)


def read_sounds(
    cells: Sequence[Any],
    rate: int,
    *,
    column: str,
    rows: Sequence[int] | None = None,
    on_error: OnError = "stop",
    change_rate: bool = True,
) -> Iterator[Samples | None]:
    """The recordings of a column one after the other, None where a cell is missing.

    :param cells: [B], see :func:`read_sound`; None is a missing one.
    :param column: its name, for errors.
    :param rows: [B] the cells' rows in their table, for errors; counted from 0 where None.
    :param on_error: ``stop``: a recording that cannot be read is an error; ``skip``: its cell is missing,
        and one warning at the end names the rows.
    :param change_rate: whether recordings of another rate are resampled, or refused; a refused one is an
        error under ``skip``, too.
    :raises DataError: a recording cannot be read; column, row and path are named.
    """
    skipped: list[tuple[int, str]] = []
    for row, cell in zip(range(len(cells)) if rows is None else rows, cells, strict=True):
        try:
            sound = None if _missing(cell) else read_sound(cell, rate, change_rate=change_rate)
        except DataError as error:
            if on_error == "skip" and not isinstance(error, _OtherRateError):
                skipped.append((row, error.found))
                yield None
                continue
            where = f"column '{column}', {rows_named([row])}: {error.found}"
            remedy = error.remedy or "mend the recording, leave the row out, or on_error: skip"
            raise DataError(error.rule, found=where, remedy=remedy) from None
        yield sound
    if skipped:
        told = "; ".join(why for _, why in skipped[:3]) + ("; ..." if len(skipped) > 3 else "")
        named = rows_named(row for row, _ in skipped)
        warnings.warn(
            f"column '{column}': recordings that cannot be read count as missing, {named}: {told}",
            UserWarning,
            stacklevel=2,
        )


def _missing(cell: Any) -> bool:
    return cell is None or (isinstance(cell, float) and math.isnan(cell))


def _named(cell: Any) -> str:
    """A cell as an error names it."""
    if isinstance(cell, str):
        return f"'{cell}': "
    return f"{len(cell)} bytes: " if isinstance(cell, bytes) else "an array: "


def _file(cell: str | bytes) -> tuple[Samples, int]:
    """Samples [N, channels] and the rate of a file."""
    try:
        soundfile = importlib.import_module("soundfile")
    except (ImportError, OSError):  # OSError: the package without the library it binds
        raise ConfigError(
            "recordings in files are read by the extra 'audio'",
            found="no package soundfile",
            remedy="pip install 'umbel[audio]', or give arrays",
        ) from None
    if isinstance(cell, str) and not Path(cell).is_file():
        raise DataError(
            "the path of a recording leads to a file",
            found=f"'{cell}': there is none",
            remedy="mend the path (a relative one starts at the table's folder), or on_error: skip",
        )
    try:
        source = cell if isinstance(cell, str) else io.BytesIO(cell)
        samples, rate = soundfile.read(source, dtype="float32", always_2d=True)
    # the library's own error is a RuntimeError; headerless files are a TypeError
    except (RuntimeError, TypeError, ValueError, OSError) as error:
        raise DataError(
            "a recording is a wav, flac, ogg or mp3 file that can be read",
            found=_named(cell) + str(error).splitlines()[0].split(": ")[-1],
            remedy="mend or convert the file, leave the row out, or on_error: skip",
        ) from None
    return samples, int(rate)


def _scaled(array: NDArray[Any]) -> Samples:
    """An array as float32 in [-1, 1] where it is of whole numbers.

    :raises DataError: it has another shape, or holds no numbers.
    """
    shape = array.shape
    if array.dtype.kind not in "iuf" or not (len(shape) == 1 or (len(shape) == 2 and shape[1] <= _CHANNELS)):
        raise DataError(
            f"the array of a recording holds numbers, [samples] or [samples, channels] (at most {_CHANNELS})",
            found=f"an array: {array.dtype}, {list(shape)}",
            remedy="channels stand in the last axis: turn the array",
        )
    if array.dtype.kind == "f":
        return array.astype(np.float32)
    half = float(2 ** (8 * array.dtype.itemsize - 1))
    centred = array.astype(np.float64) - (half if array.dtype.kind == "u" else 0.0)
    return (centred / half).astype(np.float32)


def _whole(rate: Any) -> int:
    """:raises DataError: the rate is no whole number of Hz above 0."""
    if isinstance(rate, bool) or not isinstance(rate, int | float | np.number) or not 0 < rate < 1e7:
        found: int | None = None
    else:
        found = int(rate) if float(rate).is_integer() else None
    if found is None:
        raise DataError(
            "a sampling rate is a whole number of Hz above 0", found=f"an array: {rate!r}", remedy="mend it"
        )
    return found
