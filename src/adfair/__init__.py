"""AdFair-CLIP: train and audit chest X-ray vision-language models that serve every patient group equally well.

The functions below are loaded on first use, so that ``import adfair`` stays light and never imports torch.
"""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_LAZY = {
    "audit": "adfair.auditing",
    "compare": "adfair.auditing",
    "load_cohort": "adfair.data.manifest",
    "balance": "adfair.data.balance",
    "diagnose": "adfair.auditing.diagnosis",
    "synth": "adfair.data.synthetic",
    "prepare": "adfair.workflows.prepare",
    "train": "adfair.training",
    "evaluate": "adfair.workflows.evaluate",
    "transfer": "adfair.workflows.transfer",
    "card": "adfair.workflows.card",
    "erase": "adfair.workflows.posthoc",
    "adapt": "adfair.workflows.posthoc",
    "export": "adfair.workflows.export",
    "report": "adfair.reporting",
    "demo": "adfair.workflows.demo",
    "sweep": "adfair.workflows.sweep",
}

__all__ = ["__version__", *_LAZY]


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(import_module(_LAZY[name]), name)
    raise AttributeError(f"module 'adfair' has no attribute '{name}'")


def __dir__() -> list[str]:
    return sorted(__all__)
