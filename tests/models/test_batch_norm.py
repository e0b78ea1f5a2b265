import pytest
import torch

from adfair.models import batch_norm
from adfair.models.batch_norm import GlobalBatchNorm2d


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16, torch.float16])
def test_two_processes_with_the_same_rows_have_the_statistics_of_one(
    monkeypatch: pytest.MonkeyPatch, dtype: torch.dtype
) -> None:
    monkeypatch.setattr(batch_norm, "world_size", lambda: 2)
    monkeypatch.setattr(batch_norm, "total", lambda tensor: 2 * tensor)
    # More pixels a channel than half precision can count: 65,504 is its largest number.
    images = (torch.randn(72, 2, 32, 32, generator=torch.Generator().manual_seed(0)) + 3).to(dtype)
    kind = torch.float64 if dtype == torch.float64 else torch.float32
    ours, theirs = GlobalBatchNorm2d(2, dtype=kind), torch.nn.BatchNorm2d(2, dtype=kind)
    theirs(torch.cat([images, images]).to(kind))
    found = ours(images)
    assert found.dtype == dtype
    assert found.isfinite().all()
    torch.testing.assert_close(ours.running_mean, theirs.running_mean, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(ours.running_var, theirs.running_var, rtol=1e-5, atol=1e-6)
