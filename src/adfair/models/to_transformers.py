"""open_clip towers as a folder that ``transformers.CLIPModel.from_pretrained`` loads, where the two agree.

transformers' CLIP is the original one: two plain transformers, a causal text mask, the text read at its end token.
Whatever differs from that is refused by name, since a converted model that computes something else is worse than none.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import open_clip
import torch
from torch import Tensor

from adfair.errors import ConfigError
from adfair.models.dual_encoder import DualEncoder
from adfair.models.pixels import BICUBIC, BILINEAR

PLAIN = {
    "vision_cfg": {"head_width", "image_size", "layers", "mlp_ratio", "patch_size", "width", "patch_dropout"},
    "text_cfg": {"context_length", "heads", "layers", "mlp_ratio", "vocab_size", "width"},
}
"""Keys that both know. Any other one, unless it has a value that changes nothing, is a difference."""
IDLE: tuple[object, ...] = (None, False, "learnable", "tok", "argmax", "linear")


def require_convertible(model: DualEncoder) -> None:
    """Refuse what transformers' ``CLIPModel`` cannot be.

    Raises:
        ConfigError: names the key of the open_clip configuration that stands in the way.
    """
    vision = model.config["vision_cfg"]
    reasons = []
    if vision.get("timm_model_name"):
        reasons.append(f"the image tower is timm's {vision['timm_model_name']}, not a vision transformer")
    elif isinstance(vision.get("layers"), list):
        reasons.append("the image tower is a ResNet, not a vision transformer")
    if model.config["text_cfg"].get("no_causal_mask"):
        reasons.append("the text tower has no causal mask (text_cfg.no_causal_mask)")
    if not reasons:
        reasons = [
            f"{section}.{key} is {value!r}"
            for section, known in PLAIN.items()
            for key, value in model.config[section].items()
            if key not in known and value not in IDLE
        ]
    if "init_logit_bias" in model.config:
        reasons.append("it has a logit bias (SigLIP)")
    if reasons:
        raise ConfigError(
            f"--format transformers: CLIPModel cannot hold this model: {'; '.join(reasons)}. Use --format onnx."
        )


def clip_config(model: DualEncoder) -> Any:
    """The ``transformers.CLIPConfig`` of a convertible model."""
    from transformers import CLIPConfig

    vision, text, width = model.config["vision_cfg"], model.config["text_cfg"], model.config["embed_dim"]
    shared = {
        "hidden_act": "quick_gelu" if model.config.get("quick_gelu") else "gelu",
        "projection_dim": width,
    }
    vision_width, text_width = vision.get("width", 768), text.get("width", 512)
    return CLIPConfig(
        projection_dim=width,
        vision_config=shared
        | {
            "hidden_size": vision_width,
            "intermediate_size": int(vision_width * vision.get("mlp_ratio", 4.0)),
            "num_hidden_layers": vision.get("layers", 12),
            "num_attention_heads": vision_width // vision.get("head_width", 64),
            "image_size": vision.get("image_size", 224),
            "patch_size": vision.get("patch_size", 16),
        },
        text_config=shared
        | {
            "hidden_size": text_width,
            "intermediate_size": int(text_width * text.get("mlp_ratio", 4.0)),
            "num_hidden_layers": text.get("layers", 12),
            "num_attention_heads": text.get("heads", 8),
            "max_position_embeddings": text.get("context_length", 77),
            "vocab_size": text.get("vocab_size", 49408),
        },
    )


def _blocks(weights: dict[str, Tensor], ours: str, theirs: str) -> dict[str, Tensor]:
    """The transformer below ``ours``: open_clip stacks query, key and value, transformers has one layer each."""
    names = {
        "ln_1": "layer_norm1",
        "ln_2": "layer_norm2",
        "attn.out_proj": "self_attn.out_proj",
        "mlp.c_fc": "mlp.fc1",
        "mlp.c_proj": "mlp.fc2",
    }
    out = {}
    for key, value in weights.items():
        if not key.startswith(f"{ours}transformer.resblocks."):
            continue
        number, _, rest = key.removeprefix(f"{ours}transformer.resblocks.").partition(".")
        head = f"{theirs}.encoder.layers.{number}"
        module, _, kind = rest.rpartition(".")
        if module in names:
            out[f"{head}.{names[module]}.{kind}"] = value
        else:
            assert rest in ("attn.in_proj_weight", "attn.in_proj_bias"), rest
            for name, part in zip("qkv", value.chunk(3), strict=True):
                out[f"{head}.self_attn.{name}_proj.{rest.rpartition('_')[2]}"] = part
    return out


def clip_weights(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """An open_clip ``CLIP`` state dict under transformers' names. Projections are matrices there, layers here."""
    # CustomTextCLIP keeps its text tower below 'text.'.
    text = "text." if "text.ln_final.weight" in weights else ""
    named = {
        "logit_scale": weights["logit_scale"],
        "visual_projection.weight": weights["visual.proj"].T,
        "text_projection.weight": weights[f"{text}text_projection"].T,
        "vision_model.embeddings.class_embedding": weights["visual.class_embedding"],
        "vision_model.embeddings.position_embedding.weight": weights["visual.positional_embedding"],
        "vision_model.embeddings.patch_embedding.weight": weights["visual.conv1.weight"],
        "text_model.embeddings.token_embedding.weight": weights[f"{text}token_embedding.weight"],
        "text_model.embeddings.position_embedding.weight": weights[f"{text}positional_embedding"],
    }
    for kind in ("weight", "bias"):
        named[f"vision_model.pre_layrnorm.{kind}"] = weights[f"visual.ln_pre.{kind}"]
        named[f"vision_model.post_layernorm.{kind}"] = weights[f"visual.ln_post.{kind}"]
        named[f"text_model.final_layer_norm.{kind}"] = weights[f"{text}ln_final.{kind}"]
    named |= _blocks(weights, "visual.", "vision_model") | _blocks(weights, text, "text_model")
    return {key: value.contiguous().clone() for key, value in named.items()}


