"""Small checkpoints, made once."""

from tests.vocabulary.families import checkpoint

__all__ = ["checkpoint"]
