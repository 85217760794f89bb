"""The demo's encoder, made once."""

from tests.attribution.minilm import doublings, minilm, shallow, small_pilot

__all__ = ["doublings", "minilm", "shallow", "small_pilot"]
