import math
from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from adfair.config import build_config
from adfair.objectives.contrastive import InfoNCE
from adfair.objectives.interface import Batch
from adfair.objectives.same_cell import SameCellInfoNCE
from adfair.training.watch import COLLAPSE_STEPS, Watch, gradient_balance

STEPS, B = 100, 64
CONFIG = build_config({}, [f"train.steps={STEPS}", "train.checkpoint_every=40"])


class Game:
    """A fairness term whose adversary's loss is what the test says."""

    def __init__(self, loss: float) -> None:
        self.adversary = torch.nn.Identity()
        self.diagnostics = {"adversary_loss": {"image:race": loss}}


def batch(step: int, *, aligned: bool, readable: bool) -> Batch:
    maker = torch.Generator().manual_seed(step)
    image = torch.randn(B, 8, generator=maker)
    codes = torch.randint(0, 2, (B,), generator=maker)
    if readable:
        image[:, 0] += 6.0 * codes
    image = F.normalize(image, dim=1)
    text = image if aligned else F.normalize(torch.randn(B, 8, generator=maker), dim=1)
    scale = torch.tensor(30.0 if aligned else 1e-3)
    return Batch(
        image_emb=image,
        text_emb=text,
        logit_scale=scale,
        codes={"race": codes},
        rows=torch.arange(B) + B * step,
        findings=torch.zeros(B, 0),
        step=step,
    )


def warnings(game: Game, *, aligned: bool = True, readable: bool = False, weight: float = 1.0) -> list[dict]:
    watch = Watch(CONFIG, np.arange(B * STEPS))
    return [
        note
        for step in range(STEPS)
        for seen in [batch(step, aligned=aligned, readable=readable)]
        for note in watch.step(step, seen, InfoNCE()(seen), game, weight)  # type: ignore[arg-type]
    ]


def test_a_healthy_game_is_silent() -> None:
    assert warnings(Game(0.7), readable=True) == []
    assert warnings(Game(1.0), readable=False) == []


def test_infonce_at_chance_is_a_collapse_once_after_the_warm_up() -> None:
    (found,) = warnings(Game(0.7), aligned=False)
    assert found["warning"] == "collapse"
    assert found["step"] == 30 + COLLAPSE_STEPS - 1
    assert "adversary_weight" in found["remedy"]


def test_an_adversary_at_chance_on_readable_embeddings_is_fooled() -> None:
    (found,) = warnings(Game(1.02), readable=True)
    assert found["warning"] == "fooled"
    assert "image:race" in found["reason"]
    assert warnings(Game(1.02), readable=True, weight=0.0) == [], "nobody is fought yet"


def test_what_is_logged() -> None:
    watch, seen, game = (
        Watch(CONFIG, np.arange(B * STEPS)),
        batch(0, aligned=False, readable=False),
        Game(0.9),
    )
    list(watch.step(0, seen, InfoNCE()(seen), game, 0.5))  # type: ignore[arg-type]
    found = watch.figures(InfoNCE()(seen), game)  # type: ignore[arg-type]
    assert found["contrastive_chance"] == pytest.approx(math.log(B))
    assert found["infonce"] == pytest.approx(found["contrastive"], abs=1e-6)
    assert (found["step"], found["adversary_weight"]) == (0, 0.5)


def test_gradient_balance_by_hand() -> None:
    seen = batch(0, aligned=False, readable=False)
    image = seen.image_emb.requires_grad_()
    pairing = InfoNCE()(seen)
    (g,) = torch.autograd.grad(pairing.loss, image, retain_graph=True)
    opposed = (-3.0 * g.detach() * image).sum()
    found = gradient_balance(seen, pairing, opposed, "image")
    assert found["gradient_ratio"] == pytest.approx(3.0, rel=1e-4)
    assert found["gradient_cosine"] == pytest.approx(-1.0, abs=1e-4)
    assert gradient_balance(seen, pairing, torch.zeros(()), "image") == {}


def test_under_a_mask_chance_is_what_the_mask_leaves() -> None:
    seen, game = batch(0, aligned=False, readable=False), Game(0.9)
    pairing, watch = SameCellInfoNCE()(seen), Watch(CONFIG, np.arange(B * STEPS))
    list(watch.step(0, seen, pairing, game, 0.5))  # type: ignore[arg-type]
    found = watch.figures(pairing, game)  # type: ignore[arg-type]
    sizes = np.bincount(seen.codes["race"].numpy())[seen.codes["race"].numpy()]
    assert found["contrastive_chance"] == pytest.approx(np.log(sizes).mean(), abs=1e-6)
    assert found["infonce"] == pytest.approx(found["contrastive_chance"], abs=1e-3)


def test_a_head_is_compared_with_a_probe_of_what_it_sees() -> None:
    config = build_config({}, [f"train.steps={STEPS}", "train.checkpoint_every=40", "objective.target=both"])
    watch, found = Watch(config, np.arange(B * STEPS)), []
    game = Game(1.02)
    game.diagnostics = {"adversary_loss": {"image:race": 0.5, "text:race": 1.02, "scores:race": 1.02}}
    for step in range(STEPS):
        seen = batch(step, aligned=True, readable=True)
        other = F.normalize(torch.randn(B, 8, generator=torch.Generator().manual_seed(step)), dim=1)
        blind = replace(seen, text_emb=other)
        found += watch.step(step, blind, InfoNCE()(seen), game, 1.0)  # type: ignore[arg-type]
    assert found == [], (
        "the images are read by their head, the texts name no race, and scores are meant to be blind"
    )
    again = Watch(config, np.arange(B * STEPS))
    again.load(watch.state())
    assert again.leakage("image") == watch.leakage("image")
    assert again.leakage("image")["race"] > 0.9 > 0.7 > again.leakage("text")["race"]


def test_a_frozen_tower_is_pulled_nowhere() -> None:
    seen = batch(0, aligned=False, readable=False)
    text = seen.text_emb.requires_grad_()
    pairing = InfoNCE()(seen)
    found = gradient_balance(seen, pairing, (text * text).sum() * seen.codes["race"].sum(), "both")
    assert found["gradient_ratio"] > 0
    assert gradient_balance(seen, pairing, text.sum(), "image") == {}


def test_the_last_step_is_looked_at_whatever_the_checkpoints() -> None:
    watch = Watch(build_config({}, [f"train.steps={STEPS}"]), np.arange(B * STEPS))
    found = [
        note
        for step in range(STEPS)
        for seen in [batch(step, aligned=True, readable=True)]
        for note in watch.step(step, seen, InfoNCE()(seen), Game(1.02), 1.0)  # type: ignore[arg-type]
    ]
    assert [(note["warning"], note["step"]) for note in found] == [("fooled", STEPS - 1)]
