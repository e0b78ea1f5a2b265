"""How much arithmetic a training pair costs, and how much a device could do."""

import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from adfair.models.dual_encoder import DualEncoder

PEAKS: dict[str, dict[str, float]] = {
    "H200": {"half": 989e12, "single": 67e12},
    "H100 PCIe": {"half": 756e12, "single": 51e12},
    "H100": {"half": 989e12, "single": 67e12},
    "A100": {"half": 312e12, "single": 19.5e12},
    "A10": {"half": 125e12, "single": 31.2e12},
    "L40S": {"half": 362e12, "single": 91.6e12},
    "L4": {"half": 121e12, "single": 30.3e12},
    "V100": {"half": 125e12, "single": 15.7e12},
    "T4": {"half": 65e12, "single": 8.1e12},
}
"""Dense peaks in FLOP/s by a part of the device's name, from NVIDIA's data sheets (SXM boards where a name says no more;
V100 and T4 have no bfloat16: theirs is float16). Single precision without TF32, which torch leaves off."""


def peak_flops(device: torch.device, precision: str) -> float | None:
    """Peak of a device in FLOP/s at a ``train.precision``; ``None`` where we do not know it, and for processors."""
    if device.type != "cuda":
        return None
    return known_peak(torch.cuda.get_device_name(device), precision)


def known_peak(name: str, precision: str) -> float | None:
    """Peak by the name that a GPU gives itself."""
    words = name.replace("-", " ").split()
    for part, peaks in PEAKS.items():
        if all(word in words for word in part.split()):
            return peaks["single" if precision == "32-true" else "half"]
    return None


def pair_flops(model: DualEncoder) -> int:
    """Floating-point operations of one image and report through the towers, forwards and backwards.

    Products and convolutions are counted, a multiplication and an addition as two; recomputation (caching,
    checkpointed activations) is not, as it is no progress. Source of the definition: Chowdhery et al. 2022, "PaLM",
    appendix B. The towers must be on one device; they are left as they were.
    """
    net = model.net
    modes = {module: module.training for module in net.modules()}
    image = torch.zeros((1, model.image_size, model.image_size), dtype=torch.uint8)
    inputs = (x.to(next(net.parameters()).device) for x in (model.prepare(image), model.tokenize([""])))
    net.eval()  # batch norm would count this image
    # Not every fused attention is counted; written out, it is.
    with (
        torch.random.fork_rng(devices=[]),
        sdpa_kernel(SDPBackend.MATH),
        FlopCounterMode(display=False) as counter,
    ):
        image_emb, text_emb = net(*inputs)[:2]
        (image_emb.sum() + text_emb.sum()).backward()
    for module, mode in modes.items():
        module.training = mode
    net.zero_grad(set_to_none=True)
    return counter.get_total_flops()
