"""What does one say to that? The act of an utterance and the reply to it, from one encoder.

    python examples/dialogue.py [--data talk.csv] [--write greedy]

Without data it makes small talk up. A table of your own has the columns said, act and reply, either of which
may be empty; of DailyDialog (Li et al. 2017) each utterance is a row, and its reply is the next one. Say
which rows are one dialogue (``entity=["dialogue"]``), so that none is on two sides.
"""

import argparse

import numpy as np
import pandas as pd

import umbel

TALK = {
    "greeting": (["hello", "good morning", "hi there"], "good morning, how are you?"),
    "price": (["how much is the {}?", "what does the {} cost?"], "the {} is ten pounds."),
    "order": (["give me the {}, please.", "i'll take the {}."], "here is the {}, enjoy!"),
    "thanks": (["thank you!", "thanks a lot."], "you are welcome."),
}
THINGS = ["tea", "soup", "cake"]


def synthetic(rows: int = 480) -> pd.DataFrame:
    """Utterances at a counter; a third of the acts and of the replies are unknown."""
    chance, found = np.random.default_rng(0), []
    for _ in range(rows):
        act, thing = str(chance.choice(list(TALK))), str(chance.choice(THINGS))
        said, reply = str(chance.choice(TALK[act][0])), TALK[act][1]
        start = str(chance.choice(["", "well, ", "oh, "]))
        found.append([start + said.format(thing), act, reply.format(thing)])
    talk = pd.DataFrame(found, columns=["said", "act", "reply"])
    return talk.assign(**{c: talk[c].mask(chance.random(rows) < 1 / 3) for c in ("act", "reply")})


parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--data", help="a CSV file with the columns said, act and reply")
parser.add_argument("--write", default="greedy", help="greedy, top_p or beam")
asked = parser.parse_args()
talk = synthetic() if asked.data is None else pd.read_csv(asked.data)

reply = {"kind": "tokens", "decoder": {"units": 64, "dropout": 0.1}, "write": {"how": asked.write}}
options = {"width": 64, "dropout": 0.1, "embedding_dropout": 0.1, "epochs": 20, "batch_size": 32, "lr": 0.01}
model = umbel.MultiTask(
    {"act": "multiclass", "reply": reply}, inputs={"said": "text"}, model="net", options=options, folds=0
)
model.fit(talk)
new = talk[["said"]].head(8) if asked.data else pd.DataFrame({"said": ["hello", "what does the soup cost?"]})
answers = model.predict(new)
print(pd.concat([new, answers[["act", "reply"]]], axis=1).to_string(index=False))
