"""How high is the tone, and which instrument plays it? Two tasks of one recording, learned together.

    python examples/audio.py [--data recordings.csv]

Without data it makes tones up. A table of your own has a column `sound` with the paths of wav or flac files
(the extra `audio` reads them), and the columns pitch (in Hz) and instrument; an unknown one is left empty.
"""

import argparse

import numpy as np
import pandas as pd

import umbel
from umbel.training.config import Config

RATE = 8000
TIMBRES = {  # strength of the first overtones
    "flute": [1.0, 0.1, 0.02, 0.0, 0.0],
    "clarinet": [1.0, 0.02, 0.7, 0.02, 0.5],
    "violin": [1.0, 0.8, 0.6, 0.5, 0.4],
}


def synthetic(rows: int = 300) -> pd.DataFrame:
    """Tones of a fifth to half a second in noise; a third of the instruments are unknown."""
    chance, found = np.random.default_rng(0), []
    for _ in range(rows):
        pitch, name = float(np.exp(chance.uniform(np.log(150), np.log(750)))), str(chance.choice([*TIMBRES]))
        at = np.arange(int(chance.uniform(0.2, 0.5) * RATE)) / RATE
        tone = sum(a * np.sin(2 * np.pi * pitch * (k + 1) * at) for k, a in enumerate(TIMBRES[name]))
        sound = chance.uniform(0.05, 0.3) * np.exp(-3 * at) * tone + 0.01 * chance.normal(size=len(at))
        found.append([(sound, RATE), np.log2(pitch), name if chance.random() < 2 / 3 else None])
    return pd.DataFrame(found, columns=["sound", "pitch", "instrument"])


parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--data", help="a CSV file of recordings")
asked = parser.parse_args()
if asked.data is None:
    tones = synthetic()
else:
    tones = pd.read_csv(asked.data)
    tones["pitch"] = np.log2(tones["pitch"])  # octaves

problem = {"targets": {"pitch": "regression", "instrument": "multiclass"}, "inputs": {"sound": "audio"}}
sounds = {"rate": RATE, "hop": 0.02, "channels": 8, "width": 32}
options = {"width": 64, "epochs": 12, "batch_size": 32, "lr": 5e-3, "encoders": {"audio": sounds}}
config = {"problem": problem, "model": {"name": "net", "options": options, "folds": 0}}
config["compare"] = {"baselines": ["constant", "linear"], "ensembles": [], "audit": False, "resamples": 200}
found = umbel.compare(tones, Config.read(config))
scores = found.scores.frame()
print(scores[["task", "model", "metric", "value", "gain_low", "gain_high", "verdict"]].to_string(index=False))
