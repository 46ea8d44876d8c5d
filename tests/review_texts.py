"""Small made-up reviews for the tests of text encoders: English, and Chinese without spaces."""

from __future__ import annotations

import numpy as np
import pandas as pd

from umbel.data.prepare import Prepared, prepare
from umbel.data.problem import Problem

CHINESE = {
    "things": ["这部电影", "这本书", "这个杯子", "他们的服务", "那家饭馆", "新手机"],
    "very": ["真的", "非常", "实在", "特别", ""],
    "good": ["好看", "精彩", "让人满意", "值得买", "漂亮"],
    "bad": ["难看", "无聊", "让人失望", "浪费钱", "糟糕"],
    "ends": ["。", "！", "，下次再说。", "，朋友也这么说。"],
}


def chinese(rows: int = 400, seed: int = 0) -> pd.DataFrame:
    """Sentences without a space; a third has 不 before the word of praise, which turns it round."""
    chance = np.random.default_rng(seed)
    texts, liked = [], []
    for _ in range(rows):
        good, turned = chance.random() < 0.5, chance.random() < 0.33
        word = chance.choice(CHINESE["good" if good or turned else "bad"])
        praise = good if not turned else False
        parts = [chance.choice(CHINESE["things"]), chance.choice(CHINESE["very"])]
        texts.append("".join([*parts, "不" if turned else "", word, chance.choice(CHINESE["ends"])]))
        liked.append(float(praise))
    assert not any(" " in text for text in texts)
    return pd.DataFrame({"text": texts, "liked": liked})


def ready(frame: pd.DataFrame, seed: int = 0) -> Prepared:
    """The frame split at random, with the column ``text`` as the input."""
    return prepare(frame, Problem.of({"liked": "binary"}, inputs={"text": "text"}), seed=seed)
