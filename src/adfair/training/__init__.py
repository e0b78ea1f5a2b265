"""Training: ``train`` runs a configuration; ``loop`` shows the step."""

from adfair.training.run import train

__all__ = ["train"]
