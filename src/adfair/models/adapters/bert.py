"""BERT text towers whose shape is read from their weights, with the vocabulary that lies beside them.

A checkpoint does not hold its vocabulary. Put ``vocab.txt`` of the language model that it was trained with (and its
``config.json``, where it is not BERT's base shape) into a folder ``bert/`` beside the checkpoint, or right beside it.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from adfair.errors import ConfigError
from adfair.models.adapters.towers import count, shape
from adfair.models.safe_zip import check_file

VOCABULARIES = ("tokenizer.json", "vocab.txt", "vocab.json", "tokenizer.model", "spiece.model")
"""Files of which a tokenizer needs one; transformers makes an empty tokenizer where there is none."""
POOLER = ("*.pooler.dense.*", "*.position_ids")
"""Weights that a BERT may hold and no adapter uses."""


def text_folder(path: Path) -> Path:
    """``bert/`` beside a checkpoint, or the checkpoint's own folder. Raises ConfigError without a vocabulary."""
    home = path if path.is_dir() else path.parent
    for folder in (home / "bert", home):
        if (folder / "vocab.txt").is_file() or (folder / "tokenizer.json").is_file():
            return folder
    raise ConfigError(
        f"{home}: no vocabulary. Put vocab.txt of the model's language model (see 'adfair models') into {home / 'bert'}"
    )


def text_files(folder: Path) -> list[Path]:
    """What a folder says about texts and the shape of their tower, for the model's fingerprint."""
    names = (*VOCABULARIES, "merges.txt", "tokenizer_config.json", "special_tokens_map.json", "config.json")
    return [folder / name for name in names if (folder / name).is_file()]


def check_vocabulary(largest: int, rows: int, place: Path) -> None:
    """Refuse a tokenizer that names more tokens than the weights have rows. Raises ConfigError."""
    if largest >= rows:
        raise ConfigError(
            f"{place}: its vocabulary goes up to token {largest}, and the weights embed {rows} tokens: it is that of "
            "another model"
        )


def settings(file: Path) -> dict[str, Any]:
    """A JSON file's object; empty where there is no such file. Raises ConfigError where it is no JSON object."""
    if not file.exists():
        return {}
    check_file(file)
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, RecursionError, json.JSONDecodeError):
        found = None
    if not isinstance(found, dict):
        raise ConfigError(f"{file}: not a JSON object")
    return found


def wordpiece(folder: Path, *, max_length: int) -> Callable[[Sequence[str]], list[list[int]]]:
    """Texts -> token ids with [CLS] and [SEP], cut to ``max_length``, not padded.

    Lower case unless ``tokenizer_config.json`` says otherwise, which is what transformers does where that file is
    missing: the authors' models were trained so although ClinicalBERT's vocabulary has capitals.
    """
    made = _wordpieces(folder)
    made.enable_truncation(max_length)
    made.no_padding()
    return lambda texts: [each.ids for each in made.encode_batch(list(texts))]


def _wordpieces(folder: Path) -> Any:
    from tokenizers import BertWordPieceTokenizer, Tokenizer

    file = folder / "vocab.txt"
    check_file(file if file.is_file() else folder / "tokenizer.json")
    if file.is_file():
        lower = settings(folder / "tokenizer_config.json").get("do_lower_case", True)
        return BertWordPieceTokenizer(str(file), lowercase=bool(lower))
    return Tokenizer.from_file(str(folder / "tokenizer.json"))


def bert(tensors: Mapping[str, Tensor], folder: Path) -> nn.Module:
    """A BERT of transformers without its pooler, of the shape of its weights; heads of 64 unless config.json says."""
    from transformers import BertConfig, BertModel

    told = settings(folder / "config.json")
    vocabulary, width = shape(tensors, "embeddings.word_embeddings.weight")
    check_vocabulary(max(_wordpieces(folder).get_vocab().values()), vocabulary, folder)
    keys = ("hidden_act", "layer_norm_eps", "pad_token_id")
    config = BertConfig(
        vocab_size=vocabulary,
        hidden_size=width,
        num_hidden_layers=count(tensors, r"encoder\.layer\.(\d+)\."),
        num_attention_heads=int(told.get("num_attention_heads") or max(1, width // 64)),
        intermediate_size=shape(tensors, "encoder.layer.0.intermediate.dense.weight")[0],
        max_position_embeddings=shape(tensors, "embeddings.position_embeddings.weight")[0],
        type_vocab_size=shape(tensors, "embeddings.token_type_embeddings.weight")[0],
        **{key: told[key] for key in keys if key in told},
    )
    if width % config.num_attention_heads:
        raise ConfigError(f"{folder / 'config.json'}: num_attention_heads does not divide the width {width}")
    return BertModel(config, add_pooling_layer=False)


def each_length(tokens: list[list[int]], device: torch.device) -> Iterator[tuple[list[int], Tensor]]:
    """Texts of the same length together: their places and ids [n, L], so that none is padded.

    Where a model averages over padding too, a text's embedding would depend on the texts beside it.
    """
    for length in sorted({len(ids) for ids in tokens}):
        places = [i for i, ids in enumerate(tokens) if len(ids) == length]
        yield places, torch.tensor([tokens[i] for i in places], device=device)


def pooled(
    net: nn.Module,
    tokens: list[list[int]],
    pool: Callable[[tuple[Tensor, ...]], Tensor],
) -> Tensor:
    """[N, C]: ``pool`` makes one vector a text of the hidden states [n, L, C] of every layer, embeddings first."""
    device, found = next(net.parameters()).device, []
    order: list[int] = []
    for places, ids in each_length(tokens, device):
        hidden = net(
            input_ids=ids, attention_mask=torch.ones_like(ids), output_hidden_states=True
        ).hidden_states
        found.append(pool(hidden))
        order += places
    return torch.cat(found)[torch.tensor(order, device=device).argsort()]
