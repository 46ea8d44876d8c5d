"""One contract for every registered encoder."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
import torch

from neural_tables import COLUMNS, frame
from umbel.encoders.encoder import ENCODERS, Encoder
from umbel.seeding import derive
from umbel.training.packing import pack, unpack

FRAME = frame(80, seed=9)
TRAIN, REST = FRAME.iloc[:50].reset_index(drop=True), FRAME.iloc[50:].reset_index(drop=True)


def made(name: str, **options: Any) -> Encoder:
    form = ENCODERS.get(name)
    columns = [c for c in COLUMNS if c.type == form.reads]
    encoder: Encoder = form(columns, **options)
    encoder.fit(TRAIN)
    encoder.build()
    torch.manual_seed(derive(0, name))
    for module in encoder.modules():
        if hasattr(module, "reset_parameters"):
            module.reset_parameters()
    return encoder.eval()


def rows_of(x: Any, rows: torch.Tensor) -> Any:
    return x[rows] if isinstance(x, torch.Tensor) else x.take(rows)


@pytest.mark.parametrize("name", ENCODERS.names())
class TestEncoder:
    def test_it_tells_its_paper_and_one_line(self, name: str) -> None:
        entry = next(e for e in ENCODERS if e.name == name)
        assert entry.source
        assert entry.summary.endswith(".")

    def test_features_are_finite_and_as_wide_as_told(self, name: str) -> None:
        encoder = made(name)
        for part in (TRAIN, REST):
            features = encoder(encoder.transform(part))
            assert features.shape == (len(part), encoder.out)
            assert torch.isfinite(features).all()

    def test_the_linear_view_is_linear(self, name: str) -> None:
        encoder = made(name)
        x = encoder.transform(REST)
        one, two = torch.randn(2, encoder.wide, 3)
        both = encoder.linear(x, one + 2 * two)
        assert both.shape == (len(REST), 3)
        torch.testing.assert_close(
            both, encoder.linear(x, one) + 2 * encoder.linear(x, two), rtol=1e-4, atol=1e-4
        )

    def test_some_rows_are_those_rows(self, name: str) -> None:
        encoder = made(name)
        x = encoder.transform(REST)
        rows = torch.tensor([7, 2, 2, 0])
        torch.testing.assert_close(encoder(rows_of(x, rows)), encoder(x)[rows])
        alone = encoder.transform(REST.iloc[[7, 2]].reset_index(drop=True))
        torch.testing.assert_close(encoder(alone), encoder(x)[[7, 2]])

    def test_what_is_fitted_comes_from_training_rows_alone(self, name: str) -> None:
        encoder = made(name)
        before = pack(encoder.state())
        encoder.transform(REST)
        after = pack(encoder.state())
        assert before[0] == after[0]
        for key, value in before[1].items():
            np.testing.assert_array_equal(value, after[1][key])

    def test_its_state_brings_it_back(self, name: str) -> None:
        encoder = made(name)
        value, arrays = pack(encoder.state())
        again = type(encoder)(encoder.columns)
        again.restore(unpack(json.loads(json.dumps(value)), arrays))
        again.build()
        again.load_state_dict(encoder.state_dict())
        again.eval()
        torch.testing.assert_close(
            again(again.transform(REST)), encoder(encoder.transform(REST)), rtol=0, atol=0
        )

    def test_every_parameter_learns(self, name: str) -> None:
        encoder = made(name)
        x = encoder.transform(TRAIN)
        parameters = list(encoder.parameters())
        if parameters:
            grads = torch.autograd.grad(encoder(x).square().sum(), parameters)
            assert all(grad.abs().sum() > 0 for grad in grads)

    def test_a_table_of_nothing_but_missing_cells(self, name: str) -> None:
        encoder = made(name)
        empty = REST.copy()
        for column in encoder.columns:
            empty[column.name] = np.nan if column.type == "number" else None
        features = encoder(encoder.transform(empty))
        assert torch.isfinite(features).all()
        torch.testing.assert_close(features, features[:1].expand(len(empty), -1))

    def test_no_rows(self, name: str) -> None:
        encoder = made(name)
        assert encoder(encoder.transform(REST.iloc[:0])).shape == (0, encoder.out)
