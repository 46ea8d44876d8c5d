"""One frozen table: the weights of every balancer on the same three tasks, at the first three steps.

The values are not right because they stand here (each method's own test says why they are); they are here
so that a change of any of them is seen. Three gradients of which the first two conflict.
"""

from __future__ import annotations

import dataclasses

import pytest
import torch
from torch import Tensor

from umbel.balancing.balancer import BALANCERS, Balancer, Seen

JACOBIAN = torch.tensor(
    [[1.0, 2.0, 0.0, -1.0], [-5.0, -2.0, 0.0, 1.0], [0.5, 0.5, 3.0, 1.0]], dtype=torch.float64
)
FALL = torch.tensor([0.9, 0.8, 0.95], dtype=torch.float64)
LOSSES = torch.tensor([0.5, 2.0, 1.0], dtype=torch.float64)


def shown(number: int) -> Seen:
    """What the step ``number`` shows: losses fall, and gradients with them."""
    jacobian = JACOBIAN * (FALL**number)[:, None]
    other = jacobian + 0.1 * torch.tensor([1.0, -1.0, 0.5], dtype=torch.float64)[:, None]
    return Seen(
        losses=LOSSES * FALL**number,
        present=torch.ones(3, dtype=torch.bool),
        gram=jacobian @ jacobian.T,
        jacobian=jacobian,
        cross=jacobian @ other.T,
        validation=jacobian @ other.T,
    )


def weights(name: str) -> list[Tensor]:
    """Weights of the first three steps of a fresh balancer."""
    balancer: Balancer = BALANCERS.get(name)(3).double()
    balancer.start(0)
    found = []
    for number in range(3):
        seen = shown(number)
        found.append(balancer(seen).detach())
        balancer.after(dataclasses.replace(seen, losses=seen.losses * FALL))
        balancer.epoch(seen.losses)
    return found


EXPECTED: dict[str, list[list[float]]] = {
    "aligned_mtl": [
        [0.388046, 0.206132, 0.174851],
        [0.386474, 0.226575, 0.163795],
        [0.383245, 0.247777, 0.15275],
    ],
    "auto_lambda": [[0.999, 1.001, 1.001], [0.998058, 1.001951, 1.001998], [0.997215, 1.00283, 1.002992]],
    "cagrad": [
        [0.656082, 0.333333, 0.333333],
        [0.637541, 0.333333, 0.333333],
        [0.709006, 0.404632, 0.333333],
    ],
    "config": [[1.92479, 0.89397, 0.480148], [1.850922, 0.967119, 0.43742], [1.790433, 1.052453, 0.400856]],
    "db_mtl": [[2.0, 0.894427, 1.511858], [2.222222, 1.118034, 1.591429], [2.469136, 1.397542, 1.675189]],
    "dualproj": [
        [0.527778, 0.333333, 0.333333],
        [0.464506, 0.333333, 0.333333],
        [0.408008, 0.333333, 0.333333],
    ],
    "dwa": [[1.0, 1.0, 1.0], [1.0, 1.0, 1.0], [1.00788, 0.958725, 1.033395]],
    "equal": [[1.0, 1.0, 1.0], [1.0, 1.0, 1.0], [1.0, 1.0, 1.0]],
    "excess_mtl": [
        [0.333333, 0.333333, 0.333333],
        [0.333389, 0.333048, 0.333563],
        [0.33345, 0.332671, 0.333879],
    ],
    "fairgrad": [
        [0.821133, 0.387715, 0.336357],
        [0.91237, 0.484643, 0.35406],
        [1.013744, 0.605804, 0.372695],
    ],
    "famo": [[0.571429, 0.142857, 0.285714], [0.574311, 0.153647, 0.272042], [0.576338, 0.165015, 0.258647]],
    "fixed": [[1.0, 1.0, 1.0], [1.0, 1.0, 1.0], [1.0, 1.0, 1.0]],
    "gls": [[0.666667, 0.166667, 0.333333], [0.652657, 0.18356, 0.309153], [0.638942, 0.202165, 0.286727]],
    "graddrop": [[1.0, 1.0, 1.0], [1.0, 1.0, 1.0], [1.0, 1.0, 1.0]],
    "gradnorm": [[1.0, 1.0, 1.0], [1.016529, 0.966942, 1.016529], [1.032767, 0.934405, 1.032828]],
    "gradvac": [
        [2.702381, 1.416667, 1.269841],
        [2.510842, 1.470479, 1.22779],
        [2.341837, 1.531475, 1.165517],
    ],
    "imtl_g": [[0.583463, 0.27099, 0.145548], [0.568559, 0.297076, 0.134365], [0.551965, 0.324456, 0.123578]],
    "imtl_l": [[1.0, 1.0, 1.0], [1.0, 1.0, 1.0], [1.0, 1.0, 1.0]],
    "mgda": [[0.604435, 0.252504, 0.143062], [0.592832, 0.281864, 0.125305], [0.577914, 0.312978, 0.109108]],
    "moco": [[0.7, 0.0, 0.3], [0.317872, 0.682128, 0.0], [0.759535, 0.0, 0.240465]],
    "modo": [[0.697222, 0.010556, 0.292222], [0.371919, 0.628081, 0.0], [0.660478, 0.141921, 0.197601]],
    "nash": [[0.821133, 0.387715, 0.336357], [0.91237, 0.484643, 0.35406], [1.013744, 0.605804, 0.372695]],
    "pcgrad": [
        [2.702381, 1.416667, 1.269841],
        [2.522487, 1.473958, 1.230576],
        [2.363095, 1.539388, 1.168843],
    ],
    "revised_uncertainty": [[0.5, 0.5, 0.5], [0.5, 0.5, 0.5], [0.5, 0.5, 0.5]],
    "rlw": [[0.844634, 0.134893, 0.020473], [0.751114, 0.143826, 0.10506], [0.348444, 0.538161, 0.113395]],
    "scale_invariant": [[2.0, 0.5, 1.0], [2.222222, 0.625, 1.052632], [2.469136, 0.78125, 1.108033]],
    "sdmgrad": [
        [0.076923, 0.846154, 0.076923],
        [0.846154, 0.076923, 0.076923],
        [0.846154, 0.076923, 0.076923],
    ],
    "stch": [[2.0, 0.5, 1.0], [2.222222, 0.625, 1.052632], [2.469136, 0.78125, 1.108033]],
    "uncertainty": [[0.5, 0.5, 0.5], [0.5, 0.5, 0.5], [0.5, 0.5, 0.5]],
    "upgrad": [[0.926129, 0.487011, 0.39725], [0.867207, 0.508825, 0.388295], [0.815218, 0.533854, 0.380693]],
}


def test_every_balancer_is_in_the_table() -> None:
    assert sorted(EXPECTED) == BALANCERS.names()


@pytest.mark.parametrize("name", BALANCERS.names())
def test_weights_are_those_of_the_table(name: str) -> None:
    expected = torch.tensor(EXPECTED[name], dtype=torch.float64)
    torch.testing.assert_close(torch.stack(weights(name)).double(), expected, rtol=1e-4, atol=2e-6)
