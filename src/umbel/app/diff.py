"""Two runs side by side: what differs in what was asked, and in what came out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from umbel.app.run import Run
from umbel.app.yamlfile import read_yaml

__all__ = ["Change", "Difference", "compare_runs", "flatten"]


@dataclass(frozen=True)
class Change:
    """One score in both runs; None where a run has no such score.

    :param overlap: whether the two 95 % intervals overlap; None where there is one interval or none.
    """

    task: str
    metric: str
    model: str
    first: float | None
    second: float | None
    change: float | None
    overlap: bool | None
    verdicts: tuple[str, str]


@dataclass(frozen=True)
class Difference:
    """What differs between two runs.

    :param config: by dotted path, the two values; the text ``-`` where a run has none.
    :param scores: every score that one of them has, in order.
    """

    config: dict[str, tuple[Any, Any]]
    scores: list[Change]


def flatten(value: Any, path: str = "") -> dict[str, Any]:
    """Nested mappings by dotted path; lists are values.

    >>> flatten({"a": {"b": 1, "c": {}}, "d": [1, 2]})
    {'a.b': 1, 'a.c': {}, 'd': [1, 2]}
    """
    if not isinstance(value, Mapping) or not value:
        return {path: value} if path else {}
    flat: dict[str, Any] = {}
    for key, inner in value.items():
        flat |= flatten(inner, f"{path}.{key}" if path else str(key))
    return flat


def compare_runs(first: Run, second: Run) -> Difference:
    """Hold two runs side by side. Their test rows may differ: intervals are of each run alone.

    :raises DataError: a run has no scores.
    :raises ConfigError: a run's config.yaml cannot be read.
    """
    scores = _changes(first.read_scores(), second.read_scores())
    one, two = _config(first), _config(second)
    paths = [*one, *(path for path in two if path not in one)]
    config = {
        path: (one.get(path, "-"), two.get(path, "-"))
        for path in paths
        if one.get(path, "-") != two.get(path, "-")
    }
    return Difference(config, scores)


def _config(run: Run) -> dict[str, Any]:
    return flatten(read_yaml(run.config).keys) if run.config.is_file() else {}


def _changes(one: Sequence[Mapping[str, Any]], two: Sequence[Mapping[str, Any]]) -> list[Change]:
    keyed = [{(r["task"], r["metric"], r["model"]): r for r in rows} for rows in (one, two)]
    changes = []
    for key in dict.fromkeys([*keyed[0], *keyed[1]]):
        a, b = keyed[0].get(key, {}), keyed[1].get(key, {})
        x, y = a.get("value"), b.get("value")
        changes.append(
            Change(
                *key,
                x,
                y,
                None if x is None or y is None else y - x,
                _overlap(a, b),
                (str(a.get("verdict") or ""), str(b.get("verdict") or "")),
            )
        )
    return changes


def _overlap(a: Mapping[str, Any], b: Mapping[str, Any]) -> bool | None:
    ends = [a.get("low"), a.get("high"), b.get("low"), b.get("high")]
    if any(end is None for end in ends):
        return None
    return bool(a["low"] <= b["high"] and b["low"] <= a["high"])
