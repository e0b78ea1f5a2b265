"""Adapters of published models, one file each; ``registry.ADAPTERS`` names them."""
