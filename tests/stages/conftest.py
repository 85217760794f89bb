"""Small models, made once."""

from tests.attribution.minilm import doublings, shallow, small_pilot
from tests.model.trained import base, trained

__all__ = ["base", "doublings", "shallow", "small_pilot", "trained"]
