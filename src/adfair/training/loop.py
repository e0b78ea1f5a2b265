"""Training: the whole step on one screen."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lightning_fabric import Fabric

from adfair.config import Config
from adfair.data.augment import augment
from adfair.data.loader import TrainData, batch_rows
from adfair.models.dual_encoder import DualEncoder, training_mode
from adfair.objectives import Setting, build_objective
from adfair.training.batch import as_batch
from adfair.training.checkpoint import save_checkpoint
from adfair.training.guards import check_finite, check_gradients
from adfair.training.optim import make_optimizer, scheduled_lr
from adfair.training.selection import Selector
from adfair.training.towers import Towers
from adfair.training.watch import Watch, gradient_balance


def fit(
    model: DualEncoder, data: TrainData, config: Config, fabric: Fabric, selector: Selector, run: Path
) -> Iterator[dict[str, Any]]:
    """Train ``model`` in place; yields what is logged: steps (every ``train.log_every`` and the last), validations
    (at every checkpoint) and warnings.

    Raises:
        TrainingError: a loss term or a gradient is not finite; raised before the update, names term and step.
    """
    train, seed = config.train, config.seed
    optimizer = make_optimizer(
        model.net, lr=train.lr, weight_decay=train.weight_decay, text_lr_factor=train.text_lr_factor
    )
    net, optimizer = fabric.setup(model.net, optimizer)
    towers = Towers(fabric, model, net, micro=config.data.micro_batch_size)
    contrastive, fairness = build_objective(Setting(config, fabric, model, data))
    watch = Watch(config, data.patients)
    training_mode(model, frozen=config.model.freeze)
    began = time.perf_counter()

    for step in range(train.steps):
        rows = batch_rows(
            len(data), config.data.batch_size, seed=seed, step=step, probabilities=data.probabilities
        )
        images, tokens = data.images[rows].to(fabric.device), data.tokens[rows].to(fabric.device)
        images = augment(images, config.data.augment, seed=seed, step=step)

        # 1. Both towers see the batch; the contrastive loss pulls each pair together.
        batch = as_batch(towers.embed(images, tokens), data, rows, step=step)
        pairing = contrastive(batch)
        check_finite(step, contrastive=pairing.loss)

        # 2. The fairness term catches up with the embeddings as they are now, then opposes the towers.
        weight = fairness.weight(step)
        fairness.fit(batch)
        penalty = fairness.penalty(batch, pairing, weight)

        # 3. One backward pass, and an update only if everything in it is finite.
        check_finite(step, fairness=penalty)
        logged = step % train.log_every == 0 or step == train.steps - 1
        balance = gradient_balance(batch, pairing, penalty, config.objective.target) if logged else {}
        optimizer.zero_grad()
        towers.backward(pairing.loss + penalty)
        check_gradients(step, net)
        lr = scheduled_lr(optimizer, step, steps=train.steps, warmup=train.warmup, lr=train.lr)
        optimizer.step()
        fairness.finish()

        # 4. Look at the game: warnings, the log, and at every checkpoint the validation split.
        yield from watch.step(step, batch, fairness, weight)
        if logged:
            seconds = time.perf_counter() - began
            yield {**watch.figures(pairing, fairness), **balance, "lr": lr, "seconds": seconds}
        if (step + 1) % train.checkpoint_every == 0 or step + 1 == train.steps:
            state = {"contrastive": contrastive.state(), "fairness": fairness.state()}
            save_checkpoint(run, step + 1, state, towers=model.net, adversary=fairness.adversary)
            if record := selector.consider(model, step=step + 1):
                yield {"step": step, "validation": record}
