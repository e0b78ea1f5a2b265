import pytest
import torch
import torch.nn.functional as F

from adfair.errors import ConfigError
from adfair.objectives.fairclip import FairClipExact
from adfair.objectives.fairclip_plus import FairClipPlus
from adfair.objectives.interface import Batch, Pairing

NOTHING = Pairing(torch.zeros(()), torch.zeros(24))


def batch() -> Batch:
    maker = torch.Generator().manual_seed(0)
    image, text = (F.normalize(torch.randn(24, 6, generator=maker, dtype=torch.float64), dim=1) for _ in "ab")
    return Batch(
        image_emb=image,
        text_emb=text,
        logit_scale=torch.tensor(7.0, dtype=torch.float64, requires_grad=True),
        codes={"race": torch.arange(24) % 3, "sex": torch.arange(24) // 12},
        rows=torch.arange(24),
        findings=torch.zeros(24, 0),
    )


def test_equal_weights_are_exact_fairclip_of_logits() -> None:
    seen = batch()
    cosines = FairClipExact(weight=1.0).penalty(seen, NOTHING, 1.0).item()
    logits = FairClipPlus(["race", "sex"]).penalty(seen, NOTHING, 1.0)
    assert logits.item() == pytest.approx(7.0**2 * cosines, rel=1e-10)
    assert not logits.requires_grad  # the temperature gets none


def test_attributes_weigh_what_was_asked() -> None:
    seen = batch()
    term = FairClipPlus(["race", "sex"], attribute_weights={"race": 0.25, "sex": 2.0})
    value = term.penalty(seen, NOTHING, 3.0).item()
    distance = term.diagnostics["fairness_distance"]
    assert value == pytest.approx(3 * (0.25 * distance["race"] + 2 * distance["sex"]), rel=1e-10)
    alone = FairClipPlus(["race", "sex"], attribute_weights={"race": 1, "sex": 0}).penalty(seen, NOTHING, 1.0)
    assert alone.item() == pytest.approx(distance["race"], rel=1e-10)


@pytest.mark.parametrize(
    "weights", [{"race": 1.0}, {"race": 1.0, "sex": -1.0}, {"race": 0.0, "sex": 0.0}, {}]
)
def test_unusable_weights_are_refused(weights: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match=r"must name exactly race, sex"):
        FairClipPlus(["race", "sex"], attribute_weights=weights)
