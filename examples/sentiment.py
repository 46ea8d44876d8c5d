"""Do people like it, and how many stars do they give? Reviews of two shops, in English and in Chinese.

    python examples/sentiment.py [--data reviews.csv] [--encoder text]

Without data it makes reviews up. A table of your own has the columns domain, text, liked (0 or 1) and stars;
the Amazon reviews of Blitzer et al. (2007) are one. The encoder is any that reads text: text, tfidf,
text_gru, text_transformer, or sentence, which needs the extra `text` and knows English only.
"""

import argparse

import numpy as np
import pandas as pd

import umbel
from umbel.training.config import Config

WORDS = {
    "books": ["The plot was", "This novel is", "Every page was", "For a gift it is"],
    "kitchen": ["The pan is", "This kettle was", "After a week it is", "My knife was"],
    "图书": ["这本书", "故事情节", "这位作者写得", "每一页都"],
    "厨具": ["这个锅", "水壶用起来", "刀具一周以后", "送来的杯子"],
}
HOW = {False: ["not ", "", "really ", "very "], True: ["不", "", "真的", "非常"]}
GOOD = {False: ["superb", "lovely", "good", "fine"], True: ["太棒了", "很漂亮", "好", "还行"]}
BAD = {False: ["useless", "awful", "bad", "dull"], True: ["太差了", "真糟糕", "坏", "无聊"]}


def synthetic(rows: int = 600) -> pd.DataFrame:
    """Praise and blame, some of it turned round by a 'not'; half of the stars are unknown."""
    chance, found = np.random.default_rng(0), []
    for _ in range(rows):
        domain = str(chance.choice(list(WORDS)))
        chinese, kind, turned = not domain.isascii(), chance.random() < 0.5, chance.random() < 0.2
        at = 2 if turned else chance.integers(4)  # "not good" and "not bad" alone
        start, blank = chance.choice(WORDS[domain]), "" if chinese else " "
        how = HOW[chinese][0 if turned else chance.integers(1, 4)]
        word = (GOOD if kind else BAD)[chinese][at]
        liked = kind != turned
        stars = 3 + (1 if liked else -1) * (2 if at < 2 else 1)
        known = chance.random() < 0.5
        found.append([domain, f"{start}{blank}{how}{word}", float(liked), stars if known else None])
    return pd.DataFrame(found, columns=["domain", "text", "liked", "stars"])


parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--data", help="a CSV file of reviews")
parser.add_argument("--encoder", default="text", help="how texts are read")
asked = parser.parse_args()
reviews = synthetic() if asked.data is None else pd.read_csv(asked.data)

problem = {"targets": {"liked": "binary", "stars": "ordinal"}, "inputs": {"text": "text"}}
options = {"width": 32, "epochs": 8, "batch_size": 64, "encoders": {"text": {"encoder": asked.encoder}}}
config = {"problem": problem, "model": {"name": "net", "options": options, "folds": 0}}
config["compare"] = {"baselines": ["constant"], "ensembles": [], "audit": False, "resamples": 200}
found = umbel.compare(reviews, Config.read(config))
scores = found.scores.frame()
print(scores[["task", "model", "metric", "value", "gain_low", "gain_high", "verdict"]].to_string(index=False))
