"""How benchmarks/balancing.py measures: steps in turn, solvers, and the memory of a step."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Mapping
from typing import Any

import torch
from balancing_nets import NETS, TWINS, WAYS, Setting, Step, halves, own, peer, plain, weighting
from torch import Tensor
from torch.profiler import ProfilerActivity, profile

from umbel.balancing.balancer import BALANCERS, Place, Seen
from umbel.balancing.gramian import GramBalancer
from umbel.errors import UmbelError

__all__ = ["COUNTS", "LOOKS", "PEER", "memory", "methods", "peak", "race", "solvers", "steps", "subsamples"]

COUNTS = (2, 8, 20, 40)
LOOKS = {"gramian", "jacobian"}
PEER = "TorchJD "


def methods(place: Place, needs: set[str]) -> list[str]:
    """Methods for a loop of one's own that take gradients here and look at some of these."""
    found = []
    for name in BALANCERS.names():
        form = BALANCERS.get(name)
        if place in form.places and form.needs & needs and not form.needs & {"cross", "validation"}:
            found.append(name)
    return found


def race(steps: Mapping[str, Step], rounds: int) -> dict[str, float]:
    """Time of each step over that of ``plain`` in the same round, the median; what fails is left out."""
    runners = dict(steps)
    for name, step in steps.items():  # the first step warms up
        try:
            step()
        except UmbelError as error:
            print(f"  {name}: {error}", flush=True)
            del runners[name]
    took: dict[str, list[float]] = {name: [] for name in runners}
    names = list(runners)
    gc.collect()
    for turn in range(rounds):
        first = turn * len(names) // rounds
        for name in names[first:] + names[:first]:
            begin = time.process_time()
            runners[name]()
            took[name].append(time.process_time() - begin)
    base = took["plain"]
    return {n: statistics.median(a / b for a, b in zip(t, base, strict=True)) for n, t in took.items()}


def fastest(net: str, count: int, place: Place) -> str:
    """TorchJD's fastest way here: the one with the fastest of three steps of one method."""
    ways = WAYS[: 3 if place == "parameters" else 2]
    return min(ways, key=lambda way: _milliseconds(peer(Setting(net, count), "imtl_g", place, way), 3, min))


def steps(place: Place, rounds: int) -> dict[str, Any]:
    """umbel's methods and TorchJD's at a place: ``{net: {name: {P: ratio}}}``.

    Methods that look at losses alone cost the same at both places and stand at the features.
    """
    looks = LOOKS | ({"losses", "after"} if place == "features" else set())
    names = methods(place, looks)
    result: dict[str, Any] = {}
    for net in NETS:
        found: dict[str, dict[int, float]] = {}
        for count in COUNTS:
            runners = {"plain": plain(Setting(net, count))}
            runners |= {name: own(Setting(net, count), name, place) for name in names}
            best = fastest(net, count, place)
            for name in names:
                if name in TWINS:
                    try:
                        runners[PEER + name] = twin(net, count, name, place, best)
                    except ImportError as error:
                        print(f"  {PEER}{name}: {error}", flush=True)
            for name, ratio in race(runners, turns(place, count, rounds)).items():
                found.setdefault(name, {})[count] = ratio
            print(f"{place}, {net}, {count} tasks: TorchJD's way is {best}", flush=True)
        result[net] = found
    return result


def twin(net: str, count: int, name: str, place: Place, best: str) -> Step:
    """TorchJD's step, one by one where its engine has no such method."""
    way = WAYS[0] if best == "engine" and weighting(name, count) is None else best
    return peer(Setting(net, count), name, place, way)