def save_transformers(
    model: DualEncoder, folder: Path, look: Mapping[str, Any] = MappingProxyType({})
) -> float:
    """Write model, tokeniser and image processor into ``folder``; returns the largest difference of an embedding.

    Args:
        look: the model's ``preprocess_cfg``, open_clip's defaults where it is silent.

    The tokeniser pads with the end token where open_clip pads with 0: behind the end token nothing is looked at.

    Raises:
        ConfigError: see ``require_convertible``; images were padded to a square.
    """
    from transformers import CLIPImageProcessor, CLIPModel

    require_convertible(model)
    geometry = _geometry(model, look)
    net = CLIPModel(clip_config(model)).eval()
    net.load_state_dict(clip_weights(dict(model.net.state_dict())), strict=True)
    net.save_pretrained(folder)
    CLIPImageProcessor(**geometry, image_mean=list(model.mean), image_std=list(model.std)).save_pretrained(
        folder
    )
    _save_tokenizer(folder, length=model.config["text_cfg"].get("context_length", 77))
    return largest_difference(model, CLIPModel.from_pretrained(folder).eval())


def _geometry(model: DualEncoder, look: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments of ``CLIPImageProcessor`` that make an image square as the model's own preprocessing does."""
    side = {"height": model.image_size, "width": model.image_size}
    filter_ = {"resample": int(BILINEAR if look.get("interpolation") == "bilinear" else BICUBIC)}
    mode = look.get("resize_mode") or "shortest"
    if mode == "longest":
        raise ConfigError(
            "the model was shown whole images on black (data.fit: pad), which transformers' CLIPImageProcessor cannot do; "
            "use --format onnx"
        )
    if mode == "squash":
        return {"size": side, "crop_size": side, "do_center_crop": False, **filter_}
    return {"size": {"shortest_edge": model.image_size}, "crop_size": side, **filter_}


def _save_tokenizer(folder: Path, *, length: int) -> None:
    """open_clip's byte pairs as the files that every version of ``CLIPTokenizer`` reads."""
    words = open_clip.SimpleTokenizer()
    merges = [" ".join(pair) for pair, _ in sorted(words.bpe_ranks.items(), key=lambda item: item[1])]
    about = {
        "tokenizer_class": "CLIPTokenizer",
        "bos_token": "<|startoftext|>",
        "eos_token": "<|endoftext|>",
        "pad_token": "<|endoftext|>",
        "unk_token": "<|endoftext|>",
        "model_max_length": length,
    }
    # The same two numbers under the names that transformers gives them: open_clip has called them both ways.
    numbers = {word: number for word, number in words.encoder.items() if number not in words.all_special_ids}
    numbers |= {about["bos_token"]: words.sot_token_id, about["eos_token"]: words.eot_token_id}
    (folder / "vocab.json").write_text(json.dumps(numbers), encoding="utf-8")
    (folder / "merges.txt").write_text("\n".join(["#version: 0.2", *merges]) + "\n", encoding="utf-8")
    (folder / "tokenizer_config.json").write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")


def sample_inputs(model: DualEncoder, *, rows: int = 3) -> tuple[Tensor, Tensor]:
    """Images [rows, 3, S, S] of noise, as the towers take them, and tokens [rows, L] of short texts."""
    shape, generator = (rows, model.image_size, model.image_size), torch.Generator().manual_seed(0)
    noise = torch.randint(0, 256, shape, dtype=torch.uint8, generator=generator)
    texts = ["No acute finding.", "Small right pleural effusion; the heart is enlarged.", "Edema."]
    return model.prepare(noise), model.tokenize([texts[i % len(texts)] for i in range(rows)])


@torch.inference_mode()
def largest_difference(model: DualEncoder, theirs: Any) -> float:
    """Between unit-norm embeddings of the two models, over images of noise and a few texts."""
    images, tokens = sample_inputs(model)
    model.net.eval()
    net: Any = model.net
    pairs = (
        (net.encode_image(images, normalize=True), theirs.get_image_features(pixel_values=images)),
        (net.encode_text(tokens, normalize=True), theirs.get_text_features(input_ids=tokens)),
    )
    found = 0.0
    for ours, other in pairs:
        # Older versions return the embedding, newer ones an output that holds it.
        emb = other if isinstance(other, Tensor) else other.pooler_output
        found = max(found, (ours - torch.nn.functional.normalize(emb, dim=-1)).abs().max().item())
    return found
