"""MultiMNIST: a small shared CNN under seven balancers, two separate ones, and a random forest per digit.

    python benchmarks/multimnist.py [--seeds 3]

8,000 training pairs of the images 0 to 7999 and 2,000 test pairs of the images 8000 to 9999, overlaid as
Sener & Koltun (2018) do. Validation pairs choose the epoch; test pairs are read once.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import RandomForestClassifier

sys.path.insert(0, str(Path(__file__).parent))

from multimnist_data import DIGITS, Pictures, multimnist, pictures_folder
from multimnist_judge import COVERS, by_image, difference
from multimnist_net import Distortion, fit
from record import Table, record

from umbel.balancing.balancer import BALANCERS
from umbel.training.learners.net_options import NetOptions

__all__ = ["DISTORTION", "OPTIONS"]

METHODS = ("equal", "uncertainty", "famo", "mgda", "cagrad", "nash", "upgrad")
TREES = 200

# chosen on validation pairs of seed 100, which is not among those that are judged
OPTIONS = NetOptions(
    sharing_options={
        "blocks": "convolution",
        "channels": 16,
        "doubling": True,
        "depth": 3,
        "width": 128,
        "dropout": 0.1,
    },
    lr=5e-3,
    weight_decay=1e-2,
    schedule="one_cycle",
    epochs=12,
    batch_size=128,
    average=0.98,
)
DISTORTION = Distortion(shift=1.5, turn=15.0, scale=0.15)

Answers = dict[str, dict[str, NDArray[np.float64]]]


@dataclass
class Found:
    """One seed: right answers by model and digit, by image; and what there is to tell of each model."""

    right: Answers = field(default_factory=dict)
    told: dict[str, dict[str, Any]] = field(default_factory=dict)

    def take(self, name: str, right: dict[str, NDArray[np.float64]], **told: Any) -> None:
        """Keep a model's answers, and say how good they are."""
        self.right[name] = self.right.get(name, {}) | right
        accuracy = {digit: float(one.mean()) for digit, one in right.items()}
        before = self.told.get(name, {"accuracy": {}, "cpu_seconds": 0.0, "fits": []})
        self.told[name] = {
            "accuracy": before["accuracy"] | accuracy,
            "cpu_seconds": before["cpu_seconds"] + told["cpu_seconds"],
            "fits": [*before["fits"], told],
        }
        print(f"  {name}", {k: round(v, 4) for k, v in accuracy.items()}, told, flush=True)


def _flat(data: Pictures, side: str) -> NDArray[Any]:
    pixels: NDArray[Any] = getattr(data, side).inputs["image"].flatten(1).numpy()
    return pixels


def forest(data: Pictures, seed: int, found: Found) -> None:
    """One random forest per digit with the library's defaults, on training and validation pairs."""
    X = np.concatenate([_flat(data, "train"), _flat(data, "valid")])
    for digit in DIGITS:
        begin = time.process_time()
        y = np.concatenate([data.train.targets[digit].numpy(), data.valid.targets[digit].numpy()])
        made = RandomForestClassifier(TREES, random_state=seed).fit(X, y)
        right = made.predict(_flat(data, "test")) == data.test.targets[digit].numpy()
        spent = time.process_time() - begin
        found.take("forest per digit", by_image({digit: right}, data), cpu_seconds=spent)


def run(seed: int, methods: tuple[str, ...], options: NetOptions) -> Found:
    """All models of one seed."""
    data, found = multimnist(seed), Found()
    forest(data, seed, found)
    for digit in DIGITS:
        one = fit(data, options, seed=seed, distort=DISTORTION, targets=(digit,))
        told = {"epoch": one.epoch, "valid": one.valid, "cpu_seconds": one.cpu_seconds}
        found.take("separate CNNs", by_image(one.correct, data), **told)
    for method in methods:
        one = fit(data, replace(options, balancing=method), seed=seed, distort=DISTORTION)
        told = {"epoch": one.epoch, "valid": one.valid, "cpu_seconds": one.cpu_seconds}
        found.take(method, by_image(one.correct, data), **told)
    return found


def _each(runs: list[Found], model: str, digit: str) -> str:
    return ", ".join(f"{run.told[model]['accuracy'][digit]:.4f}" for run in runs)


def _against(runs: list[Found], model: str, other: str, digit: str) -> Any:
    return difference([r.right[model][digit] for r in runs], [r.right[other][digit] for r in runs])


