"""``export``: a run's model in the formats that other software loads."""

import json
import shutil
from pathlib import Path

from adfair import __version__
from adfair.data.staging import keep_inputs, require_free, staged_folder
from adfair.errors import ConfigError
from adfair.models.adapters.load import load_towers
from adfair.models.adapters.openclip import FILES
from adfair.models.adapters.run import model_folder
from adfair.models.card import CARD_FILE
from adfair.models.dual_encoder import CONFIG_FILE
from adfair.models.safe_load import find_file
from adfair.reporting.scores import sha256

FORMATS, RECORD = ("onnx", "transformers"), "export.json"


def export(run: Path | str, *, format: str, out: Path | str, force: bool = False) -> Path:
    """Write a model for deployment elsewhere, checked against the towers it comes from.

    Args:
        run: a run folder or an open_clip folder.
        format: ``onnx``: ``image_tower.onnx`` and ``text_tower.onnx``. ``transformers``: a folder for
            ``CLIPModel.from_pretrained``, of plain vision transformers only.
        out: the folder; the model card and ``open_clip_config.json`` go with it, and ``export.json`` says from which
            weights it came and the largest difference of an embedding.
        force: replace an earlier export there; never a folder that holds the model.

    Raises:
        ConfigError: an unknown format, or a model that it cannot hold.
        MissingExtraError: ``onnx`` without the extra.
    """
    if format not in FORMATS:
        raise ConfigError(f"format '{format}': choose one of {', '.join(FORMATS)}")
    out, source = Path(out), model_folder(run)
    require_free(out, force=force, what="exported model", markers=[RECORD])
    keep_inputs(out, [source])
    model = load_towers(source)
    if model.posthoc is not None:
        raise ConfigError(
            f"{source}: its correction of embeddings (posthoc.json) has no place in --format {format}, and the towers "
            "without it are another model. Export the model that was corrected, and correct its embeddings afterwards."
        )
    with staged_folder(out, force=force, what="exported model", markers=[RECORD]) as staging:
        if format == "onnx":
            from adfair.models.to_onnx import save_onnx

            difference = save_onnx(model, staging)
        else:
            from adfair.models.to_transformers import save_transformers

            look = json.loads((source / CONFIG_FILE).read_text()).get("preprocess_cfg", {})
            difference = save_transformers(model, staging, look)
        facts = {
            "version": __version__,
            "format": format,
            "weights_sha256": sha256(find_file(source, FILES, what="weights")),
            "largest_difference": difference,
        }
        for name in (CARD_FILE, CONFIG_FILE):
            if (source / name).is_file():
                shutil.copy(source / name, staging / name)
        (staging / RECORD).write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
    return out
