"""All sharing architectures beside hard sharing at equal parameters: films, MultiMNIST, School.

    python benchmarks/architectures.py [--films 2] [--pictures 2] [--school 5]

The widths are those at which a trunk has as many learned numbers as hard sharing's, within 10 %. All
architectures have their default options, and the training that hard sharing has.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from architectures_parts import LINEAR, WARDS, Part, on_films, on_school
from architectures_pictures import on_pictures
from architectures_sizes import NEAR, architectures
from multimnist_data import pictures_folder
from record import Table, record
from tables_data import shared_tables

NOTES = [
    "Options are the defaults of each architecture (4 experts for mmoe and dselect_k, rank 4 for lora, ...): "
    "none was searched for, while rate, decay and epochs were chosen for hard sharing. A search of its "
    "own may be kinder to an architecture. aitm's chain is all targets by name; esmm has no chain here, so "
    "it is a tower per task over one common stage. Equal parameters are not equal time: see CPU-seconds.",
    "Films: two stages, the options of the demo's second net, one net each; validation stops each task at "
    "its own best epoch; test is read once. MultiMNIST: the net and pairs of `benchmarks/multimnist.py` "
    "with fewer epochs, the same for all. School: the exam score of 139 schools is one target, so "
    "architectures that need several (film, lora, task_embedding, cross_stitch, sluice, aitm, esmm) are "
    "hard sharing with a few more numbers; schools differ in their heads and in an embedding of the school. "
    f"Its nets: {WARDS.depth} stages, {WARDS.activation}, AdamW at {WARDS.lr:g} with decay "
    f"{WARDS.weight_decay:g}, chosen with hard sharing on validation rows of seed 100.",
    "Intervals are not corrected for how many architectures are looked at.",
]


def sentence(part: Part) -> str:
    """What the intervals say of the architectures, in words."""
    better = [
        f"{name} ({column}: {gap})"
        for column, gaps in part.columns.items()
        for name, gap in gaps.items()
        if gap.low > 0 and name in part.sizes
    ]
    worse = sorted(
        {
            name
            for gaps in part.columns.values()
            for name, gap in gaps.items()
            if gap.high < 0 and name in part.sizes
        }
    )
    said = (
        f"{part.name}: at equal parameters better than hard sharing by their interval: {', '.join(better)}."
        if better
        else f"{part.name}: at equal parameters no architecture beats hard sharing."
    )
    said += f" Worse: {', '.join(worse)}." if worse else " None is worse."
    family = [
        f"{name} ({gap.verdict}, {gap})"
        for gaps in part.columns.values()
        for name, gap in gaps.items()
        if name in LINEAR
    ]
    if family:
        said += f" The linear family against the net with hard sharing: {', '.join(family)}."
    return said + one_cluster(part.raw.get("r2", {}))


def one_cluster(r2: Mapping[str, Sequence[float]]) -> str:
    """Whether `clustered` is `hierarchical` here: it is with one cluster, which BIC may choose."""
    if all(name in r2 for name in ("clustered", "hierarchical")):
        gaps = [abs(a - b) for a, b in zip(r2["clustered"], r2["hierarchical"], strict=True)]
        if max(gaps) < 1e-9:
            return " clustered found one cluster in every split, which makes it hierarchical."
    return ""


def gainers(films: Part) -> list[str]:
    """Architectures whose interval lies above 0 on the films."""
    return [name for gaps in films.columns.values() for name, gap in gaps.items() if gap.low > 0]


def again(part: Part) -> str:
    """What fresh splits say of those that gained."""
    gaps = [f"{n} {gap.verdict} ({gap})" for gaps in part.columns.values() for n, gap in gaps.items()]
    return (
        "With so many looked at, one interval above 0 may be chance: what gained on the films was tried "
        f"again on fresh splits (seeds {part.seeds[0]} to {part.seeds[-1]}): {', '.join(gaps)}."
    )


def summary(parts: list[Part]) -> Table:
    """One line for each architecture."""
    columns = [(column, gaps) for part in parts for column, gaps in part.columns.items()]
    lines = []
    for name in (*architectures()[1:], *LINEAR):
        cells = [str(gaps[name]) + _mark(gaps[name].verdict) if name in gaps else "" for _, gaps in columns]
        if any(cells):
            lines.append([name, *cells])
    sizes = "; ".join(
        f"{part.name} {part.sizes['hard']:,} (from {min(part.sizes.values()):,} to "
        f"{max(part.sizes.values()):,})"
        for part in parts
    )
    caption = (
        "All architectures, difference to hard sharing with its 95 % interval; ** gains, * loses, else no "
        f"evidence. Learned numbers of hard sharing's trunk, and of all (within {NEAR:.0%}): {sizes}."
    )
    return Table(caption, ["architecture", *(column for column, _ in columns)], lines)


def _mark(verdict: str) -> str:
    return {"gains": " **", "loses": " *"}.get(verdict, "")


def write(parts: list[Part], fresh: list[Part], cpu_seconds: float) -> None:
    """Say and record what there is.

    :param fresh: what was tried again.
    """
    told = [*map(sentence, parts), *map(again, fresh)]
    named = [*((p.name, p) for p in parts), *(("films, fresh splits", p) for p in fresh)]
    for _, part in named:
        for row in part.table.rows:
            print("  ", *(round(c, 4) if isinstance(c, float) else c for c in row), flush=True)
    print(*told, sep="\n", flush=True)
    seeds = "; ".join(f"{name}: {', '.join(map(str, part.seeds))}" for name, part in named)
    record(
        "architectures",
        {name: {"sizes": p.sizes, "cpu_seconds": p.cpu_seconds, **p.raw} for name, p in named},
        seeds=sorted({seed for _, part in named for seed in part.seeds}),
        title="Sharing architectures at equal parameters",
        tables=[summary(parts), *(part.table for _, part in named)],
        notes=[" ".join(told), *NOTES, f"Seeds: {seeds}."],
        cpu_seconds=cpu_seconds,
    )


def main() -> int:
    """Run and record; what is done is recorded after each part."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--films", type=int, default=2, help="splits; 0 leaves the part out")
    parser.add_argument("--fresh", type=int, default=4, help="further splits for what gained on the films")
    parser.add_argument("--pictures", type=int, default=2, help="seeds; 0 leaves the part out")
    parser.add_argument("--school", type=int, default=5, help="splits, 2 or more; 0 leaves the part out")
    parser.add_argument("--epochs", type=int, default=6, help="of MultiMNIST")
    asked = parser.parse_args()
    todo: list[Callable[[], Part]] = []
    if asked.school and shared_tables().is_dir():
        todo.append(lambda: on_school(range(asked.school)))
    if asked.films:
        todo.append(lambda: on_films(range(asked.films)))
    if asked.pictures and pictures_folder().is_dir():
        todo.append(lambda: on_pictures(range(asked.pictures), epochs=asked.epochs))
    begin = time.process_time()
    parts: list[Part] = []
    fresh: list[Part] = []
    for run in todo:
        parts.append(run())
        if parts[-1].name == "films" and asked.fresh and (names := gainers(parts[-1])):
            fresh.append(on_films(range(asked.films, asked.films + asked.fresh), only=names))
        write(parts, fresh, time.process_time() - begin)
    if not pictures_folder().is_dir() or not shared_tables().is_dir():
        print("MultiMNIST and School need their folders: set UMBEL_SHARED; what was missing was left out")
    return 0


if __name__ == "__main__":
    sys.exit(main())
