"""Training: the whole step on one screen."""

import math
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lightning_fabric import Fabric

from adfair.config import Config
from adfair.data.augment import augment
from adfair.data.loader import TrainData, batch_rows
from adfair.models.dual_encoder import DualEncoder, training_mode
from adfair.objectives import CONTRASTIVE, fairness_term
from adfair.objectives.adversarial import adversary_weight
from adfair.training.checkpoint import save_checkpoint
from adfair.training.guards import check_finite, check_gradients
from adfair.training.optim import make_optimizer, scheduled_lr


def fit(
    model: DualEncoder, data: TrainData, config: Config, fabric: Fabric, run: Path
) -> Iterator[dict[str, Any]]:
    """Train ``model`` in place; yields what is logged, every ``train.log_every`` steps and at the last one.

    Raises:
        TrainingError: a loss term or a gradient is not finite; raised before the update, names term and step.
    """
    train, aim, seed = config.train, config.objective, config.seed
    optimizer = make_optimizer(
        model.net, lr=train.lr, weight_decay=train.weight_decay, text_lr_factor=train.text_lr_factor
    )
    net, optimizer = fabric.setup(model.net, optimizer)
    contrastive = CONTRASTIVE[aim.contrastive]
    fairness = fairness_term(config, fabric, dim=model.config["embed_dim"], data=data)
    training_mode(model, frozen=config.model.freeze)
    began = time.perf_counter()

    for step in range(train.steps):
        rows = batch_rows(len(data), config.data.batch_size, seed=seed, step=step)
        images, tokens = data.images[rows].to(fabric.device), data.tokens[rows].to(fabric.device)
        codes = {name: values[rows].to(fabric.device) for name, values in data.codes.items()}
        if config.data.augment != "none":
            images = augment(images, seed=seed, step=step, flip=config.data.augment == "light_flip")

        # 1. Both towers see the batch; the contrastive loss pulls each pair together.
        image_emb, text_emb, logit_scale = net(model.prepare(images), tokens)
        pairing = contrastive(image_emb, text_emb, logit_scale)

        # 2. The adversaries catch up with the embeddings as they are now, then oppose the towers.
        weight = adversary_weight(
            step, train.steps, weight=aim.adversary_weight, delay=aim.delay, ramp=aim.ramp
        )
        fairness.fit(image_emb, text_emb, codes)
        penalty = fairness.penalty(image_emb, text_emb, codes, weight)

        # 3. One backward pass, and an update only if everything in it is finite.
        check_finite(step, contrastive=pairing, fairness=penalty)
        optimizer.zero_grad()
        fabric.backward(pairing + penalty)
        check_gradients(step, net)
        lr = scheduled_lr(optimizer, step, steps=train.steps, warmup=train.warmup, lr=train.lr)
        optimizer.step()
        fairness.finish()

        if (step + 1) % train.checkpoint_every == 0 or step + 1 == train.steps:
            save_checkpoint(run, step=step + 1, towers=model.net, adversary=fairness.adversary)
        if step % train.log_every == 0 or step == train.steps - 1:
            yield {
                "step": step,
                "contrastive": pairing.item(),
                "contrastive_chance": math.log(len(rows)),
                **fairness.diagnostics,
                "adversary_weight": weight,
                "logit_scale": logit_scale.item(),
                "lr": lr,
                "seconds": time.perf_counter() - began,
            }
