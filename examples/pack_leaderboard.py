"""A leaderboard on real chest X-rays: our CLIP, AdFair-CLIP and `auto`, and two published layouts with random weights.

    python examples/pack_leaderboard.py PACK [--out runs/pack_leaderboard] [--docs docs/leaderboard.md]

Trains our models on the training images of the pack (about 670, by patient; seconds to minutes), makes a checkpoint
in CheXzero's layout and an open_clip folder, both ViT-B/32 with random weights since no weights come with this
project, evaluates all on the test images with view and sex as attributes, and writes one table. The random models are
there to show that adapters work and what random features already reach.
"""

import argparse
import os
import sys
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

from adfair.errors import AdfairError

HERE = Path(__file__).parent
ARMS = {
    "clip": ["objective.fairness=none"],
    "adfair": ["objective.fairness=adversarial", "objective.adversary_weight=1.25"],
    "auto": ["objective.fairness=auto"],
}
PROMPTS = "ours,chexzero,cxr_clip,biovil"


def make_models(cohort: Path, out: Path) -> dict[str, str]:
    """What to evaluate, by name: two trained runs and two files of random weights."""
    import open_clip
    import torch

    from adfair.config import load_config
    from adfair.models.dual_encoder import build_model, save_model
    from adfair.training import train

    torch.set_num_threads(1)
    models = {}
    for arm, overrides in ARMS.items():
        run = out / "models" / arm
        train(load_config(HERE / "cxr_pack.yaml", [f"data.cohort={cohort}", *overrides]), out=run, force=True)
        models[arm] = str(run)
    torch.manual_seed(0)
    checkpoint = out / "models" / "chexzero-random.pt"
    torch.save(open_clip.create_model("ViT-B-32-quickgelu").state_dict(), checkpoint)
    folder = save_model(build_model("ViT-B-32", seed=1), out / "models" / "openclip-random")
    return {
        **models,
        "chexzero layout, random": f"chexzero:{checkpoint}",
        "open_clip folder, random": f"local-dir:{folder}",
    }


def page(table: str, command: str) -> str:
    """The page of the documentation."""
    return f"""# Leaderboard on the real pack

Made by `{command}`. 221 test images of the NIH part of the pack, two findings (Pneumonia, No Finding), means over both.
In brackets after a value its 95 % interval over patients; in round brackets what identical groups of these sizes
would show by chance, of leakage what guessing gives. Thresholds by Youden's rule on 106 validation images, on which the leakage
probes are trained too, so that leakage is a rough figure here. `prompts` is the zero-shot protocol, see
[evaluation.md](evaluation.md).

{table}

The two random models have learnt nothing: they show that their files are read and fed as their authors do. That their
AUC is above .5 all the same shows what the labels carry besides disease: random features see brightness and
framing, and those tell how images were collected. The pack is small too, so this is no ranking of methods and no pneumonia
detection; a gap near its chance level is noise.
"""


def main() -> None:
    """Train, evaluate, and write the table."""
    from adfair.data.readers.table import import_table
    from adfair.reporting.leaderboard import leaderboard, write_leaderboard
    from adfair.workflows.evaluate import evaluate
    from adfair.workflows.protocol_rows import Protocol

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pack", type=Path, help="folder with manifest.csv and images/")
    parser.add_argument("--out", type=Path, default=Path("runs/pack_leaderboard"))
    parser.add_argument("--docs", type=Path, help="page to write")
    parser.add_argument("--replicates", type=int, default=1000)
    args = parser.parse_args()
    cohort = args.out / "cohort"
    import_table(
        args.pack / "manifest.csv", out=cohort, mapping=HERE / "mappings" / "cxr_pack_nih.yaml", force=True
    )
    how, folders = Protocol(probe="val", replicates=args.replicates), []
    for name, model in make_models(cohort, args.out).items():
        folders.append(args.out / "evaluations" / name)
        prompts = PROMPTS if name in ARMS else ""
        evaluate(
            model,
            data=cohort,
            protocol="zero_shot,leakage",
            prompts=prompts,
            out=folders[-1],
            how=how,
            force=True,
        )
        print("evaluated:", name, flush=True)
    write_leaderboard(leaderboard(folders), args.out)
    table = (args.out / "leaderboard.md").read_text(encoding="utf-8").rstrip()
    print(table)
    if args.docs:
        args.docs.write_text(
            page(table, "python examples/pack_leaderboard.py PACK --docs docs/leaderboard.md")
        )


if __name__ == "__main__":
    try:
        main()
    except AdfairError as error:
        sys.exit(f"error: {error}")
