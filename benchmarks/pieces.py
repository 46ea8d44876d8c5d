"""Less memory for gradients at the parameters: the batch in pieces, the same update.

    python benchmarks/pieces.py [--rounds 20]

Of a small net of convolutions the activations outweigh the tasks' gradients by far, and a backward pass per
task keeps them all. A step in pieces (``pieces`` of a net) keeps those of one piece. Measured are peak memory
beyond a plain step of the whole batch, in Jacobians, and CPU time over that of a plain step, in turn, for the
net and batch of ``balancing_nets.py``.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import torch

sys.path.insert(0, str(Path(__file__).parent))

from balancing_costs import COUNTS, peak, race
from balancing_nets import Setting, halves, plain
from record import Table, record

METHODS = {"imtl_g": "of the Gramian", "graddrop": "of the whole Jacobian"}
PIECES = (1, 2, 4, 8)
BAR = 1.0


def main() -> int:
    """Run and record."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=20)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    rows: list[list[Any]] = []
    for count in COUNTS:
        size = 4 * count * sum(p.numel() for p in Setting("lenet", count).shared)
        base = peak(plain(Setting("lenet", count)))
        for method, what in METHODS.items():
            steps = {str(n): halves(Setting("lenet", count), method, "parameters", n) for n in PIECES}
            took = race({"plain": plain(Setting("lenet", count)), **steps}, max(3, asked.rounds // count))
            for pieces, step in steps.items():
                over = (peak(step) - base) / size
                met = "yes" if over <= BAR else "no"
                rows.append([count, f"{method} ({what})", int(pieces), over, met, took[pieces]])
                print("  ", *rows[-1], flush=True)
    record(
        "pieces",
        {"rows": rows},
        seeds=[0],
        title="Memory of gradients at the parameters, in pieces",
        tables=[
            Table(
                "LeNet, batch 256: memory at the peak beyond a plain step of the whole batch, in Jacobians "
                "(below 0: less than the plain step), and CPU time of a step over that of a plain step.",
                ["tasks", "method", "pieces", "Jacobians", f"at most {BAR:g}", "time"],
                rows,
            )
        ],
        notes=["A step in pieces gives the same update as the whole batch; see `pieces` of a net."],
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
