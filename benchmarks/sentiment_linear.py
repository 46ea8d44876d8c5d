"""The linear baselines of the reviews: logistic regression and ridge over TF-IDF, chosen on validation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression, Ridge

from umbel.data.split import Split

__all__ = ["linear_models"]

STRENGTHS = (1.0, 3.0, 10.0, 30.0, 100.0)
VIEWS: dict[str, Sequence[str]] = {"one text": ("review",), "title and text apart": ("title", "text")}


def _matrices(
    frame: pd.DataFrame, learned: NDArray[np.int64], asked: NDArray[np.int64], view: str
) -> list[Any]:
    """TF-IDF of words and pairs of them, fitted on the rows that are learned from."""
    parts = []
    for column in VIEWS[view]:
        texts = frame[column].fillna("").to_numpy()
        made = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, min_df=2).fit(texts[learned])
        parts.append([made.transform(texts[rows]) for rows in (learned, asked)])
    return [sparse.hstack(side).tocsr() for side in zip(*parts, strict=True)]


def _fitted(
    frame: pd.DataFrame, learned: NDArray[np.int64], asked: NDArray[np.int64], view: str, C: float
) -> Any:
    """Probability of praise, and stars, of the rows asked."""
    X, new = _matrices(frame, learned, asked, view)
    y, stars = frame["polarity"].to_numpy()[learned], frame["stars"].to_numpy()[learned]
    praise = LogisticRegression(C=C, max_iter=500).fit(X, y).predict_proba(new)[:, 1]
    return praise, np.clip(Ridge(alpha=10 / C).fit(X, stars).predict(new), 1, 5)


def _chosen(frame: pd.DataFrame, learned: NDArray[np.int64], valid: NDArray[np.int64]) -> tuple[str, float]:
    """View and strength with the least log loss of polarity on validation rows."""
    y, best = frame["polarity"].to_numpy()[valid], (np.inf, "", 0.0)
    for view in VIEWS:
        X, new = _matrices(frame, learned, valid, view)
        for C in STRENGTHS:
            model = LogisticRegression(C=C, max_iter=500).fit(X, frame["polarity"].to_numpy()[learned])
            praise = model.predict_proba(new)[:, 1]
            loss = -float(np.mean(np.log(np.where(y > 0, praise, 1 - praise).clip(1e-9))))
            best = min(best, (loss, view, C))
    return best[1], best[2]


def linear_models(frame: pd.DataFrame, split: Split) -> tuple[dict[str, Any], dict[str, Any]]:
    """Constant, per-domain and pooled models, fitted again on training and validation rows once chosen.

    :returns: by model the probability of praise and the stars of the test rows; and what was chosen.
    """
    domain = frame["domain"].to_numpy()
    found: dict[str, Any] = {name: np.zeros((2, len(split.test))) for name in ("constant", "per domain")}
    told: dict[str, Any] = {}
    for name in np.unique(domain):
        train, valid, test = (rows[domain[rows] == name] for rows in (split.train, split.valid, split.test))
        view, C = _chosen(frame, train, valid)
        told[str(name)] = [view, C]
        learned, at = np.concatenate([train, valid]), domain[split.test] == name
        found["per domain"][:, at] = _fitted(frame, learned, test, view, C)
        found["constant"][0, at] = frame["polarity"].to_numpy()[learned].mean()
        found["constant"][1, at] = frame["stars"].to_numpy()[learned].mean()
    view, C = _chosen(frame, split.train, split.valid)
    told["all"] = [view, C]
    found["pooled"] = np.array(
        _fitted(frame, np.concatenate([split.train, split.valid]), split.test, view, C)
    )
    return found, told
