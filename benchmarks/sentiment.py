"""Sentiment of reviews of four domains: one net for all, against separate ones and linear models.

    python benchmarks/sentiment.py [--seeds 3] [--processes 1] [--keep FOLDER] [--develop]

Tasks: polarity and stars of books, dvds, electronics and kitchen ware. Each seed tests another fifth of the
reviews. Strengths, views and the moment of stopping are chosen on validation; test is read once.
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))

from record import record
from sentiment_data import TESTED, prepared, remember, reviews, reviews_folder, sides
from sentiment_judge import Found, merged, tables
from sentiment_linear import linear_models

from umbel.training.learners.independent import Independent
from umbel.training.learners.net import Net

STARS = np.array([1.0, 2.0, 4.0, 5.0])

# tried on the last two parts, which no seed tests
NET: dict[str, Any] = {
    "depth": 0,
    "wide": "none",
    "optimizer": "lbfgs",
    "prior": "gaussian",
    "prior_scale": 1.0,
    "epochs": 8,
    "diagnose": False,
}
TFIDF = {"width": 8, "dropout": 0.0}
SENTENCE = {"dropout": 0.0, "length": 2.5}
ENCODERS: dict[str, dict[str, Any]] = {
    "": {"encoder": "tfidf", **TFIDF},
    " + sentence": {"encoder": "text_together", "parts": {"tfidf": TFIDF, "sentence": SENTENCE}},
}
PARTS = ("linear", *ENCODERS)
PAIRS = (
    ("joint", "per domain"),
    ("joint", "pooled"),
    ("joint", "independent"),
    ("joint + sentence", "per domain"),
    ("joint + sentence", "pooled"),
    ("joint + sentence", "independent + sentence"),
    ("joint + sentence", "joint"),
)

NOTES = [
    "8,000 reviews of four domains (Blitzer et al. 2007), 2,000 of each, half of them praise. Near-duplicate "
    "texts are one entity. The entities fall into five parts, the same for all seeds; seed s tests part s "
    "and draws an eighth of the rest for validation. Options were tried on the last two parts, which are "
    "never tested. Tasks: polarity and stars (1, 2, 4, 5) of each domain; both are known of every review.",
    "Per domain and pooled: scikit-learn's logistic regression over TF-IDF of words and pairs of them, of "
    "one text (title before text) or of title and text apart; strength and view are chosen on validation, "
    "then it is fitted again on training and validation rows together. Stars: ridge of that view. The "
    "largest strength was added after a first reading, as validation had often chosen the largest there was.",
    "Joint: one net for all eight tasks. TF-IDF of the title, and of the title before the text, each "
    "projected to 8 numbers; a linear head per target with a deviation per domain; a Gaussian prior on all "
    "weights; L-BFGS, stopped on validation. So it is a linear model of low rank: what is new in it is what "
    "tasks share. Independent: the same net for each of the eight tasks alone.",
    "+ sentence: the numbers of the frozen encoder all-MiniLM-L6-v2 for both texts stand beside the TF-IDF; "
    "the linear baselines do not have them. Making these numbers for all texts takes six CPU-minutes, once, "
    "and is not among the seconds.",
]


def run(job: tuple[int, str, bool, str | None]) -> Found:
    """One part of the models of one seed; read where an earlier run kept it."""
    seed, part, develop, folder = job
    kept = None if folder is None else Path(folder) / f"{seed}-{part.strip(' +') or 'nets'}.json"
    if kept is not None and kept.is_file():
        return Found.read(kept)
    found = _answers(seed, part, develop)
    if kept is not None:
        found.write(kept)
    return found


def _answers(seed: int, part: str, develop: bool) -> Found:
    """The linear models of one seed, or the nets over some encoder."""
    split = sides(seed, develop=develop)
    found = Found(split.test)
    print(f"seed {seed}{part or ' nets'}", flush=True)
    if part == "linear":
        begin = time.process_time()
        said, found.told["linear"] = linear_models(reviews(), split)
        for name, (praise, stars) in said.items():
            found.take(name, praise, stars, 0.0 if name == "constant" else time.process_time() - begin)
        return found
    remember()
    ready = prepared(split)
    options = {**NET, "seed": seed, "encoders": {"text": ENCODERS[part]}}
    for what, learner in (("joint", Net(**options)), ("independent", Independent(space=[options]))):
        begin = time.process_time()
        answer = learner.fit(ready.train, ready.valid).predict(ready.test)
        spent = time.process_time() - begin
        found.take(what + part, answer["polarity"].value, answer["stars"].value @ STARS, spent)
        if isinstance(learner, Net):
            found.told[what + part] = {"epochs": learner.notes["epochs"], "parameters": learner.parameters}
    return found


def main() -> int:
    """Run and record."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, choices=range(1, len(TESTED) + 1), default=len(TESTED))
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--keep", help="folder where the answers of a broken run are kept")
    parser.add_argument("--only", choices=[p.strip(" +") or "nets" for p in PARTS], help="not recorded")
    parser.add_argument(
        "--develop", action="store_true", help="on the parts that no seed tests; not recorded"
    )
    asked = parser.parse_args()
    if not reviews_folder().is_dir():
        print("skipped: the reviews are not there; set UMBEL_SHARED to the folder of text/amazon4")
        return 0
    chosen = [part for part in PARTS if asked.only in (None, part.strip(" +") or "nets")]
    jobs = [(seed, part, asked.develop, asked.keep) for seed in range(asked.seeds) for part in chosen]
    with ProcessPoolExecutor(asked.processes, mp_context=multiprocessing.get_context("spawn")) as pool:
        parts = list(pool.map(run, jobs))
    if asked.only:
        return 0
    runs = [merged(parts[at : at + len(PARTS)]) for at in range(0, len(parts), len(PARTS))]
    found, raw = tables(runs, PAIRS)
    for table in found:
        for row in table.rows:
            print("  ", *(round(c, 4) if isinstance(c, float) else c for c in row), flush=True)
    if asked.develop:
        return 0
    record(
        "sentiment",
        {"seeds": [{"chosen": r.told, "rows": len(r.rows)} for r in runs], "differences": raw},
        seeds=range(asked.seeds),
        title="Sentiment: reviews of four domains",
        tables=found,
        notes=NOTES,
        cpu_seconds=sum(sum(r.seconds.values()) for r in runs),
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
