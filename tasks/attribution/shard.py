"""A shard of a dataset once it has been attributed: what stages exchange in the place of texts and scores."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Shard:
    """The manifests of the two parts of one shard, which hold the same examples."""

    texts: Path
    """Written by ingest: the texts and their labels."""
    scores: Path
    """Written by attribution: predictions, and the scores of every token (see tasks/attribution/part.py)."""
