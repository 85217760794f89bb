"""Small models, made once."""

from tests.model.families import bert, folder_of
from tests.model.trained import base, trained

__all__ = ["base", "bert", "folder_of", "trained"]
