"""How fast are images embedded, against open_clip as its README uses it? ViT-B/32, random weights, one thread.

    python benchmarks/bench_inference.py [--images 64] [--rounds 3]

open_clip: PIL images through its own transform, batches of 64, float32, `torch.no_grad`. Ours: grey squares as the
image cache holds them (uint8), `inference_mode`, automatic batch, and --precision fp32, auto and bf16. All ways are timed in
turn in one process, several rounds, by the processor's time (so that others on the machine count less), and the best
round of each counts; the ratio is what to read. The image tower is
what costs: texts are embedded once an evaluation.
"""

import argparse
import os
import time

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import open_clip
import torch
from PIL import Image

from adfair.evaluation.embed import batch_for, embed_images
from adfair.evaluation.precision import choose_dtype, fast_bf16
from adfair.models.dual_encoder import build_model


def open_clip_way(net: torch.nn.Module, transform, images: list[Image.Image], batch: int) -> np.ndarray:
    """Images one by one through the transform, then the tower in float32."""
    parts = []
    with torch.no_grad():
        for start in range(0, len(images), batch):
            pixels = torch.stack([transform(image) for image in images[start : start + batch]])
            parts.append(net.encode_image(pixels, normalize=True))
    return torch.cat(parts).numpy()


def main() -> None:
    """Time every way and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=40)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--batch", type=int, default=64, help="of open_clip's way")
    parser.add_argument("--model", default="ViT-B-32")
    parser.add_argument("--skip-bf16", action="store_true", help="where it is emulated it takes minutes")
    args = parser.parse_args()
    torch.set_num_threads(1)
    model = build_model(args.model, seed=0)
    model.net.eval()
    theirs = open_clip.create_model(args.model).eval()  # as it comes, contiguous
    theirs.load_state_dict(model.net.state_dict())
    side = model.image_size
    grey = np.random.default_rng(0).integers(0, 256, (args.images, side, side), dtype=np.uint8)
    films = [Image.fromarray(image).convert("RGB") for image in grey]
    transform = open_clip.image_transform(side, is_train=False, mean=model.mean, std=model.std)
    ways = {f"open_clip, batch {args.batch}": lambda: open_clip_way(theirs, transform, films, args.batch)}
    for precision in ("fp32", "auto", *([] if args.skip_bf16 else ["bf16"])):
        ways[f"adfair, {precision}"] = lambda precision=precision: embed_images(
            model, grey, precision=precision
        )
    best, found = dict.fromkeys(ways, float("inf")), {}
    for _ in range(args.rounds):
        for name, way in ways.items():
            start = time.process_time()
            found[name] = way()
            best[name] = min(best[name], time.process_time() - start)
    reference = next(iter(ways))
    print(f"{args.model}, {args.images} images of {side} px, one thread, torch {torch.__version__}")
    print(
        f"bfloat16 instructions: {'yes' if fast_bf16() else 'no'}; auto takes {choose_dtype('auto', model.net)}"
    )
    print(
        f"batch chosen for {side} px: {batch_for(side)}\n\n| way | images/s | ratio | lowest cosine |\n| --- | --- | --- | --- |"
    )
    for name in ways:
        cosine = (found[name] * found[reference]).sum(1).min()
        print(
            f"| {name} | {args.images / best[name]:.2f} | {best[reference] / best[name]:.2f} | {cosine:.6f} |"
        )


if __name__ == "__main__":
    main()
