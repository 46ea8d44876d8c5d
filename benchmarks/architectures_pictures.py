"""Sharing architectures beside hard sharing on MultiMNIST, with convolution trunks."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from architectures_parts import Gap, Part
from architectures_sizes import picture_options
from multimnist import DISTORTION, OPTIONS
from multimnist_data import DIGITS, multimnist
from multimnist_judge import COVERS, by_image, difference
from multimnist_net import fit
from numpy.typing import NDArray
from record import Table

__all__ = ["on_pictures"]


def on_pictures(seeds: Sequence[int], *, epochs: int) -> Part:
    """Two digits in a picture, convolution trunks, equal weights."""
    begin = time.process_time()
    sized = picture_options(replace(OPTIONS, epochs=epochs), DIGITS)
    right: dict[str, dict[str, list[NDArray[np.float64]]]] = {n: {d: [] for d in DIGITS} for n in sized}
    spent: dict[str, list[float]] = {name: [] for name in sized}
    for seed in seeds:
        data = multimnist(seed)
        for name, (own, _) in sized.items():
            one = fit(data, own, seed=seed, distort=DISTORTION)
            for digit, answers in by_image(one.correct, data).items():
                right[name][digit].append(answers)
            spent[name].append(one.cpu_seconds)
            print(f"  pictures {seed} {name} {one.valid} {one.cpu_seconds:.1f} s", flush=True)
    gaps: dict[str, dict[str, Gap]] = {f"MultiMNIST, {digit}": {} for digit in DIGITS}
    lines = []
    for name, (own, size) in sized.items():
        line: list[Any] = []
        for digit in DIGITS:
            mine = right[name][digit]
            line.append(float(np.mean(mine)))
            if name == "hard":
                line += [None] * 4
                continue
            found = difference(mine, right["hard"][digit])
            gap = gaps[f"MultiMNIST, {digit}"][name] = Gap(found.mean, found.low, found.high)
            line += [gap.mean, gap.low, gap.high, gap.verdict]
        trunk = own.sharing_options or {}
        form = f"{trunk['channels']} / {trunk['width']}"
        lines.append([name, form, size, *line, float(np.mean(spent[name]))])
    caption = (
        f"MultiMNIST: test accuracy of convolution trunks after {epochs} epochs with equal weights, mean "
        f"over {len(seeds)} seeds, and the difference to hard sharing. {COVERS}"
    )
    columns = ["architecture", "channels / width", "trunk"]
    for digit in DIGITS:
        columns += [digit, "minus hard", "low", "high", "verdict"]
    accuracy = {
        name: {d: [float(a.mean()) for a in line] for d, line in by.items()} for name, by in right.items()
    }
    raw = {"accuracy": accuracy, "cpu_seconds_of_fits": spent}
    table = Table(caption, [*columns, "CPU-s"], lines)
    sizes = {name: size for name, (_, size) in sized.items()}
    return Part("MultiMNIST", list(seeds), table, gaps, sizes, raw, time.process_time() - begin)
