"""Small models, made once."""

from tests.attribution.minilm import minilm, small_pilot
from tests.model.trained import base, trained

__all__ = ["base", "minilm", "small_pilot", "trained"]
