"""Balanced gradients in a plain torch loop: no table, no umbel model; one line is umbel's."""

import torch
from torch import nn

import umbel

torch.manual_seed(0)
x = torch.randn(512, 20)
mix = torch.randn(20, 3)
answers = x @ mix + 0.1 * torch.randn(512, 3)  # three tasks on the same inputs,
answers[:, 1] *= 30  # one of them in other units,
answers[torch.rand(512) < 0.7, 2] = torch.nan  # and one with most of its labels missing

trunk = nn.Sequential(nn.Linear(20, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU())
heads = nn.ModuleList(nn.Linear(64, 1) for _ in range(3))
optimizer = torch.optim.Adam([*trunk.parameters(), *heads.parameters()], lr=3e-3)

for _ in range(300):
    optimizer.zero_grad()
    features = trunk(x)
    losses = []
    for task, head in enumerate(heads):
        known = ~answers[:, task].isnan()
        error = head(features)[known, 0] - answers[known, task]
        losses.append(error.square().mean())
    weights = umbel.balancing.backward(losses, shared=features, method="upgrad")
    optimizer.step()

spread = [float(answers[~answers[:, t].isnan(), t].var()) for t in range(3)]
unexplained = [loss.item() / v for loss, v in zip(losses, spread, strict=True)]
print("unexplained variance:", [round(u, 4) for u in unexplained])
print("weights of the last step:", [round(w, 3) for w in weights.tolist()])
