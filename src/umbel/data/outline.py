"""A problem.yaml written from an inspection, each line with its reason."""

from __future__ import annotations

from typing import Any

from umbel.data.inspect import Inspection

__all__ = ["problem_yaml"]


def _scalar(value: Any) -> str:
    """A value on one line of YAML."""
    import yaml

    text = yaml.safe_dump(value, default_flow_style=True, sort_keys=False, allow_unicode=True, width=10**9)
    return str(text).removesuffix("\n").removesuffix("\n...")


def _comment(text: str) -> str:
    return "  # " + " ".join(text.split())


def _missing(share: float) -> str:
    return f"{share:.0%} missing" if share >= 0.005 or share == 0 else "a few missing"


def problem_yaml(inspection: Inspection) -> str:
    """A commented problem.yaml; read back it is ``inspection.problem``.

    :param inspection: what was found in a table.

    >>> import pandas as pd
    >>> from umbel.data.inspect import inspect_table
    >>> table = pd.DataFrame({"x": [0.5, 1, 2, 3] * 9, "y": [4.5, 1, 1, 2] * 9})
    >>> print(problem_yaml(inspect_table(table, ["y"])).splitlines()[2])
    targets:
    """
    problem = inspection.problem
    lines = [
        f"# {inspection.rows:,} rows and {len(inspection.columns)} columns, as umbel understands them.",
        "# Every line may be changed; the kinds and their options are told by `umbel methods`.",
        "targets:",
    ]
    candidates = {c.name: c for c in inspection.candidates}
    for name, spec in problem.targets.items():
        found = candidates[name]
        lines.append(f"  {_scalar(name)}:{_comment(f'{found.reason}; {_missing(found.missing)}')}")
        keys = {"kind": spec.kind, **spec.options}
        lines += [f"    {_scalar(key)}: {_scalar(value)}" for key, value in keys.items() if value is not None]
        if spec.kind is None:
            lines[-1] = f"  {_scalar(name)}: {{}}{_comment(found.reason)}"
    others = [c for c in candidates.values() if c.name not in problem.targets]
    if others:
        lines.append("  # these could be targets as well (then take them out of the inputs):")
    for other in others:
        lines.append(f"  # {_scalar(other.name)}: {other.kind or 'cannot be'}{_comment(other.reason)}")
    if problem.by is not None:
        lines += ["", f"by: {_scalar(problem.by)}{_comment('says which task a row belongs to')}"]
    lines += _inputs(inspection)
    lines += _entities(inspection)
    if problem.missing:
        lines.append(f"missing: {_scalar(problem.missing)}{_comment('texts that stand for a missing cell')}")
    split = problem.split
    lines += [
        "",
        "split:" + _comment("validation chooses, test is read once"),
        f"  how: {split.how}" + _comment("or time, with the key time: COLUMN beside split"),
        f"  shares: {_scalar(list(split.shares))}" + _comment("of entities: train, validation, test"),
    ]
    lines += [f"# note: {' '.join(note.split())}" for note in inspection.notes]
    return "\n".join(lines) + "\n"


def _inputs(inspection: Inspection) -> list[str]:
    problem = inspection.problem
    warned = {leak.column: leak for leak in reversed(inspection.leaks)}
    lines = [] if problem.inputs is None else ["", "inputs:"]
    out = []
    for look in inspection.columns:
        spec = (problem.inputs or {}).get(look.name)
        about = f"{look.distinct:,} distinct, {_missing(look.missing)}; {look.inferred.reason}"
        if spec is not None:
            value = {"type": spec.type, "separator": spec.separator} if spec.separator else spec.type
            leak = warned.get(look.name)
            about = f"LIKELY LEAK: {leak.words} {about}" if leak else about
            lines.append(f"  {_scalar(look.name)}: {_scalar(value)}{_comment(about)}")
        elif look.name not in problem.targets and look.name != problem.by:
            why = warned[look.name].words if look.name in warned else look.inferred.reason
            out.append(f"  # {_scalar(look.name)}{_comment(why)}")
    return lines + (["  # left out:", *out] if out else [])


def _entities(inspection: Inspection) -> list[str]:
    lines = [""]
    for name, why in inspection.entities.items():
        active = name in inspection.problem.entity
        lines.append(f"{'' if active else '# '}entity: {_scalar([name])}{_comment(why)}")
    if not inspection.entities:
        lines.append("# entity: [COLUMN]  # rows that are the same person, film, molecule: kept on one side")
    return lines
