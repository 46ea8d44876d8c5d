"""Recordings in all forms become one channel at one rate; what cannot be read is told of by row and path."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from umbel.data.media import as_media, mark, media_of
from umbel.data.schema import Column
from umbel.data.sounds import read_sound, read_sounds, resample
from umbel.errors import DataError

soundfile = pytest.importorskip("soundfile", reason="files of sounds need the extra 'audio'")

SPEC = Column("sound", "audio")


def tone(hertz: float, rate: int, seconds: float = 0.5) -> np.ndarray:
    return 0.5 * np.sin(2 * np.pi * hertz * np.arange(int(seconds * rate)) / rate)


def file(path: Path, samples: np.ndarray, rate: int, **how: Any) -> str:
    soundfile.write(path, samples, rate, **how)
    return str(path)


def loudest(samples: np.ndarray, rate: int) -> float:
    """The frequency at which the windowed spectrum is largest, in Hz."""
    power = np.abs(np.fft.rfft(samples * np.hanning(len(samples)), 1 << 17))
    return float(power.argmax() * rate / (1 << 17))


@pytest.mark.parametrize("found", [8000, 11025, 22050, 44100, 48000])
@pytest.mark.parametrize("wanted", [8000, 16000])
def test_resampling_keeps_the_frequency_and_size_of_a_sine(found: int, wanted: int) -> None:
    new = resample(tone(1234.0, found), found, wanted)
    assert len(new) == -(-len(tone(1234.0, found)) * wanted // found)
    assert loudest(new, wanted) == pytest.approx(1234.0, abs=0.5)
    middle = new[len(new) // 4 : -len(new) // 4]
    assert np.sqrt(np.mean(middle**2)) == pytest.approx(0.5 / np.sqrt(2), rel=0.01)


def test_resampling_down_takes_away_what_would_be_heard_as_another_tone() -> None:
    new = resample(tone(7000.0, 32000), 32000, 8000)
    middle = new[len(new) // 4 : -len(new) // 4]
    assert np.abs(middle).max() < 0.005


@pytest.mark.parametrize("ending", ["wav", "flac"])
def test_paths_bytes_and_arrays_are_the_same_recording(tmp_path: Path, ending: str) -> None:
    whole = (tone(300.0, 8000) * 32767).astype(np.int16)
    path = file(tmp_path / f"a.{ending}", whole, 8000)
    wanted = whole.astype(np.float32) / 32768
    for cell in (path, Path(path).read_bytes(), whole, (whole, 8000), (whole, 8000.0), wanted):
        found = read_sound(cell, 8000)
        assert found.dtype == np.float32
        np.testing.assert_array_equal(found, wanted)


def test_an_array_with_another_rate_is_resampled_and_one_without_is_not() -> None:
    samples = tone(500.0, 16000)
    assert loudest(read_sound((samples, 16000), 8000), 8000) == pytest.approx(500.0, abs=1)
    assert loudest(read_sound(samples, 8000), 8000) == pytest.approx(250.0, abs=1)


def test_channels_are_averaged(tmp_path: Path) -> None:
    left, right = tone(300.0, 8000), tone(700.0, 8000)
    both = np.stack([left, right], axis=1)
    np.testing.assert_allclose(read_sound(both, 8000), (left + right) / 2, atol=1e-6)
    path = file(tmp_path / "stereo.wav", both, 8000, subtype="FLOAT")
    np.testing.assert_allclose(read_sound(path, 8000), (left + right) / 2, atol=1e-6)


def test_unsigned_samples_are_about_their_middle() -> None:
    assert read_sound(np.array([0, 128, 192], dtype=np.uint8), 8000).tolist() == [-1.0, 0.0, 0.5]


def test_a_refused_rate_names_both(tmp_path: Path) -> None:
    path = file(tmp_path / "a.wav", tone(300.0, 22050), 22050)
    with pytest.raises(DataError, match=r"column 'sound', row 1 .*a\.wav': 22050 Hz") as told:
        list(read_sounds([None, path], 8000, column="sound", change_rate=False))
    assert "8000 Hz" in told.value.rule
    with pytest.raises(DataError, match="22050 Hz"):  # another rate is no broken file
        list(read_sounds([path], 8000, column="sound", change_rate=False, on_error="skip"))


def broken(tmp_path: Path) -> dict[str, tuple[Any, str]]:
    cut = io.BytesIO()
    soundfile.write(cut, tone(300.0, 8000), 8000, format="FLAC")
    (tmp_path / "text.wav").write_text("no recording at all")
    (tmp_path / "empty.wav").write_bytes(b"")
    nothing = file(tmp_path / "nothing.wav", np.zeros(0), 8000)
    holed = tone(300.0, 8000)
    holed[7] = np.nan
    return {
        "absent": (str(tmp_path / "absent.wav"), "absent.wav': there is none"),
        "folder": (str(tmp_path), "there is none"),
        "text": (str(tmp_path / "text.wav"), r"text\.wav': "),
        "empty": (str(tmp_path / "empty.wav"), r"empty\.wav': "),
        "no samples": (nothing, r"nothing\.wav': none"),
        "bytes": (b"RIFF and nothing more", "21 bytes: "),
        "cut short": (cut.getvalue()[:60], "60 bytes: "),
        "not finite": (holed, "sample 7 is not"),
        "turned": (np.zeros((2, 4000)), r"float64, \[2, 4000\]"),
        "deep": (np.zeros((2, 2, 2)), r"\[2, 2, 2\]"),
        "words": (np.array(["a", "b"]), "<U1"),
        "odd rate": ((tone(300.0, 8000), 8000.5), r"8000\.5"),
        "no rate": ((tone(300.0, 8000), 0), "an array: 0"),
    }


NAMES = ["absent", "folder", "text", "empty", "no samples", "bytes", "cut short", "not finite"]
NAMES += ["turned", "deep", "words", "odd rate", "no rate"]


@pytest.mark.parametrize("name", NAMES)
def test_what_cannot_be_read_is_told_with_row_and_path(name: str, tmp_path: Path) -> None:
    cases = broken(tmp_path)
    assert set(cases) == set(NAMES)
    cell, found = cases[name]
    good = tone(300.0, 8000)
    with pytest.raises(DataError, match=r"column 'sound', row 2 \(the first is 0\): .*" + found) as told:
        list(read_sounds([good, None, cell], 8000, column="sound"))
    assert told.value.remedy
    with pytest.warns(UserWarning, match=rf"column 'sound'.* row 2 \(the first is 0\): .*{found}"):
        kept = list(read_sounds([good, None, cell, good], 8000, column="sound", on_error="skip"))
    assert [k is None for k in kept] == [False, True, True, False]


def test_cells_with_a_rate_stay_pairs() -> None:
    samples = tone(300.0, 8000)
    cells = pd.Series([(samples, 8000), {"array": samples, "sampling_rate": 8000}, (samples.tolist(), 8000)])
    for cell in as_media(cells, SPEC):
        np.testing.assert_array_equal(cell[0], samples)
        assert cell[1] == 8000
    bare = as_media(pd.Series([{"path": "a.wav", "bytes": None}, None, samples]), SPEC, Path("/d"))
    assert bare[0] == "/d/a.wav"
    assert bare[1] is None
    assert isinstance(bare[2], np.ndarray)


def test_a_pair_is_a_sound_and_is_told_from_others() -> None:
    samples = tone(300.0, 8000)
    assert media_of((samples, 8000)) == media_of({"array": samples, "sampling_rate": 8000}) == "audio"
    assert mark((samples, 8000)) == mark((samples.copy(), 8000))
    assert len({mark((samples, 8000)), mark((samples, 16000)), mark((samples[1:], 8000))}) == 3


def test_rows_are_those_of_the_table() -> None:
    with pytest.raises(DataError, match="row 41 "):
        list(read_sounds([None, b"no sound"], 8000, column="sound", rows=[7, 41]))
