"""CLIP and SigLIP folders of transformers, XrayCLIP's among them."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from torch import Tensor

from adfair.errors import ConfigError
from adfair.models.adapters.adapter import CLIP, HALF, Adapter, Towers, device_of, scaled
from adfair.models.adapters.bert import VOCABULARIES, check_vocabulary, settings, text_files
from adfair.models.encoder import Square
from adfair.models.pixels import floor_crop, shortest, squash
from adfair.models.safe_load import find_file, fingerprint, fit, read_checkpoint

FILES = ("model.safetensors", "pytorch_model.bin")
KINDS = ("clip", "siglip")


class HuggingFace(Towers):
    """``CLIPModel`` or ``SiglipModel``."""

    def __init__(self, config: Any) -> None:
        super().__init__()
        from transformers import CLIPModel, SiglipModel

        self.clip = config.model_type == "clip"
        self.model: Any = CLIPModel(config) if self.clip else SiglipModel(config)
        self.tokenizer: Any = None

    def features(self, pixels: Tensor) -> Tensor:
        """What the vision model pools."""
        return self.model.vision_model(pixel_values=pixels).pooler_output

    def project(self, features: Tensor) -> Tensor:
        """By the visual projection, which SigLIP has none of."""
        return self.model.visual_projection(features) if self.clip else features

    def text(self, texts: Sequence[str]) -> Tensor:
        """Padded to the model's length; SigLIP was trained without a mask."""
        length = self.model.config.text_config.max_position_embeddings
        found = self.tokenizer(
            list(texts), padding="max_length", truncation=True, max_length=length, return_tensors="pt"
        )
        keys = ("input_ids", "attention_mask") if self.clip else ("input_ids",)
        pooled = self.model.text_model(**{k: found[k].to(device_of(self)) for k in keys}).pooler_output
        return self.model.text_projection(pooled) if self.clip else pooled


def load(path: Path) -> Adapter:
    """Read a folder of transformers. Raises ConfigError."""
    from transformers import CLIPConfig, SiglipConfig

    folder = path if path.is_dir() else path.parent
    _refuse_parts(folder)
    file = find_file(folder if path.suffix == ".json" else path, FILES, what="weights")
    told = settings(folder / "config.json")
    if told.get("model_type") not in KINDS:
        raise ConfigError(f"{folder}: model_type {told.get('model_type')!r}; expected {' or '.join(KINDS)}")
    config: Any = (CLIPConfig if told["model_type"] == "clip" else SiglipConfig).from_dict(told)
    tensors = {f"model.{n}": t for n, t in read_checkpoint(file).tensors().items()}
    net = fit(partial(HuggingFace, config), tensors, path=file, ignore=("*.position_ids",))
    net.tokenizer = _tokenizer(folder, config.text_config.vocab_size)
    square, look, size = preprocessing(folder, config.vision_config.image_size, clip=net.clip)
    scale = float(net.model.logit_scale.exp())
    print_ = fingerprint(file, folder / "preprocessor_config.json", *text_files(folder))
    return Adapter("transformers", net, square, look, size, print_, logit_scale=scale)


def _refuse_parts(folder: Path) -> None:
    """Weights that are not all in one file, or not all of the model. Raises ConfigError."""
    if (folder / "adapter_config.json").exists():
        raise ConfigError(
            f"{folder}: holds an adapter (LoRA), which is not read. Merge it (merge_and_unload) and save the whole model"
        )
    shards = [
        name for name in FILES if (folder / f"{name}.index.json").exists() and not (folder / name).exists()
    ]
    if shards:
        raise ConfigError(
            f"{folder}: its weights are in several files. Save them in one: save_pretrained(..., max_shard_size='99GB')"
        )


def preprocessing(folder: Path, image_size: int, *, clip: bool) -> tuple[Square, Any, int]:
    """What ``preprocessor_config.json`` says, the library's defaults where it is silent.

    Raises:
        ConfigError: what no CLIP or SigLIP does, or squares that the image tower does not take.
    """
    file = folder / "preprocessor_config.json"
    told = settings(file)
    if not told:
        raise ConfigError(f"{folder}: no preprocessor_config.json, without which films would be fed wrongly")
    size, crop = told.get("size", image_size), told.get("crop_size", image_size)
    size = size if isinstance(size, dict) else {"shortest_edge": size}
    side = int(crop["height"] if isinstance(crop, dict) else crop)
    edge = size.get("shortest_edge")
    wrong = [k for k in ("do_resize", "do_rescale", "do_normalize") if not told.get(k, True)]
    wrong += ["rescale_factor"] if abs(told.get("rescale_factor", 1 / 255) * 255 - 1) > 1e-6 else []
    wrong += ["size"] if edge is None and size.get("height") != size.get("width") else []
    cropped = told.get("do_center_crop", clip)
    final = side if cropped else size.get("height")
    if final != image_size or (cropped and side > (edge or size["height"])):
        wrong.append("crop_size" if cropped else "size")
    if wrong:
        raise ConfigError(
            f"{file}: {', '.join(wrong)} is not what a CLIP or SigLIP for {image_size} pixels needs"
        )
    usual = CLIP if clip else HALF
    look = scaled(told.get("image_mean", usual[0]), told.get("image_std", usual[1]))
    how = told.get("resample", 3)
    if edge is None and not cropped:
        return partial(squash, size=image_size, how=how), look, image_size

    def square(image: Any) -> Any:
        large = (
            squash(image, size=size["height"], how=how)
            if edge is None
            else shortest(image, size=edge, how=how)
        )
        return floor_crop(large, side)

    return square, look, side


def _tokenizer(folder: Path, rows: int) -> Any:
    from transformers import AutoTokenizer

    if not any((folder / name).is_file() for name in VOCABULARIES):
        raise ConfigError(f"{folder}: no vocabulary; expected {' or '.join(VOCABULARIES)}")
    try:
        made = AutoTokenizer.from_pretrained(
            str(folder.resolve()), local_files_only=True, trust_remote_code=False
        )
    except Exception as error:  # transformers raises many kinds, with advice about its hub
        raise ConfigError(
            f"{folder}: its tokenizer cannot be read ({type(error).__name__}). Copy tokenizer.json, "
            "tokenizer_config.json and vocabulary files into the folder"
        ) from None
    check_vocabulary(max(made.get_vocab().values()), rows, folder)
    return made
