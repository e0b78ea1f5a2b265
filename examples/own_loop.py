"""AdFair in a training loop of your own: the lines that end in ``# +`` are all that is added to a plain CLIP loop.

    python examples/own_loop.py --steps 200

The data are noise with a bright square where something is found and a brighter background for one sex, and the
finding follows sex: a shortcut, so that there is something to remove. Put your loader and your model in their place.
"""

import argparse
from functools import partial  # +

import open_clip
import torch
from torch.nn import functional as F

from adfair.models.adversary import build_adversary  # +
from adfair.objectives.adversarial import AdversarialTerm, scheduled_weight  # +
from adfair.objectives.interface import Batch, Pairing  # +

TEXTS = ["The lungs are clear.", "There is an opacity."]


def images_and_labels(rows: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Images [rows, 3, 32, 32], findings and sexes (0, 1; -1 would be unknown) [rows]."""
    sex = torch.randint(0, 2, (rows,))
    finding = torch.where(torch.rand(rows) < 0.8, sex, 1 - sex)
    images = torch.randn(rows, 3, 32, 32) * 0.5 + sex[:, None, None, None] * 0.15
    images[finding == 1, :, 8:16, 8:16] += 1.0
    return images, finding, sex


def main(steps: int = 200, batch_size: int = 32) -> float:
    """Train; returns the last contrastive loss."""
    torch.manual_seed(0)
    vision = {"image_size": 32, "layers": 2, "width": 32, "head_width": 16, "patch_size": 8}
    text = {"context_length": 16, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 1}
    model = open_clip.CLIP(embed_dim=16, vision_cfg=vision, text_cfg=text)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    tokens = open_clip.SimpleTokenizer(context_length=16)(TEXTS)

    adversary = build_adversary({"image": 16}, {"sex": 2}, seed=0)  # +
    reader = torch.optim.Adam(adversary.parameters(), lr=5e-3)  # +
    when = partial(scheduled_weight, steps=steps, weight=1.0, delay=0.15, ramp=0.3)  # +
    how = {"steps": 5, "update": "reversal", "schedule": when}  # +
    fair = AdversarialTerm(adversary, reader, torch.Tensor.backward, **how)  # +

    for step in range(steps):
        images, finding, sex = images_and_labels(batch_size)
        image_emb, text_emb, scale = model(images, tokens[finding])
        logits, own = scale * image_emb @ text_emb.T, torch.arange(batch_size)
        loss = (F.cross_entropy(logits, own) + F.cross_entropy(logits.T, own)) / 2
        total = loss
        pair = {"image_emb": image_emb, "text_emb": text_emb, "logit_scale": scale}  # +
        batch = Batch(**pair, codes={"sex": sex}, rows=own, findings=torch.zeros(batch_size, 0))  # +
        fair.fit(batch)  # +
        total = loss + fair.penalty(batch, Pairing(loss, loss.detach()[None]), fair.weight(step))  # +
        optimizer.zero_grad()
        total.backward()
        optimizer.step()
        fair.finish()  # +
        if step % 50 == 0 or step == steps - 1:
            print(f"step {step}: contrastive {loss.item():.3f}")
            print(f"  adversary (1 is chance): {fair.diagnostics['adversary_loss']}")  # +
    return loss.item()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=200)
    main(parser.parse_args().steps)
