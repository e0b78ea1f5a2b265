"""Training: the whole step on one screen."""

from collections.abc import Callable, Iterator
from typing import Any

from lightning_fabric import Fabric

from adfair.config import Config
from adfair.data.augment import augment
from adfair.data.loader import TrainData, batch_rows
from adfair.distributed import anywhere, gather, share
from adfair.models.dual_encoder import DualEncoder, training_mode
from adfair.objectives import Setting, build_objective
from adfair.training.batch import as_batch
from adfair.training.guards import check_finite, check_gradients
from adfair.training.keeper import Keeper, Parts
from adfair.training.optim import make_optimizer, scheduled_lr
from adfair.training.pace import Pace
from adfair.training.selection import Selector
from adfair.training.stopping import Stopped
from adfair.training.watch import Watch, gradient_balance


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
    (at every checkpoint) and warnings.

    Args:
        keeper: says where to go on, and saves. stop_asked: looked at after every step.

    Raises:
        TrainingError: a loss term or a gradient is not finite; raised before the update, names term and step.
        Stopped: ``stop_asked`` said so; the step is done and saved.
    """
    train, seed = config.train, config.seed
    optimizer = make_optimizer(
        model.net, lr=train.lr, weight_decay=train.weight_decay, text_lr_factor=train.text_lr_factor
    )
    net, engine_optimizer = fabric.setup(model.net, optimizer)
    contrastive, fairness = build_objective(Setting(config, fabric, model, data))
    watch, pace = Watch(config, data.patients), Pace()
    training_mode(model, frozen=config.model.freeze)
    precision = fabric.strategy.precision
    parts = Parts(model.net, optimizer, contrastive, fairness, watch, selector, pace, precision)

    for step in range(keeper.resume(parts), train.steps):
        rows = batch_rows(
            len(data), config.data.batch_size, seed=seed, step=step, probabilities=data.probabilities
        )
        with pace.input():
            mine, n = share(len(rows)), len(rows)
            images, tokens = (
                data.images[rows[mine]].to(fabric.device),
                data.tokens[rows[mine]].to(fabric.device),
            )
            images = augment(images, config.data.augment, seed=seed, step=step, part=mine, of=n)

        # 1. Both towers see the batch (each process a share of it); the contrastive loss pulls each pair together.
        batch = as_batch(gather(net(model.prepare(images), tokens), n), data, rows, step=step)
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
        engine_optimizer.zero_grad()
        fabric.backward(pairing.loss + penalty)
        check_gradients(step, net)
        lr = scheduled_lr(optimizer, step, steps=train.steps, warmup=train.warmup, lr=train.lr)
        engine_optimizer.step()
        fairness.finish()

        # 4. Look at the game: warnings, the log, and at every checkpoint the validation split.
        yield from watch.step(step, batch, fairness, weight)
        yield from pace.step(step)
        if logged:
            yield {**watch.figures(pairing, fairness), **balance, "lr": lr, "seconds": pace.seconds}
        stopping, done = anywhere(stop_asked()), step + 1
        if due := done % train.checkpoint_every == 0 or done == train.steps:
            if record := selector.consider(model, step=done):
                yield {"step": step, "validation": record}
        if due or stopping:
            keeper.save(done, parts)
        if stopping and done < train.steps:
            raise Stopped(f"stopped after step {done}, which is saved; go on with --resume")
