"""MedCLIP's zero-shot classes: the mean similarity to the statements of GLoRIA's grammar.

The published evaluation draws ten statements a class at random; here all are asked.
"""

from adfair.evaluation.protocols.grammar import question
from adfair.evaluation.protocols.protocol import PromptProtocol

PROTOCOL = PromptProtocol("medclip", "Wang et al., MedCLIP, EMNLP 2022", question, pooling="mean")
