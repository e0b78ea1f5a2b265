"""Training: the whole step on one screen."""

from collections.abc import Callable, Iterator
from typing import Any

from lightning_fabric import Fabric

from adfair.config import Config
from adfair.data.loader import TrainData
from adfair.distributed import anywhere, gather
from adfair.models.dual_encoder import DualEncoder
from adfair.training.batch import as_batch, my_share
from adfair.training.guards import check_finite
from adfair.training.keeper import Keeper
from adfair.training.optim import scheduled_lr
from adfair.training.parts import assemble
from adfair.training.selection import Selector
from adfair.training.stopping import Stopped
from adfair.training.watch import gradient_balance


def fit(
    model: DualEncoder,
    data: TrainData,
    config: Config,
    fabric: Fabric,
    selector: Selector,
    keeper: Keeper,
    stop_asked: Callable[[], bool] = lambda: False,
) -> Iterator[dict[str, Any]]:
    """Train ``model`` in place; yields what is logged: steps (every ``train.log_every`` and the last), validations
    (at every checkpoint) and warnings. ``keeper`` says where to go on; ``stop_asked`` is looked at after every step.

    Raises:
        TrainingError: a loss term or a gradient is not finite; raised before the update, names term and step.
        Stopped: ``stop_asked`` said so; the step is done and saved.
    """
    train, parts = config.train, assemble(model, data, config, fabric, selector, keeper.say)
    towers, contrastive, fairness = parts.towers, parts.contrastive, parts.fairness

    for step in range(keeper.resume(parts), train.steps):
        with parts.pace.input():
            rows, images, tokens = my_share(data, config, step=step, device=fabric.device)

        # 1. Both towers see the batch (each process a share of it); the contrastive loss pulls each pair together.
        batch = as_batch(gather(towers.embed(images, tokens), len(rows)), data, rows, step=step)
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
        parts.engine_optimizer.zero_grad()
        towers.backward(pairing.loss + penalty)
        towers.check(step)
        lr = scheduled_lr(parts.optimizer, step, steps=train.steps, warmup=train.warmup, lr=train.lr)
        parts.engine_optimizer.step()
        fairness.finish()

        # 4. Look at the game: warnings, the log, and at every checkpoint the validation split.
        yield from parts.watch.step(step, batch, pairing, fairness, weight)
        yield from parts.pace.step(step)
        parts.throughput.step(len(rows))
        if logged:
            yield {**parts.figures(pairing), **balance, "lr": lr}
        stopping, done = anywhere(stop_asked()), step + 1
        due = done % train.checkpoint_every == 0 or done == train.steps
        if due and (record := keeper.validate(selector, model, done)):
            yield {"step": step, "validation": record}
        if due or stopping:
            keeper.save(done, parts)
        if stopping and done < train.steps:
            raise Stopped(f"stopped after step {done}, which is saved; go on with --resume")
    if line := parts.throughput.summary():
        keeper.say(line)
