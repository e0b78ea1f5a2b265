"""open_clip folders of any architecture, BiomedCLIP and WhyXrayCLIP among them."""

import copy
from functools import partial
from pathlib import Path
from typing import Any

import open_clip
from open_clip.model import convert_to_custom_text_state_dict
from open_clip.tokenizer import HFTokenizer
from torch import Tensor

from adfair.errors import ConfigError
from adfair.models.adapters.adapter import CLIP, check_side
from adfair.models.adapters.bert import VOCABULARIES, check_vocabulary, settings, text_files
from adfair.models.dual_encoder import CONFIG_FILE, DualEncoder, build_net
from adfair.models.encoder import Square
from adfair.models.pixels import BICUBIC, BILINEAR, centre_crop, longest, shortest_then_crop, squash
from adfair.models.posthoc import WEIGHTS_FILE as POSTHOC_FILE
from adfair.models.posthoc import load_posthoc
from adfair.models.safe_load import find_file, fingerprint, fit, read_checkpoint

FILES = (
    "open_clip_model.safetensors",
    "open_clip_pytorch_model.safetensors",
    "open_clip_pytorch_model.bin",
    "model.safetensors",
    "pytorch_model.bin",
)


def load(path: Path) -> DualEncoder:
    """Read a folder with ``open_clip_config.json`` and weights beside it; the hub is never asked. Raises ConfigError."""
    folder = Path(str(path).removeprefix("local-dir:"))
    named = None if folder.is_dir() or folder.suffix == ".json" else folder
    folder = folder if folder.is_dir() else folder.parent
    told = settings(folder / CONFIG_FILE)
    if "model_cfg" not in told:
        raise ConfigError(f"{folder}: no {CONFIG_FILE} with model_cfg in it; expected an open_clip folder")
    config = repointed(told["model_cfg"], folder)
    look = told.get("preprocess_cfg", {})
    # open_clip feeds the tower at its own size too, whatever preprocess_cfg says.
    square, size = preprocessing(look, config["vision_cfg"].get("image_size", 224), folder)
    file = find_file(named or folder, FILES, what="weights")
    build = partial(build_net, config)
    net = fit(build, _renamed(read_checkpoint(file), config), path=file)
    mean, std = (tuple(look.get(k) or usual) for k, usual in zip(("mean", "std"), CLIP, strict=True))
    tokenize, places = _tokenizer(config, folder, net)
    texts = [each for place in places for each in text_files(place)]
    posthoc = load_posthoc(folder)
    corrected = [] if posthoc is None else [folder / POSTHOC_FILE]
    return DualEncoder(
        net,
        tokenize,
        config,
        mean,
        std,
        size,
        posthoc,
        square=square,
        name="open_clip",
        fingerprint=fingerprint(file, folder / CONFIG_FILE, *texts, *corrected),
    )


def repointed(config: dict[str, Any], folder: Path) -> dict[str, Any]:
    """The configuration with the language model's names replaced by local folders, and nothing to be downloaded.

    ``hf_model_name`` may be a folder, absolute or within the model's own. Raises ConfigError for a hub's name.
    """
    config = copy.deepcopy(config)
    text, vision = config["text_cfg"], config["vision_cfg"]
    vision["timm_model_pretrained"] = text["hf_model_pretrained"] = False
    if ":" in str(vision.get("timm_model_name", "")):
        raise ConfigError(
            f"{folder / CONFIG_FILE}: timm_model_name '{vision['timm_model_name']}' is not the name of an architecture; "
            "nothing is fetched"
        )
    name = text.get("hf_model_name")
    if name:
        text["hf_model_name"] = str(_local(name, folder, needs="config.json", key="hf_model_name"))
    return config


def _local(name: str, folder: Path, *, needs: str, key: str) -> Path:
    for place in (folder / name, Path(name)):
        if (place / needs).is_file():
            return place.resolve()
    raise ConfigError(
        f"{folder / CONFIG_FILE}: {key} '{name}' is not a local folder with {needs}. Copy that model's "
        f"{needs} and vocabulary into a folder and name it there"
    )


def _renamed(found: Any, config: dict[str, Any]) -> dict[str, Tensor]:
    """Under the names of a current open_clip, from older and wrapped checkpoints."""
    wrapped = isinstance(found.tree, dict) and "state_dict" in found.tree
    tensors = found.tensors(*(("state_dict",) if wrapped else ()))
    tensors = {name.removeprefix("module."): tensor for name, tensor in tensors.items()}
    if config.get("custom_text") or "hf_model_name" in config["text_cfg"]:
        tensors = convert_to_custom_text_state_dict(tensors)
    tensors.pop("text.transformer.embeddings.position_ids", None)
    for name in ("logit_scale", "logit_bias"):
        if name in tensors:
            tensors[name] = tensors[name].reshape(())
    return tensors


def preprocessing(look: dict[str, Any], image_size: Any, folder: Path) -> tuple[Square, int]:
    """What ``preprocess_cfg`` says, open_clip's defaults where it is silent. Raises ConfigError."""
    sides = list(image_size) if isinstance(image_size, list | tuple) else [image_size] * 2
    mode, how = look.get("resize_mode") or "shortest", look.get("interpolation") or "bicubic"
    if sides[0] != sides[-1] or how not in ("bicubic", "bilinear"):
        raise ConfigError(
            f"{folder / CONFIG_FILE}: size {image_size} or interpolation '{how}' is not supported"
        )
    side, filter_ = check_side(sides[0], folder / CONFIG_FILE), BICUBIC if how == "bicubic" else BILINEAR
    if mode == "squash":
        return partial(squash, size=side, how=filter_), side
    if mode == "longest":
        fill = int(look.get("fill_color") or 0)
        return lambda image: centre_crop(longest(image, size=side, how=filter_), side, fill=fill), side
    return partial(shortest_then_crop, resize=side, crop=side, how=filter_), side


def _tokenizer(config: dict[str, Any], folder: Path, net: Any) -> tuple[Any, list[Path]]:
    """The tokenizer, and the folders that say what becomes of texts."""
    text = config["text_cfg"]
    length = text.get("context_length", 77)
    name = text.get("hf_tokenizer_name") or text.get("hf_model_name")
    if not name:
        return open_clip.SimpleTokenizer(context_length=length), []
    own = (folder / "tokenizer_config.json").is_file() or (folder / "tokenizer.json").is_file()
    needs = next(
        (n for n in ("tokenizer.json", "vocab.txt") if (folder / name / n).is_file()), "tokenizer.json"
    )
    place = folder.resolve() if own else _local(name, folder, needs=needs, key="hf_tokenizer_name")
    options = {**text.get("tokenizer_kwargs", {}), "local_files_only": True, "trust_remote_code": False}
    mode = text.get("tokenizer_mode")
    if not any((place / each).is_file() for each in VOCABULARIES):
        raise ConfigError(f"{place}: no vocabulary; expected {' or '.join(VOCABULARIES)}")
    made = HFTokenizer(str(place), context_length=length, tokenizer_mode=mode, **options)
    names = ("token_embedding.weight", "word_embeddings.weight")
    rows = [len(weight) for each, weight in net.named_parameters() if each.endswith(names)]
    if rows:
        check_vocabulary(max(made.tokenizer.get_vocab().values()), max(rows), place)
    tower = [Path(text["hf_model_name"])] if text.get("hf_model_name") else []
    return made, [place, *(each for each in tower if each != place)]
