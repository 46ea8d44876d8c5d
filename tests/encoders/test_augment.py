"""Changes of images in training."""

from __future__ import annotations

import pytest
import torch

from umbel.encoders.augment import Augment
from umbel.errors import ConfigError

X = torch.rand(40, 3, 8, 10, generator=torch.Generator().manual_seed(0))


def changed(**options: object) -> torch.Tensor:
    torch.manual_seed(1)
    return Augment.of(options)(X)


def test_nothing_is_changed_by_default() -> None:
    assert Augment()(X) is X


def test_chance_is_torchs() -> None:
    one = changed(shift=0.2, crop=0.3, flip=True, brightness=0.5)
    torch.testing.assert_close(one, changed(shift=0.2, crop=0.3, flip=True, brightness=0.5), rtol=0, atol=0)
    assert not torch.equal(one, Augment.of({"shift": 0.2})(X))
    assert one.min() >= 0
    assert one.max() <= 1


def test_about_half_of_the_images_are_mirrored() -> None:
    found = changed(flip=True)
    same = (found - X).abs().amax(dim=(1, 2, 3)) < 1e-5
    mirrored = (found - X.flip(3)).abs().amax(dim=(1, 2, 3)) < 1e-5
    assert (same | mirrored).all()
    assert 10 <= int(mirrored.sum()) <= 30


def test_a_shift_is_whole_pixels_and_each_rows_own() -> None:
    found = changed(shift=0.25)
    seen = set()
    for row, image in enumerate(found):
        fits = [
            (down, across)
            for down in range(-2, 3)
            for across in range(-3, 4)
            if torch.allclose(
                image[:, 3:-3, 3:-3], X[row].roll((down, across), (1, 2))[:, 3:-3, 3:-3], atol=1e-5
            )
        ]
        assert fits, f"row {row} is no shifted image"
        seen.add(fits[0])
    assert len(seen) > 5
    # what was outside is the edge, not black
    assert found.min() >= X.min() - 1e-6


def test_a_crop_lies_within_the_image() -> None:
    ramp = torch.linspace(0, 1, 10).expand(40, 1, 8, 10)
    torch.manual_seed(1)
    found = Augment(crop=0.5)(ramp)
    span = found[:, 0, 0, -1] - found[:, 0, 0, 0]
    assert (span > 0.4).all()
    assert (span <= 1.0001).all()
    assert span.std() > 0.05
    assert (found.diff(dim=3) >= -1e-6).all()


def test_brightness_is_one_factor_per_row() -> None:
    dim = X / 3
    torch.manual_seed(1)
    factors = Augment(brightness=0.5)(dim) / dim
    assert (factors.flatten(1).std(dim=1) < 1e-5).all()
    assert factors.amin() >= 0.5 - 1e-5
    assert factors.amax() <= 1.5 + 1e-5
    assert factors.flatten(1)[:, 0].std() > 0.1


@pytest.mark.parametrize(
    "options",
    [{"shift": 0.6}, {"crop": -0.1}, {"flip": 1}, {"brightness": "much"}, {"shfit": 0.1}, {"crop": True}],
)
def test_options_are_held(options: dict[str, object]) -> None:
    with pytest.raises(ConfigError):
        Augment.of(options)
