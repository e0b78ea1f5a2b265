import pytest
import torch

from adfair.errors import TrainingError
from adfair.training.guards import check_finite, check_gradients


def layer(gradient: float) -> torch.nn.Linear:
    net = torch.nn.Linear(2, 1)
    net.weight.grad = torch.tensor([[1.0, gradient]])
    return net


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
def test_the_first_bad_term_is_named_with_its_step(bad: float) -> None:
    with pytest.raises(TrainingError, match=r"step 3: the fairness term .* nothing was updated"):
        check_finite(3, contrastive=torch.tensor(1.0), fairness=torch.tensor(bad))


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_one_bad_entry_of_a_gradient_is_found_and_named(bad: float) -> None:
    with pytest.raises(TrainingError, match="step 5: the gradient of weight"):
        check_gradients(5, layer(bad))


def test_finite_values_and_absent_gradients_pass() -> None:
    check_finite(0, contrastive=torch.tensor(-1e30))
    check_gradients(0, layer(1e30))
