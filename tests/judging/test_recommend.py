"""The recommendation says what the verdicts say, and no more."""

from __future__ import annotations

from umbel.judging.bootstrap import Percentile
from umbel.judging.recommend import recommend
from umbel.judging.scores import Score, Scorecard
from umbel.judging.verdict import verdict


def card(gains: dict[str, tuple[float, float, float] | str], pooled: tuple[str, ...] = ()) -> Scorecard:
    """By task: gain with its interval, or why it is undefined."""
    scores = []
    for task, found in gains.items():
        scores.append(Score(task, "r2", "independent", 0.5, 0.4, 0.6))
        if isinstance(found, str):
            scores.append(Score(task, "r2", "joint", None, verdict=found, note=found))
        else:
            gain, low, high = found
            scores.append(
                Score(task, "r2", "joint", 0.5 + gain, 0.4, 0.6, gain, low, high, verdict(low, high))
            )
    single = tuple(task for task in gains if task not in pooled)
    return Scorecard(
        tuple(scores),
        "independent",
        dict.fromkeys(gains, "r2"),
        dict.fromkeys(pooled, single),
        dict.fromkeys(gains, 100),
        dict.fromkeys(gains, 100),
        Percentile(),
    )


GAIN, LOSS, OPEN = (0.04, 0.01, 0.07), (-0.05, -0.08, -0.02), (0.003, -0.01, 0.016)


def first(text: str) -> str:
    return text.split(". ")[0].rstrip(".")


def test_together_alone_and_open() -> None:
    text = recommend(card({"a": GAIN, "b": GAIN, "c": LOSS, "d": OPEN}))
    assert first(text) == "Learn a and b together, c alone; no evidence for d: take the cheaper model"
    assert "Sharing helps: a +0.040 R2 [+0.010, +0.070]; b" in text
    assert "Sharing hurts: c -0.050 R2 [-0.080, -0.020]." in text
    assert "could be either: d +0.003 R2 [-0.010, +0.016]" in text
    assert "a joint model of fewer tasks was not tried" in text


def test_one_task_gains() -> None:
    text = recommend(card({"a": GAIN, "b": OPEN}), cpu_seconds={"joint": 12.0, "independent": 48.0})
    assert first(text).startswith(
        "Learn a together with the other tasks; no evidence for b: take the cheaper"
    )
    assert "(joint: 12.0 CPU-seconds, independent: 48.0)" in text


def test_all_lose_all_open_all_gain() -> None:
    assert first(recommend(card({"a": LOSS, "b": LOSS}))) == "Learn a and b alone"
    text = recommend(card({"a": OPEN, "b": OPEN}))
    assert first(text) == "No evidence for any task: take the cheaper model"
    assert "not tried" not in text
    assert "not tried" not in recommend(card({"a": GAIN, "b": GAIN}))


def test_undefined_is_named() -> None:
    text = recommend(card({"a": GAIN, "b": GAIN, "c": "undefined: no known row"}))
    assert first(text) == "Learn a and b together; nothing can be said of c"
    assert "c: undefined: no known row." in text


def test_many_verdicts_say_how_many_come_by_chance() -> None:
    text = recommend(card({f"t{k}": OPEN for k in range(20)}))
    assert "Of 20 verdicts at 95 %, about 1 would say gains or loses by chance alone." in text
    assert "by chance" not in recommend(card({"a": OPEN, "b": GAIN}))


def test_nothing_to_learn_together() -> None:
    assert "only one task" in recommend(card({"a": GAIN}))
    assert "No joint model was judged" in recommend(card({"a": GAIN, "b": GAIN}), "other")
    assert "No joint model was judged" in recommend(card({"a": GAIN, "b": GAIN}), "independent")


def test_groups_are_counted_and_the_pooled_verdict_decides() -> None:
    groups = {f"s{k}": OPEN for k in range(37)} | {"bad": LOSS, "good": GAIN, "one": "undefined: one row"}
    text = recommend(card(groups | {"all": GAIN}, ("all",)))
    assert text.startswith(
        "Learn the 40 groups together: over all their rows together the joint model scores "
    )
    assert "+0.040 R2 [+0.010, +0.070] against independent" in text
    assert "1 gain, 1 lose, 37 show no evidence and 1 cannot be judged" in text
    assert "Look at bad before" in text
    assert "Of 39 verdicts at 95 %, about 2 would" in text
    assert recommend(card(groups | {"all": LOSS}, ("all",))).startswith("Learn the 40 groups each alone")
    open_ = recommend(card(groups | {"all": OPEN}, ("all",)))
    assert open_.startswith("No evidence that the 40 groups gain or lose by being learned together")
    none = recommend(card(groups | {"all": "undefined: no known row"}, ("all",)))
    assert none.startswith("Nothing can be said of the 40 groups: undefined: no known row.")
