"""What all networks of sequences have in common: codes, tasks, batches, training, state."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from umbel.errors import ConfigError, near
from umbel.families.tracing.learn.epochs import Epochs
from umbel.families.tracing.model.tracer import Tracer
from umbel.families.tracing.source.codes import Coded, Codes
from umbel.families.tracing.source.log import AnswerLog
from umbel.families.tracing.source.sequences import Sequences
from umbel.seeding import derive
from umbel.sharing.heads import Head
from umbel.sharing.options import fraction, whole
from umbel.tasks import KINDS, Kind, Target, TaskSet
from umbel.tasks.infer import infer
from umbel.training.checkpoint import Store
from umbel.training.learners.net_parts import device_of
from umbel.training.prior import Prior
from umbel.training.progress import Progress

__all__ = ["NetTracer", "TaskHeads"]


class TaskHeads(nn.Module):
    """A linear head per task, over all steps.

    :param width_in: D of the representation.
    :param tasks: the tasks; a head begins at its task's constant.
    """

    def __init__(self, width_in: int, tasks: TaskSet) -> None:
        super().__init__()
        self.heads = nn.ModuleDict(
            {f"task {t.name}": Head(width_in, t.kind.width, t.kind.free) for t in tasks.targets}
        )
        for target in tasks.targets:
            head = self.heads[f"task {target.name}"]
            assert isinstance(head, Head)
            head.start(torch.from_numpy(target.kind.start()).float())

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """[B, T, D] to raw outputs by task, [B, T, width + free]."""
        flat = x.flatten(0, 1)
        return {
            name.removeprefix("task "): head(flat).unflatten(0, x.shape[:2])
            for name, head in self.heads.items()
        }


class NetTracer(Tracer):
    """A network that reads a student's answers in order.

    A subclass builds the network: a module that maps a batch of
    :class:`~umbel.families.tracing.source.sequences.Sequences` to raw outputs by task [B, T, width + free],
    of which the outputs at a step owe nothing to that step's own answer or to later ones.

    :param width: units of the hidden state.
    :param epochs: passes over the answers at most.
    :param patience: end after so many epochs without a better validation loss.
    :param rate: the highest learning rate.
    :param dropout: share of units left out in training, [0, 1).
    :param decay: decoupled weight decay of matrices.
    :param average: decay of the average of the parameters that is judged and kept; 0 for none.
    :param tokens: steps of a batch at most, padding included.
    :param also: further tasks, names of the log's ``labels`` (seconds an answer took, hints used): learned by
        the same network beside ``correct``.
    :param device: ``auto``, ``cpu`` or ``cuda``.
    """

    longest: int | None = None
    """Steps that go through the network at once; None for whole students."""
    context: int = 0
    """Steps that a window repeats of the one before."""

    def __init__(
        self,
        *,
        width: int = 100,
        epochs: int = 10,
        patience: int = 2,
        rate: float = 3e-3,
        dropout: float = 0.2,
        decay: float = 1e-3,
        average: float = 0.98,
        tokens: int = 4096,
        also: Sequence[str] = (),
        device: str = "auto",
        **rest: Any,
    ) -> None:
        self.width = whole(self.name, "width", width, least=1)
        self.epochs = whole(self.name, "epochs", epochs, least=1)
        self.patience = whole(self.name, "patience", patience, least=1)
        self.tokens = whole(self.name, "tokens", tokens, least=1)
        self.dropout = fraction(self.name, "dropout", dropout, below_1=True)
        self.average = fraction(self.name, "average", average, below_1=True)
        self.rate, self.decay, self.also, self.device = rate, decay, tuple(also), device
        super().__init__(
            width=width,
            epochs=epochs,
            patience=patience,
            rate=rate,
            dropout=dropout,
            decay=decay,
            average=average,
            tokens=tokens,
            also=list(also),
            device=device,
            **rest,
        )
        self.codes = Codes((), ())
        self.tasks = TaskSet(())
        self.net: nn.Module = nn.Module()

    @abstractmethod
    def build(self) -> nn.Module:
        """The network before training, for ``self.codes`` and ``self.tasks``; parameters drawn from torch's
        global generator, which has been seeded."""

    def features(self, log: AnswerLog, coded: Coded) -> NDArray[np.float32] | None:
        """Numbers per step that owe nothing to the step's own answer, [N, F]; none by default."""
        return None

    def prior(self) -> Prior | None:
        """-log p(theta) of the network; none by default."""
        return None

    @property
    def parameters(self) -> int:
        """Numbers in the network."""
        return sum(p.numel() for p in self.net.parameters())

    def sequences(self, log: AnswerLog) -> Sequences:
        """A log ready for the network."""
        coded = self.codes(log)
        targets = {t.name: self._answers(log, t) for t in self.tasks.targets[1:]}
        features = self.features(log, coded)
        return Sequences(log, coded, features, targets, self.tokens, self.longest, self.context)

    def _answers(self, log: AnswerLog, target: Target) -> NDArray[np.float64]:
        if target.name not in log.labels:
            return np.full(log.steps, np.nan)
        encoded = target.kind.encode(pd.Series(log.labels[target.name], name=target.name))
        return np.where(encoded.weights != 0, encoded.values.astype(np.float64), np.nan)

    def _prepare(self, train: AnswerLog) -> None:
        """What is fitted before the network: codes, and kinds of the tasks."""
        self.codes = Codes.of(train)
        correct = KINDS.get("binary")()
        rate = float(train.correct.mean())
        correct.fitted = {"labels": [0, 1], "rate": min(max(rate, 0.01), 0.99)}
        targets = [Target("correct", correct)]
        for name in self.also:
            if name not in train.labels:
                raise ConfigError(
                    "a further task must be recorded in the log",
                    found=f"'{name}'",
                    remedy=near(name, train.labels) if train.labels else "the log records none",
                )
            column = pd.Series(train.labels[name], name=name)
            kind, options, _ = infer(column)
            if kind == "regression" and column.min() >= 0:
                options = {"log": "log1p"}  # seconds and counts have long tails
            fitted: Kind = KINDS.get(kind)(**options)
            fitted.fit(column)
            targets.append(Target(name, fitted))
        self.tasks = TaskSet(tuple(targets))

    def _training(self, train: AnswerLog) -> Sequences:
        """The training log ready for the network."""
        return self.sequences(train)

    def _fit(self, train: AnswerLog, valid: AnswerLog, show: bool | None, store: Store | None) -> None:
        self._prepare(train)
        self._make()
        epochs = Epochs(
            self.net.to(device_of(self.device)),
            self._training(train),
            self.sequences(valid),
            self.tasks,
            prior=self.prior(),
            rate=self.rate,
            epochs=self.epochs,
            patience=self.patience,
            decay=self.decay,
            average=self.average,
            seed=self.seed,
            store=store,
        )
        with Progress(self.name, self.epochs, len(epochs.train.plan()), show=show) as progress:
            epochs.run(progress)
        self.notes |= {"losses": epochs.losses, "epoch": epochs.stopping.shared}

    def _make(self) -> None:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(derive(self.seed, self.name))
            self.net = self.build()

    @torch.no_grad()
    def outputs(self, log: AnswerLog) -> dict[str, Tensor]:
        """Raw outputs of every step by task, [N, width + free], on the CPU."""
        self.net.eval()
        device = next(self.net.parameters()).device
        sequences = self.sequences(log)
        found: dict[str, Tensor] = {
            t.name: torch.zeros(log.steps, t.kind.width + t.kind.free) for t in self.tasks.targets
        }
        for batch, place in sequences.batches():
            scored = place >= 0
            for name, raw in self.net(batch.to(device)).items():
                found[name][place[scored]] = raw.float().cpu()[scored]
        return found

    def _predict(self, log: AnswerLog) -> NDArray[np.float64]:
        raw = self.outputs(log)["correct"]
        return self.tasks.targets[0].kind.predict(raw).value.astype(np.float64)

    def _state(self) -> dict[str, Any]:
        return {
            "codes": self.codes.state,
            "tasks": self.tasks.state,
            "net": {name: value.detach().cpu().numpy() for name, value in self.net.state_dict().items()},
        }

    def _restore(self, state: Mapping[str, Any]) -> None:
        self.codes = Codes.from_state(state["codes"])
        self.tasks = TaskSet.from_state(state["tasks"])
        self._make()
        self.net.load_state_dict({k: torch.from_numpy(np.array(v)) for k, v in state["net"].items()})
        self.net.to(device_of(self.device))
