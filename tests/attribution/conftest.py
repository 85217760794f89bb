"""The demo's encoder, made once."""

from tests.attribution.minilm import minilm, small_pilot

__all__ = ["minilm", "small_pilot"]
