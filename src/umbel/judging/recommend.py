"""One recommendation in plain words, built from the verdicts and no surer than they are."""

from __future__ import annotations

from collections.abc import Mapping

from umbel.judging.metrics import METRICS
from umbel.judging.scores import Score, Scorecard
from umbel.judging.verdict import GAINS, LOSES, NO_EVIDENCE
from umbel.judging.words import interval, listed, number, signed

__all__ = ["recommend"]

_ERROR_RATE = 0.05
_MANY = 10
"""So many verdicts that some would come by chance alone, which is then said."""


def recommend(
    scorecard: Scorecard,
    joint: str = "joint",
    *,
    cpu_seconds: Mapping[str, float] | None = None,
) -> str:
    """Which tasks to learn together, which alone, and for which it does not matter.

    :param scorecard: with the joint model judged against the reference.
    :param joint: name of the joint model.
    :param cpu_seconds: cost of each model, so that the cheaper one can be named.
    :returns: one paragraph; its first sentence is the recommendation, the rest are its reasons.
    """
    scores = scorecard.of(joint)
    if joint == scorecard.reference or not scores:
        return "No joint model was judged, so nothing can be said about learning these tasks together."
    cheaper = _cheaper(joint, scorecard.reference, cpu_seconds or {})
    if scorecard.pooled:
        return " ".join(
            _group_words(scorecard, score, [s for s in scores if s.task in parts], cheaper)
            for pooled, parts in scorecard.pooled.items()
            for score in scores
            if score.task == pooled
        )
    if len(scorecard.tasks) < 2:
        return "There is only one task, so there is nothing to learn together."
    return " ".join([_advice(scores, cheaper), *_reasons(scores, scorecard, joint)])


def _cheaper(joint: str, reference: str, cost: Mapping[str, float]) -> str:
    if joint not in cost or reference not in cost:
        return "take the cheaper model"
    low, high = sorted((joint, reference), key=lambda name: cost[name])
    return f"take the cheaper model ({low}: {number(cost[low])} CPU-seconds, {high}: {number(cost[high])})"


def _by_verdict(scores: list[Score]) -> dict[str, list[Score]]:
    found: dict[str, list[Score]] = {GAINS: [], LOSES: [], NO_EVIDENCE: [], "": []}
    for score in scores:
        found[score.verdict if score.verdict in found else ""].append(score)
    return found


def _told(score: Score) -> str:
    """'metacritic +0.039 R2 [+0.010, +0.067]'."""
    title = METRICS.get(score.metric).title
    return f"{score.task} {signed(score.gain)} {title} {interval(score.gain_low, score.gain_high)}"


def _advice(scores: list[Score], cheaper: str) -> str:
    """The recommendation itself, one sentence."""
    by = _by_verdict(scores)
    gains, loses, open_, unknown = ([s.task for s in by[key]] for key in (GAINS, LOSES, NO_EVIDENCE, ""))
    parts = []
    if len(gains) > 1:
        parts.append(f"learn {listed(gains)} together")
    elif gains:
        parts.append(f"learn {gains[0]} together with the other tasks")
    if loses:
        parts.append(f"learn {listed(loses)} alone" if not gains else f"{listed(loses)} alone")
    first = ", ".join(parts)
    if open_:
        whom = "any task" if len(open_) == len(scores) else listed(open_)
        rest = f"no evidence for {whom}: {cheaper}"
        first = f"{first}; {rest}" if first else rest
    if unknown:
        rest = f"nothing can be said of {listed(unknown)}"
        first = f"{first}; {rest}" if first else rest
    return first[0].upper() + first[1:] + "."


def _reasons(scores: list[Score], scorecard: Scorecard, joint: str) -> list[str]:
    """Sentences with the numbers, and what they do not show."""
    by = _by_verdict(scores)
    words = []
    if by[GAINS]:
        words.append(f"Sharing helps: {'; '.join(map(_told, by[GAINS]))}.")
    if by[LOSES]:
        words.append(f"Sharing hurts: {'; '.join(map(_told, by[LOSES]))}.")
    if by[NO_EVIDENCE]:
        told = [_told(s) for s in by[NO_EVIDENCE][:_MANY]]
        words.append(f"The interval holds 0, so it could be either: {'; '.join(told)}.")
    words += [f"{s.task}: {s.verdict or s.note}." for s in by[""]]
    if by[GAINS] and len(by[GAINS]) < len(scores):
        words.append(
            "The gains were measured with all tasks in one joint model; a joint model of fewer tasks "
            "was not tried and has to be compared by itself."
        )
    mean = scorecard.mean_gain(joint)
    if mean.percent is not None:
        left = f", {len(mean.left_out)} left out" if mean.left_out else ""
        words.append(
            f"Mean relative gain over {scorecard.reference}: {signed(mean.percent)} % "
            f"{interval(mean.low, mean.high)} over {len(mean.used)} tasks{left}."
        )
    return words + _chance(len(scores) - len(by[""]))


def _chance(verdicts: int) -> list[str]:
    if verdicts < _MANY:
        return []
    return [
        f"Of {verdicts} verdicts at 95 %, about {_ERROR_RATE * verdicts:.0f} would say gains or loses "
        "by chance alone."
    ]


def _group_words(scorecard: Scorecard, pooled: Score, groups: list[Score], cheaper: str) -> str:
    """The rows layout: the pooled verdict decides, groups are counted."""
    which = f"the {len(groups)} groups"
    if len(scorecard.pooled) > 1:
        which += f" for {pooled.task.split(' | ')[0]}"
    title = METRICS.get(pooled.metric).title
    told = (
        f"over all their rows together the joint model scores {signed(pooled.gain)} {title} "
        f"{interval(pooled.gain_low, pooled.gain_high)} against {scorecard.reference}"
    )
    advice: dict[str, str] = {
        GAINS: f"Learn {which} together: {told}.",
        LOSES: f"Learn {which} each alone: {told}.",
        NO_EVIDENCE: f"No evidence that {which} gain or lose by being learned together, {cheaper}: {told}.",
    }
    nothing = f"Nothing can be said of {which}: {pooled.verdict or pooled.note}."
    by = _by_verdict(groups)
    counts = (
        f"One by one, {len(by[GAINS])} gain, {len(by[LOSES])} lose, {len(by[NO_EVIDENCE])} show no evidence"
    )
    if by[""]:
        counts += f" and {len(by[''])} cannot be judged"
    words = [advice.get(pooled.verdict, nothing), counts + ": a single group has few rows."]
    if by[LOSES]:
        worst = sorted(by[LOSES], key=lambda s: s.gain or 0.0)
        words.append(f"Look at {listed([s.task for s in worst], most=5)} before sharing with them.")
    return " ".join(words + _chance(len(groups) - len(by[""])))
