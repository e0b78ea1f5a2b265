"""Synthetic cohorts: phantom chest films, template reports and biases that are known because they were planted."""

from adfair.data.synthetic.build import SPLITS, synth
from adfair.data.synthetic.presets import ATTRIBUTES, FINDINGS, PRESETS, RACES, SEXES, Preset

__all__ = ["ATTRIBUTES", "FINDINGS", "PRESETS", "RACES", "SEXES", "SPLITS", "Preset", "synth"]
