"""Small models of many families, made once."""

from tests.model.families import folder_of

__all__ = ["folder_of"]
