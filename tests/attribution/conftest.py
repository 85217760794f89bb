"""The demo's encoder, made once."""

from tests.attribution.minilm import minilm, shallow, small_pilot

__all__ = ["minilm", "shallow", "small_pilot"]
