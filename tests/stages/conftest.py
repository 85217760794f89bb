"""Small models, made once."""

from tests.attribution.minilm import shallow, small_pilot
from tests.model.trained import base, trained

__all__ = ["base", "shallow", "small_pilot", "trained"]
