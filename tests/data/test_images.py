"""Pixels of paths, bytes and arrays; every broken one is one error."""

from __future__ import annotations

import contextlib
import io
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from umbel.data.images import BrokenImageError, fit_to, read_image, shape_of
from umbel.errors import ConfigError

chance = np.random.default_rng(0)
GRAY = chance.integers(0, 256, (5, 7), dtype=np.uint8)
COLOUR = chance.integers(0, 256, (5, 7, 3), dtype=np.uint8)


def png(array: Any, mode: str | None = None, form: str = "PNG", **more: Any) -> bytes:
    image = Image.fromarray(array)
    file = io.BytesIO()
    (image.convert(mode) if mode else image).save(file, form, **more)
    return file.getvalue()


class TestReading:
    def test_path_bytes_and_array_are_the_same_image(self, tmp_path: Path) -> None:
        path = tmp_path / "a picture.png"
        path.write_bytes(png(COLOUR))
        wanted = np.moveaxis(COLOUR, 2, 0)
        for cell in (str(path), png(COLOUR), COLOUR, wanted, COLOUR.astype(np.int64), COLOUR / 255):
            np.testing.assert_array_equal(read_image(cell), wanted)
            assert shape_of(cell) == (3, 5, 7)

    @pytest.mark.parametrize(
        "cell", [GRAY, GRAY[:, :, None], GRAY[None], GRAY / 255, png(GRAY), png(GRAY, form="BMP")]
    )
    def test_gray_has_one_channel(self, cell: Any) -> None:
        np.testing.assert_array_equal(read_image(cell), GRAY[None])
        assert shape_of(cell) == (1, 5, 7)

    def test_black_and_white_and_sixteen_bits(self) -> None:
        dark = GRAY < 128
        np.testing.assert_array_equal(read_image(dark), 255 * dark[None])
        np.testing.assert_array_equal(read_image(png(dark)), 255 * dark[None])
        wide = GRAY.astype(np.uint16) * 256 + 77
        np.testing.assert_array_equal(read_image(png(wide)), GRAY[None])

    def test_what_lets_through_is_white(self) -> None:
        clear = np.dstack([COLOUR, np.full((5, 7), 51, dtype=np.uint8)])
        wanted = np.rint(0.2 * COLOUR + 0.8 * 255).astype(np.uint8)
        for cell in (clear, np.moveaxis(clear, 2, 0), png(clear)):
            np.testing.assert_array_equal(read_image(cell), np.moveaxis(wanted, 2, 0))
        both = png(np.dstack([GRAY, np.zeros_like(GRAY)]))
        assert read_image(both).shape == (1, 5, 7)
        assert (read_image(both) == 255).all()

    def test_palettes_and_prints_are_colour(self) -> None:
        flat = np.zeros((4, 4, 3), dtype=np.uint8)
        flat[:2] = (255, 0, 0)
        for cell in (png(flat, "P"), png(flat, form="GIF"), png(flat, "CMYK", "TIFF")):
            np.testing.assert_array_equal(read_image(cell), np.moveaxis(flat, 2, 0))
            assert shape_of(cell) == (3, 4, 4)

    def test_the_way_a_camera_was_held_is_obeyed(self) -> None:
        told = Image.Exif()
        told[0x0112] = 6  # to be turned a quarter to the right
        cell = png(COLOUR, exif=told)
        np.testing.assert_array_equal(read_image(cell), np.moveaxis(np.rot90(COLOUR, -1), 2, 0))
        assert shape_of(cell) == (3, 7, 5)

    def test_the_last_axis_goes_before_the_first(self) -> None:
        assert shape_of(np.zeros((3, 6, 4))) == (3, 3, 6)
        assert shape_of(np.zeros((3, 6, 5))) == (3, 6, 5)
        assert shape_of(np.zeros((1, 6, 5))) == (1, 6, 5)


class TestBroken:
    @pytest.mark.parametrize(
        ("cell", "says"),
        [
            (np.zeros(9), r"shape \[9\]"),
            (np.zeros((5, 6, 2)), "1, 3 or 4 channels"),
            (np.zeros((2, 3, 4, 3)), r"shape \[2, 3, 4, 3\]"),
            (np.zeros((0, 5)), "no pixel"),
            (GRAY * 2.0, "fractions from 0 to 1"),
            (GRAY.astype(int) * 2, "whole numbers are from 0 to 255"),
            (GRAY.astype(int) - 300, "from -"),
            (np.full((3, 3), np.nan), "nan"),
            (b"no image at all", "15 bytes: no image that Pillow knows"),
            (b"", "0 bytes"),
            (png(COLOUR)[:60], "60 bytes"),
            ("gone.png", "gone.png: there is no such file"),
            ("a\x00b.png", "null byte"),
            (".", "."),
        ],
    )
    def test_it_says_why(self, cell: Any, says: str) -> None:
        with pytest.raises(BrokenImageError, match=says):
            read_image(cell)

    def test_no_cut_and_no_changed_byte_leads_to_another_error(self) -> None:
        whole = png(COLOUR, form="JPEG")
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            for cut in range(0, len(whole), 23):
                changed = bytearray(whole)
                changed[cut] ^= 0x55
                for cell in (whole[:cut], bytes(changed)):
                    for read in (read_image, shape_of):
                        with contextlib.suppress(BrokenImageError):
                            read(cell)

    def test_an_image_that_fills_the_memory_is_broken(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 20)
        with pytest.raises(BrokenImageError, match="pixels"):
            read_image(png(COLOUR))

    def test_without_pillow_files_are_refused_and_arrays_are_read(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(sys.modules, "PIL.Image", None)
        with pytest.raises(ConfigError, match=r"extra 'image'"):
            read_image(png(GRAY))
        np.testing.assert_array_equal(read_image(GRAY), GRAY[None])


class TestFitting:
    def test_nothing_to_do(self) -> None:
        pixels = read_image(COLOUR)
        np.testing.assert_array_equal(fit_to(pixels, 3, (5, 7)), pixels)

    def test_gray_and_colour(self) -> None:
        np.testing.assert_array_equal(fit_to(GRAY[None], 3, (5, 7)), np.stack([GRAY] * 3))
        gray = np.asarray(Image.fromarray(COLOUR).convert("L")).astype(int)
        assert np.abs(fit_to(read_image(COLOUR), 1, (5, 7))[0].astype(int) - gray).max() <= 1

    @pytest.mark.parametrize("size", [(3, 4), (10, 9), (1, 1)])
    def test_size_is_pillows(self, size: tuple[int, int]) -> None:
        smooth = np.add.outer(np.arange(16) * 7, np.arange(20) * 5).astype(np.uint8)
        found = fit_to(smooth[None], 1, size)
        assert found.shape == (1, *size)
        wanted = np.asarray(Image.fromarray(smooth).resize(size[::-1], Image.Resampling.BILINEAR))
        assert np.abs(found[0].astype(int) - wanted).max() <= 1
