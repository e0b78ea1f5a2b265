"""The dual encoder: open_clip towers from a JSON configuration, built, saved and reloaded without a network."""

import hashlib
import json
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

import open_clip
import torch
from open_clip.tokenizer import HFTokenizer
from safetensors.torch import save_file
from torch import Tensor, nn

from adfair.errors import ConfigError
from adfair.models.encoder import Square
from adfair.models.layers import Layer, read_layer
from adfair.models.pixels import as_channels, normalise
from adfair.models.posthoc import PostHoc, load_posthoc

CONFIG_FILE, WEIGHTS_FILE = "open_clip_config.json", "open_clip_model.safetensors"
# Our choice: grey films fill [0, 1] evenly, so one mean and spread serve all three (equal) channels.
MEAN, STD = (0.5, 0.5, 0.5), (0.25, 0.25, 0.25)


@dataclass(frozen=True)
class DualEncoder:
    """Towers with what is needed to feed them.

    Attributes:
        net: open_clip's ``CLIP`` or ``CustomTextCLIP``; ``net(images, tokens)`` returns
            ``image_emb [B, D]``, ``text_emb [B, D]`` (unit norm) and ``logit_scale`` (a positive scalar).
        tokenize: texts -> int64 tokens [B, L].
        config: the open_clip model configuration it was built from.
        mean, std: channel statistics that images in [0, 1] are normalised by.
        image_size: pixels a side.
        fit: what it was shown of an image that is not square: its middle (``crop``) or all of it on black (``pad``).
        posthoc: a correction that embeddings of images pass through (``evaluation.embed`` applies it; ``net``
            alone does not), or ``None``.
        square: how an image is made square; ``None`` as cohorts are read for training.
        name, protocol, fingerprint, classes: see ``models.encoder.Encoder``, which this is.
    """

    net: nn.Module
    tokenize: Callable[[Sequence[str]], Tensor]
    config: dict[str, Any]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    image_size: int
    posthoc: PostHoc | None = None
    fit: Literal["crop", "pad"] = "crop"
    square: Square | None = None
    name: str = "adfair"
    protocol: str = "ours"
    fingerprint: str = ""
    classes: tuple[str, ...] = ()

    @property
    def logit_scale(self) -> float:
        """1 / temperature."""
        return self.net.logit_scale.exp().item()  # type: ignore[operator]

    def prepare(self, images: Tensor) -> Tensor:
        """Grey uint8 [B, S, S] on any device -> normalised float32 [B, 3, S, S], channels last."""
        grey = images.to(torch.float32).div_(255.0)
        if len(set(self.mean)) == len(set(self.std)) == 1:
            return as_channels(grey.sub_(self.mean[0]).div_(self.std[0]))
        return normalise(as_channels(grey), self.mean, self.std)

    def encode_image(self, pixels: Tensor, *, layer: Layer = "embedding") -> Tensor:
        """Unit-norm embeddings [B, D] of prepared images, or the layer before the last projection."""
        return read_layer(self.net, pixels, layer)

    def encode_text(self, texts: Sequence[str]) -> Tensor:
        """Unit-norm embeddings [N, D] of texts."""
        tokens = self.tokenize(list(texts)).to(next(self.net.parameters()).device)
        return self.net.encode_text(tokens, normalize=True)  # type: ignore[operator]

    def class_scores(self, pixels: Tensor) -> Tensor:
        """A dual encoder scores nothing without texts."""
        raise ConfigError("a dual encoder has no classes of its own; ask it zero-shot")

    def lookup(self, image_ids: Sequence[str]) -> None:
        """Nothing is known of an image before it is run."""


def our_configs() -> list[str]:
    """Names of the configurations shipped with the package."""
    return sorted(p.name.removesuffix(".json") for p in (files("adfair.models") / "configs").iterdir())


def model_config(name: str) -> dict[str, Any]:
    """The open_clip model configuration of one of our names, a JSON file, or an open_clip name.

    Raises:
        ConfigError: nothing of that name, or a file that is not an open_clip configuration.
    """
    if name in our_configs():
        return json.loads((files("adfair.models") / "configs" / f"{name}.json").read_text())
    if name.endswith(".json"):
        return _read_json(Path(name))
    found = open_clip.get_model_config(name)
    if found is None:
        raise ConfigError(
            f"model.config '{name}': not one of ours ({', '.join(our_configs())}), not a .json file, "
            "and not a name in open_clip.list_models()"
        )
    return found


def _read_json(path: Path) -> dict[str, Any]:
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, json.JSONDecodeError) as error:
        raise ConfigError(f"model.config {path}: cannot be read as JSON ({type(error).__name__})") from None
    config = config.get("model_cfg", config)
    missing = [key for key in ("embed_dim", "vision_cfg", "text_cfg") if key not in config]
    if missing:
        raise ConfigError(
            f"model.config {path}: no {', '.join(missing)}; expected an open_clip configuration"
        )
    return config


def build_net(config: dict[str, Any]) -> nn.Module:
    """open_clip's network of a configuration, with random weights."""
    # open_clip warns that weights are random: here that is the intention.
    logging.getLogger("root").setLevel(logging.ERROR)
    settings = {k: v for k, v in config.items() if k != "custom_text"}
    custom = config.get("custom_text") or "hf_model_name" in config["text_cfg"]
    build = open_clip.CustomTextCLIP if custom else open_clip.CLIP
    return build(**settings)


def _tokenizer(config: dict[str, Any]) -> Callable[[Sequence[str]], Tensor]:
    text = config["text_cfg"]
    length = text.get("context_length", 77)
    if "hf_tokenizer_name" in text or "hf_model_name" in text:
        return HFTokenizer(text.get("hf_tokenizer_name", text.get("hf_model_name")), context_length=length)
    return open_clip.SimpleTokenizer(context_length=length)


