import json
from pathlib import Path

import pytest

from adfair.errors import MissingExtraError
from adfair.models import to_onnx
from adfair.models.dual_encoder import build_model

VIT = {
    "embed_dim": 16,
    "vision_cfg": {"image_size": 32, "layers": 2, "width": 32, "head_width": 16, "patch_size": 8},
    "text_cfg": {
        "context_length": 24,
        "vocab_size": 49408,
        "width": 32,
        "heads": 2,
        "layers": 2,
        "no_causal_mask": True,
    },
}


@pytest.mark.parametrize("config", ["tiny", "vit.json"])
def test_the_towers_as_onnx_agree_and_take_any_number_of_rows(
    tmp_path: Path, config: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("vit.json").write_text(json.dumps(VIT))
    pytest.importorskip("onnxruntime")
    onnx = pytest.importorskip("onnx")
    found = to_onnx.save_onnx(build_model(config, seed=0), tmp_path)
    assert 0 <= found <= 1e-4
    for file, name in ((to_onnx.IMAGE_FILE, "pixels"), (to_onnx.TEXT_FILE, "tokens")):
        graph = onnx.load(str(tmp_path / file))
        onnx.checker.check_model(graph)
        assert graph.opset_import[0].version == to_onnx.OPSET
        assert graph.graph.input[0].name == name
        assert graph.graph.input[0].type.tensor_type.shape.dim[0].dim_param == "rows"


def test_without_the_extra_the_remedy_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(to_onnx, "find_spec", lambda name: None if name == "onnxruntime" else object())
    with pytest.raises(MissingExtraError, match=r"needs onnxruntime: pip install '.\[onnx\]'"):
        to_onnx.require_onnx()
