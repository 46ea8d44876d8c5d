from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from umbel.families.tracing.model.sparse_counts import SparseCounts


@settings(deadline=None, max_examples=30)
@given(st.lists(st.lists(st.integers(0, 400), unique=True, max_size=40), max_size=12))
def test_it_keeps_what_a_dictionary_keeps(calls: list[list[int]]) -> None:
    counts, plain = SparseCounts(2, room=1), {}
    for number, keys in enumerate(calls):
        rows = np.array([[number, key] for key in keys], dtype=float).reshape(-1, 2)
        counts.write(np.array(keys, dtype=np.int64), rows)
        plain |= dict(zip(keys, rows.tolist(), strict=True))
        slot = counts.claim(np.array(keys, dtype=np.int64))
        assert counts.rows[slot].tolist() == rows.tolist()
    asked = np.arange(401)
    assert counts.read(asked).tolist() == [plain.get(int(key), [0.0, 0.0]) for key in asked]
    assert len(counts) == len(plain)
    assert sorted(counts.items()[0].tolist()) == sorted(plain)