def turns(place: Place, count: int, rounds: int) -> int:
    """Rounds: fewer where a step takes long."""
    return 2 * rounds if place == "features" else max(3, 6 * rounds // count)


def subsamples(rounds: int) -> dict[str, Any]:
    """umbel's methods on a few rows of each task, by its own step, over its own plain step."""
    result: dict[str, Any] = {}
    for net in NETS:
        found: dict[str, dict[int, float]] = {}
        for count in COUNTS:
            runners = {"plain": halves(Setting(net, count), "equal", "features")}
            for name in methods("subsample", {"gramian"}):
                runners[name] = halves(Setting(net, count), name, "subsample")
            for name, ratio in race(runners, rounds).items():
                found.setdefault(name, {})[count] = ratio
            print(f"subsample, {net}, {count} tasks", flush=True)
        result[net] = found
    return result


def _milliseconds(
    run: Callable[[], Any], times: int, of: Callable[[list[float]], float] = statistics.median
) -> float:
    """CPU time of a run, the median of several, after two to warm up."""
    took = []
    for _ in range(times + 2):
        begin = time.process_time()
        run()
        took.append(time.process_time() - begin)
    return 1e3 * of(took[2:])


def _gramians(count: int) -> dict[str, Tensor]:
    """Products of random gradients, and of gradients of rank 5 but for a part of 1e-6."""
    draws = torch.Generator().manual_seed(0)
    rows = torch.randn(count, 200, generator=draws, dtype=torch.float64)
    few = torch.randn(count, 5, generator=draws, dtype=torch.float64) @ rows[:5]
    return {"random": rows @ rows.T, "nearly singular": (few + 1e-6 * rows) @ (few + 1e-6 * rows).T}


def solvers(count: int, rounds: int) -> dict[str, dict[str, float | None]]:
    """Milliseconds to the weights of P tasks, ours and TorchJD's; None where there is no solution."""
    found: dict[str, dict[str, float | None]] = {}
    for name in BALANCERS.names():
        if not issubclass(BALANCERS.get(name), GramBalancer):
            continue
        line: dict[str, float | None] = {}
        for kind, gram in _gramians(count).items():
            form = BALANCERS.get(name)(count)
            form.start(0)
            seen = Seen(losses=torch.ones(count), present=torch.ones(count, dtype=torch.bool), gram=gram)
            try:
                line[kind] = _milliseconds(lambda form=form, seen=seen: form(seen), 3 * rounds)
            except UmbelError as error:
                print(f"  {name}, {kind}: {error}", flush=True)
                line[kind] = None
            line[PEER + kind] = _peer_milliseconds(name, gram, rounds)
        found[name] = line
    return found


def _peer_milliseconds(name: str, gram: Tensor, rounds: int) -> float | None:
    try:
        form = weighting(name, len(gram)) if name in TWINS else None
        return None if form is None else _milliseconds(lambda: form(gram), rounds)
    except (ImportError, RuntimeError, ValueError, ArithmeticError) as error:
        print(f"  {PEER}{name}: {error}", flush=True)
        return None


def peak(step: Step) -> int:
    """The most bytes of tensors that are alive during a step beyond those before it.

    Every allocation of PyTorch is counted; what libraries allocate for themselves is not.
    """
    step()
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True, acc_events=True) as told:
        step()
    events = [event for event in told.profiler.kineto_results.events() if event.name() == "[memory]"]
    alive = most = 0
    for event in sorted(events, key=lambda event: event.start_ns()):
        alive += event.nbytes()
        most = max(most, alive)
    return most


def memory() -> list[dict[str, Any]]:
    """Memory of a step beyond a plain step's, in Jacobians (all tasks' gradients at the trunk).

    A method of the Gramian, and, as ``whole Jacobian``, graddrop, at the parameters.
    """
    lines = []
    for net in NETS:
        for count in COUNTS:
            size = 4 * count * sum(p.numel() for p in Setting(net, count).shared)
            base = peak(plain(Setting(net, count)))
            runners = {"features": own(Setting(net, count), "imtl_g", "features")}
            runners["parameters"] = own(Setting(net, count), "imtl_g", "parameters")
            runners["whole Jacobian"] = own(Setting(net, count), "graddrop", "parameters")
            for way in WAYS[:2]:
                runners[PEER + way] = peer(Setting(net, count), "imtl_g", "parameters", way)
            over = {name: (peak(step) - base) / size for name, step in runners.items()}
            lines.append(
                {"net": net, "tasks": count, "jacobian_mib": size / 2**20, "plain_mib": base / 2**20, **over}
            )
            print(f"memory, {net}, {count} tasks", flush=True)
    return lines
