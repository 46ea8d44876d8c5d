"""The feature space: who is there, who is dropped, and what enters at the heads."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch

from neural_tables import COLUMNS, frame
from umbel.data.schema import Column, Schema
from umbel.encoders.space import FeatureSpace
from umbel.errors import ConfigError, DataError
from umbel.sharing.model import initialise

TABLE = frame(60, seed=2)
WHOLE = Schema(COLUMNS)
SIDE = (*COLUMNS, Column("school", "category", side=True))


def built(schema: Schema = WHOLE, table: pd.DataFrame = TABLE, **how: object) -> FeatureSpace:
    space = FeatureSpace(schema, {"text": {"dropout": 0.0}}, **how).fit(table).build()
    initialise(space, 1)
    return space


class TestModalities:
    def test_without_masks_the_features_stand_side_by_side(self) -> None:
        space = built().eval()
        x = space.transform(TABLE)
        assert not space.masked
        assert not list(space.absent.parameters())
        each = [encoder(x[name]) for name, encoder in space.each()]
        torch.testing.assert_close(space(x), torch.cat(each, dim=1), rtol=0, atol=0)

    def test_a_lacking_modality_has_its_stand_in(self) -> None:
        space = built(modality_dropout=0.5).eval()
        with torch.no_grad():
            space.absent["text"].value.fill_(7.0)
        names = [name for name, _ in space.each()]
        widths = [encoder.out for _, encoder in space.each()]
        with space.lack("text"):
            parts = dict(zip(names, space(space.transform(TABLE)).split(widths, dim=1), strict=True))
        assert (parts["text"] == 7.0).all()
        whole = dict(zip(names, space(space.transform(TABLE)).split(widths, dim=1), strict=True))
        torch.testing.assert_close(parts["numbers"], whole["numbers"], rtol=0, atol=0)
        assert not torch.equal(parts["text"], whole["text"])

    def test_training_drops_some_but_never_all(self) -> None:
        space = built(modality_dropout=0.6).train()
        with torch.no_grad():
            for absent in space.absent.values():
                absent.value.fill_(7.0)
        torch.manual_seed(0)
        widths = [encoder.out for _, encoder in space.each()]
        x = space.transform(TABLE)
        gone = torch.zeros(len(widths))
        for _ in range(40):
            parts = space(x).split(widths, dim=1)
            dropped = torch.stack([(part == 7.0).all(dim=1) for part in parts], dim=1)
            assert not dropped.all(dim=1).any()
            gone += dropped.float().mean(dim=0)
        # 0.6 each, less the rows that would have lost all four: .6 ** 4 of them keep all
        torch.testing.assert_close(gone / 40, torch.full((4,), 0.6 - 0.6**4), rtol=0, atol=0.06)

    def test_a_row_may_lack_only_what_training_rows_lacked(self) -> None:
        full = TABLE.assign(title=[f"{title} x" for title in TABLE["title"]])
        bare = full.iloc[:5].assign(title=["", "a", "b", None, "c"])
        with pytest.raises(DataError, match=r"'text' \(title\): rows 0, 3"):
            built(fusion="gated", table=full).transform(bare)
        assert built(fusion="gated", table=full, modality_dropout=0.1).transform(bare)
        assert built(table=full).transform(bare)  # without masks a missing text is an empty one
        lacked = pd.concat([full, bare], ignore_index=True)
        assert built(fusion="gated", table=lacked).transform(bare)

    def test_what_training_lacked_is_saved(self) -> None:
        full = TABLE.assign(title=[f"{title} x" for title in TABLE["title"]])
        space = built(fusion="gated", table=full)
        again = FeatureSpace(space.schema, {}, fusion="gated").restore(space.state())
        assert again.lacking == space.lacking
        assert again.lacking["text"] is False

    def test_an_unknown_fusion_and_a_wrong_encoder(self) -> None:
        with pytest.raises(ConfigError, match="'gate'"):
            built(fusion="gate")
        with pytest.raises(ConfigError, match="reads 'number'"):
            FeatureSpace(Schema(COLUMNS), {"text": {"encoder": "numbers"}})


class TestSideInputs:
    def test_they_stand_apart(self) -> None:
        space = built(Schema(SIDE)).eval()
        x = space.transform(TABLE)
        side = space.side_features(x)
        assert side is not None
        assert side.shape == (60, space.side)
        hot = pd.get_dummies(TABLE["school"]).to_numpy(dtype=np.float32)
        torch.testing.assert_close(side[:, 1:], torch.from_numpy(hot.copy()))
        torch.testing.assert_close(space(x), built().eval()(x), rtol=0, atol=0)

    def test_something_must_stand_below_the_heads(self) -> None:
        with pytest.raises(DataError, match="at least one input"):
            FeatureSpace(Schema((Column("school", "category", side=True),)))