def judged(runs: list[Found], methods: tuple[str, ...]) -> tuple[list[Table], str, dict[str, Any]]:
    """Tables, the sentence on balancers, and every difference."""
    scores, gains, raw = [], [], {}
    better: list[str] = []
    for model in runs[0].told:
        parts = [
            part
            for digit in DIGITS
            for part in (
                float(np.mean([r.told[model]["accuracy"][digit] for r in runs])),
                _each(runs, model, digit),
            )
        ]
        scores.append([model, *parts, float(np.mean([r.told[model]["cpu_seconds"] for r in runs]))])
    pairs = [(m, "equal") for m in methods if m != "equal"]
    pairs += [("equal", "forest per digit"), ("equal", "separate CNNs")]
    for model, other in pairs:
        for digit in DIGITS:
            gap = _against(runs, model, other, digit)
            each = ", ".join(f"{mean:+.4f} [{low:+.4f}, {high:+.4f}]" for mean, low, high in gap.each)
            gains.append([f"{model} minus {other}", digit, gap.mean, gap.low, gap.high, gap.verdict, each])
            raw[f"{model} minus {other}, {digit}"] = [gap.mean, gap.low, gap.high, *gap.each]
            if other == "equal" and gap.low > 0:
                better.append(f"{model} ({digit})")
    sentence = (
        f"Better than equal weights by its interval: {', '.join(better)}; all others are not."
        if better
        else "No balancer beats equal weights on either digit: no interval of a difference lies above 0."
    )
    tables = [
        Table(
            "MultiMNIST: test accuracy, mean and value of each seed. All rows but the first two are one CNN "
            "with hard sharing under a balancer.",
            ["model", "left", "left, each seed", "right", "right, each seed", "CPU-s"],
            scores,
        ),
        Table(
            f"Differences of accuracy. {COVERS}",
            ["models", "digit", "difference", "low", "high", "verdict", "each seed [test images alone]"],
            gains,
        ),
    ]
    return tables, sentence, raw


def beaten(raw: Mapping[str, Any]) -> str:
    """Whether hard sharing with equal weights is better than the forests, on every seed and digit."""
    lines = [raw[f"equal minus forest per digit, {digit}"] for digit in DIGITS]
    if all(low > 0 for line in lines for _, low, _ in line[3:]):
        return "Hard sharing with equal weights beats the forest per digit on both digits and every seed."
    if all(mean > 0 for line in lines for mean, _, _ in line[3:]):
        return (
            "Hard sharing with equal weights is above the forest per digit on both digits and every seed, "
            "but some intervals of single seeds hold 0."
        )
    return "Hard sharing with equal weights does not beat the forest per digit on every seed and digit."


def main() -> int:
    """Run and record."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=OPTIONS.epochs)
    asked = parser.parse_args()
    if not pictures_folder().is_dir():
        print("skipped: the pictures are not there; set UMBEL_SHARED to the folder of images/mnist")
        return 0
    methods = tuple(name for name in METHODS if name in BALANCERS.names())
    options, seeds, begin = replace(OPTIONS, epochs=asked.epochs), range(asked.seeds), time.process_time()
    runs = []
    for seed in seeds:
        print(f"seed {seed}", flush=True)
        runs.append(run(seed, methods, options))
    tables, sentence, raw = judged(runs, methods)
    for table in tables:
        for row in table.rows:
            print("  ", *(round(c, 4) if isinstance(c, float) else c for c in row), flush=True)
    trunk = options.sharing_options or {}
    notes = [
        f"{beaten(raw)} {sentence}",
        "Pairs: images 0 to 7999 of the official MNIST test file make 7,000 training and 1,000 validation "
        "pairs, images 8000 to 9999 make 2,000 test pairs; the seed draws the validation images, the pairs, "
        "parameters and batches. No image is on two sides. The first digit lies top left, the second bottom "
        "right (by 8 pixels) on 36 x 36, the larger of both pixels counts, resized to 28 x 28. Sener & "
        "Koltun (2018) learn from 60,000 training images: their figures are no comparison.",
        "The forests are scikit-learn's with their defaults and "
        f"{TREES} trees, fitted on training and validation pairs together. All nets learn from training "
        "pairs alone, with the same random shifts, turns and sizes, the same average of the parameters, and "
        "one epoch for all digits of a net, chosen by validation likelihood.",
        f"Net: {trunk['depth']} convolutions of 3 x 3 from {trunk['channels']} channels, doubling, group "
        f"norm, {trunk['width']} units, a linear head per digit; AdamW at {options.lr:g}, one cycle of "
        f"{options.epochs} epochs, batches of {options.batch_size}. Width, depth, dropout, rate, epochs and "
        "distortion were tried on validation pairs of seed 100 with equal weights; balancers have their "
        "default options and take gradients at the features.",
    ]
    if missing := [name for name in METHODS if name not in methods]:
        notes.append(f"Not there yet, and so not in the tables: {', '.join(missing)}.")
    result = {"seeds": [r.told for r in runs], "differences": raw}
    spent = time.process_time() - begin
    title = "MultiMNIST: balancers over one CNN"
    record("multimnist", result, seeds=seeds, title=title, tables=tables, notes=notes, cpu_seconds=spent)
    return 0


if __name__ == "__main__":
    sys.exit(main())
