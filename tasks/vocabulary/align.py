"""Which tokens a text has in common, cut in two ways."""

from collections import Counter

from tasks.model.tokens import Encoded


def shared_tokens(before: Encoded, after: Encoded) -> tuple[list[int], list[int]]:
    """Positions of the tokens that both have, in order: the same id at the same place of the text."""
    places = {key: i for i, key in enumerate(_keys(before))}
    found = [(places[key], i) for i, key in enumerate(_keys(after)) if key in places]
    return [first for first, _ in found], [second for _, second in found]


def _keys(encoded: Encoded) -> list[tuple[int, tuple[int, int], int]]:
    """Several tokens may have one id and no place: they are counted."""
    seen = Counter[tuple[int, tuple[int, int]]]()
    keys = []
    for number, offsets in zip(encoded.ids, encoded.offsets, strict=True):
        keys.append((number, offsets, seen[number, offsets]))
        seen[number, offsets] += 1
    return keys
