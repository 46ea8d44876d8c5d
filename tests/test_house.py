"""The house's rules that no linter holds: every public name is explained, nothing loads code."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import umbel

SOURCE = Path(umbel.__file__).parent


def modules() -> Iterator[ModuleType]:
    for found in pkgutil.walk_packages(umbel.__path__, "umbel."):
        if not found.name.endswith("__main__"):
            yield importlib.import_module(found.name)


def public(module: ModuleType) -> Iterator[tuple[str, Any]]:
    for name in getattr(module, "__all__", []):
        item = getattr(module, name)
        if getattr(item, "__module__", None) == module.__name__:
            yield name, item


def test_every_public_name_is_explained() -> None:
    bare = []
    for module in modules():
        if not module.__doc__:
            bare.append(module.__name__)
        for name, item in public(module):
            if not (inspect.isfunction(item) or inspect.isclass(item)):
                continue
            if not item.__doc__:
                bare.append(f"{module.__name__}.{name}")
            for key, member in vars(item).items() if inspect.isclass(item) else ():
                function = member.fget if isinstance(member, property) else member
                function = getattr(function, "__func__", function)
                if not inspect.isfunction(function) or key.startswith("_") or function.__doc__:
                    continue
                if function.__qualname__ == f"{name}.{key}":  # written here, not made by a decorator
                    bare.append(f"{module.__name__}.{name}.{key}")
    assert bare == []


def test_what_docstrings_say_of_parameters_is_there() -> None:
    wrong = []
    for module in modules():
        for name, item in public(module):
            if not inspect.isfunction(item):
                continue
            told = set(re.findall(r":param ([\w, *]+):", item.__doc__ or ""))
            named = {one.strip(" *") for part in told for one in part.split(",")}
            unknown = named - set(inspect.signature(item).parameters)
            wrong += [f"{module.__name__}.{name}: {one}" for one in unknown]
    assert wrong == []


def test_registered_methods_name_their_source() -> None:
    from umbel.balancing.balancer import BALANCERS
    from umbel.encoders.encoder import ENCODERS
    from umbel.families.tracing.model.tracer import TRACERS
    from umbel.judging.metrics import METRICS
    from umbel.sharing.sharing import SHARINGS
    from umbel.tasks import KINDS
    from umbel.training.learner import LEARNERS

    for registry in (KINDS, ENCODERS, SHARINGS, BALANCERS, LEARNERS, METRICS, TRACERS):
        entries = list(registry)
        assert entries
        for entry in entries:
            assert entry.summary, entry.name
            assert entry.source, entry.name


def test_loading_never_runs_code() -> None:
    pattern = re.compile(
        r"pickle\.loads?\(|torch\.load\(|joblib\.load\(|yaml\.load\(|weights_only=False|\bexec\("
    )
    for path in SOURCE.rglob("*.py"):
        assert not pattern.search(path.read_text(encoding="utf-8")), path.name