def _token_embedding(net: nn.Module, config_name: str) -> nn.Parameter:
    for name, parameter in net.named_parameters():
        if name.endswith("token_embedding.weight"):
            return parameter
    raise ConfigError(f"model.config {config_name}: 'token_std' needs open_clip's own text tower; remove it")


def build_model(
    name: str,
    *,
    seed: int,
    image_size: int | None = None,
    fit: Literal["crop", "pad"] = "crop",
    start: Mapping[str, float] | None = None,
) -> DualEncoder:
    """Build towers with random weights; the weights depend on ``seed`` alone, not on the global generator.

    A configuration's ``token_std`` is the spread of the initial token embeddings (our choice for ``tiny``:
    with open_clip's .02, made for deep towers, what a report says hardly moves its embedding at first).

    Args:
        name: see ``model_config``.
        image_size: replaces the configuration's, for towers that allow any size. fit: see ``DualEncoder``.
        start: ``init_logit_scale`` and ``init_logit_bias`` for a configuration that names no bias (SigLIP's).
    """
    config = json.loads(json.dumps(model_config(name)))
    token_std = config.pop("token_std", None)  # ours, of the start only: open_clip refuses a key it lacks
    if image_size is not None:
        config["vision_cfg"]["image_size"] = image_size
    if start is not None and "init_logit_bias" not in config:
        config.update(start)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        net = build_net(config)
        if token_std is not None:
            nn.init.normal_(_token_embedding(net, name), std=token_std)
    net.to(memory_format=torch.channels_last)
    size = config["vision_cfg"].get("image_size", 224)
    return DualEncoder(net, _tokenizer(config), config, MEAN, STD, size, fit=fit)


def load_weights(model: DualEncoder, folder: Path | str) -> None:
    """Start ``model`` from the weights of a run's ``model/`` with the same architecture.

    Raises:
        ConfigError: another architecture; names the first parameter that differs.
    """
    theirs, ours = load_model(folder).net.state_dict(), model.net.state_dict()
    for name in ours.keys() | theirs.keys():
        if name not in ours or name not in theirs or ours[name].shape != theirs[name].shape:
            raise ConfigError(f"model.pretrained {folder}: '{name}' does not fit the configured towers")
    model.net.load_state_dict(theirs)


def freeze_tower(model: DualEncoder, tower: str) -> None:
    """Take ``image_tower`` or ``text_tower`` out of training (its weights; see also ``training_mode``)."""
    visual = {id(p) for p in model.net.visual.parameters()}  # type: ignore[union-attr]
    for name, parameter in model.net.named_parameters():
        if (id(parameter) in visual) == (tower == "image_tower") and not name.startswith("logit_"):
            parameter.requires_grad_(False)


def training_mode(model: DualEncoder, *, frozen: Sequence[str]) -> None:
    """Switch to training; a frozen image tower keeps its running statistics."""
    model.net.train()
    if "image_tower" in frozen:
        model.net.visual.eval()  # type: ignore[union-attr]


def save_model(model: DualEncoder, folder: Path, weights: Mapping[str, Tensor] | None = None) -> Path:
    """Write ``folder`` in open_clip's layout, loadable with ``local-dir:`` by open_clip alone.

    Args:
        weights: the towers', where their own ``state_dict`` is in shards.
    """
    folder.mkdir(parents=True, exist_ok=True)
    preprocess = {
        "size": [model.image_size] * 2,
        "mode": "RGB",
        "mean": list(model.mean),
        "std": list(model.std),
        "interpolation": "bicubic",
        "resize_mode": "longest" if model.fit == "pad" else "shortest",
        "fill_color": 0,
    }
    layout = {"model_cfg": model.config, "preprocess_cfg": preprocess}
    (folder / CONFIG_FILE).write_text(json.dumps(layout, indent=2) + "\n")
    state = model.net.state_dict() if weights is None else weights
    save_file({key: value.contiguous().cpu() for key, value in state.items()}, folder / WEIGHTS_FILE)
    return folder


def weights_hash(folder: Path | str) -> str:
    """SHA-256 of a model folder's weights: which model this is, whatever its folder is called."""
    return hashlib.sha256((Path(folder) / WEIGHTS_FILE).read_bytes()).hexdigest()


def load_model(folder: Path | str) -> DualEncoder:
    """Load a run's ``model/`` (or any open_clip folder with safetensors), with its post hoc correction if it has one.

    Raises:
        ConfigError: not such a folder, or its correction cannot be read.
    """
    folder = Path(folder)
    if not (folder / CONFIG_FILE).is_file():
        raise ConfigError(f"{folder}: no {CONFIG_FILE}; expected a run folder or an open_clip model folder")
    if not (folder / WEIGHTS_FILE).is_file():  # open_clip would look for a pickle
        raise ConfigError(f"{folder}: no {WEIGHTS_FILE}; folders of others are read as open_clip:{folder}")
    layout = json.loads((folder / CONFIG_FILE).read_text())
    net = open_clip.create_model(f"local-dir:{folder.resolve()}", pretrained_hf=False)
    config, look = layout["model_cfg"], layout.get("preprocess_cfg", {})
    net.to(memory_format=torch.channels_last).eval()
    size = config["vision_cfg"].get("image_size", 224)
    mean, std = tuple(look.get("mean", MEAN)), tuple(look.get("std", STD))
    fit: Literal["crop", "pad"] = "pad" if look.get("resize_mode") == "longest" else "crop"
    return DualEncoder(net, _tokenizer(config), config, mean, std, size, load_posthoc(folder), fit)
