"""GLoRIA's zero-shot classes: the largest similarity to any statement of its grammar.

The published evaluation draws five statements a class at random, adds the similarity of its own local branch, and
standardises each class over the images evaluated together. Here all statements are asked, global embeddings alone are
compared, and nothing is standardised, so that an image's score is its own; choose ``calibrate`` to put the classes on
one scale, which is then learnt from validation images.
"""

from adfair.evaluation.protocols.grammar import question
from adfair.evaluation.protocols.protocol import PromptProtocol

PROTOCOL = PromptProtocol("gloria", "Huang et al., GLoRIA, ICCV 2021", question, pooling="max")
