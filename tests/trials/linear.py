"""A model that adds up its words, texts for it, and parts of placebo trials and of trials."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from configs.schema import VerificationConfig
from tasks.model.spec import ModelSpec
from tasks.runtime.parts import Shard, part_file, write_part
from tasks.trials.placebos import try_placebos
from tasks.trials.reader import Reader
from tasks.trials.runner import try_group

STAND_INS = {f"s{i}": i / 8 for i in range(12)}
"""Placebo words of the type name; a name is as good as its weight."""

WEIGHTS = {"kane": 2.0, "dull": -1.0, "not": 0.5, **STAND_INS}


def margin_of(text):
    """Log-odds of the second label: the sum of the words' weights, less one half."""
    return sum(WEIGHTS.get(word.lower(), 0.0) for word in text.split()) - 0.5


class Linear(Reader):
    """Stands for the model: no forward pass is made."""

    def __init__(self, model, dtype, rows):
        self.model, self.rows, self.num_passes = model, rows, 0

    def logits(self, texts):
        self.num_passes += len(texts)
        return np.array([[0.0, margin_of(text.text)] for text in texts])

    def margins(self, logits_NK, labels):
        return [float(logits_K[label] - logits_K[1 - label]) for logits_K, label in zip(logits_NK, labels, strict=True)]


def spans_in(text, *words):
    """Where the words stand, as the plan has it."""
    places = [(text.lower().index(word), word) for word in words]
    return [{"span_start": start, "span_end": start + len(word)} for start, word in sorted(places)]


class LinearWorld:
    """Forty texts, half of them with Kane and another name, two placebo types, and the plan of some candidates."""

    def __init__(self, folder):
        self.folder = folder
        self.texts = [
            f"this is Kane beside s{i % 12} and a dull not film number {i}" if i % 2 else f"it is a very plain film {i}"
            for i in range(40)
        ]
        rows = [{"example_id": i, "text": text, "label_id": i % 2} for i, text in enumerate(self.texts)]
        table = pa.Table.from_pylist(rows).append_column("pair_start", pa.nulls(40, pa.int32()))
        write_part(folder / "shard.json", {"examples": table}, {})
        logits = pa.array([[0.0, margin_of(text)] for text in self.texts], pa.list_(pa.float32()))
        scores = pa.table({"example_id": range(40), "logits": logits})
        write_part(folder / "scores.json", {"examples": scores}, {})
        self.shards = [Shard(folder / "shard.json", folder / "scores.json")]
        self.model = ModelSpec(folder, 64, "m", ("a", "b"))
        self.others = [{"example_id": i, "read_share": 1.0} for i in range(0, 40, 2)]
        self.types = [
            {"type": "content word", "stand_ins": [f"thing{i}" for i in range(12)], "others": self.others, "held": []},
            {
                "type": "name", "stand_ins": list(STAND_INS), "others": self.others,
                "held": [
                    {"example_id": i, "spans": spans_in(self.texts[i], "kane", f"s{i % 12}"), "control_spans": spans_in(self.texts[i], "dull", "film")}
                    for i in range(1, 40, 2)
                ],
            },
        ]  # fmt: skip

    def candidate(self, word, **changed):
        """A row of the plan: a name, tried within its type, unless it is changed."""
        held = [
            {"example_id": i, "spans": spans_in(text, word)}
            for i, text in enumerate(self.texts)
            if word in text.lower()
        ]
        return {
            "kind": "word", "label": "b", "word": word, "type": "name", "within_type": True, "is_judged": True, "placebo_type": "name",
            "held": held, "others": self.others, "replacements": list(STAND_INS), "inserts": [word.title()], **changed,
        }  # fmt: skip

    def tried_placebos(self, types=None, name="placebos", **options):
        """The facts and the tables of the part of the placebos."""
        part = self.folder / f"{name}.json"
        facts = try_placebos(
            self.types if types is None else types, self.shards, self.model, "float32", VerificationConfig(), part, **options
        )  # fmt: skip
        if options.get("dry"):
            return facts, None, None
        return facts, *(pq.read_table(part_file(part, table)).to_pylist() for table in ("placebos", "type_trials"))

    def written_placebos(self, margins):
        """A part of placebo trials by hand: for each text, the margins of its placebo words."""
        rows = [
            {"type": "name", "example_id": i, "replacement": f"p{k}", "label": "b", "margin": float(margin), "predicted": 0}
            for i, own in margins.items()
            for k, margin in enumerate(own)
        ]  # fmt: skip
        table = pa.Table.from_pylist(rows)
        write_part(self.folder / "placebos.json", {"placebos": table}, {"key": str(sorted(margins.items()))})

    def tried(self, group, name="part", options=None, **settings):
        """The part of a group of candidates, and its trials."""
        if not (self.folder / "placebos.json").exists():
            self.tried_placebos()
        part = self.folder / f"{name}.json"
        verification = VerificationConfig(**settings)
        placebos = self.folder / "placebos.json"
        try_group(group, self.shards, self.model, "float32", verification, placebos, part, **(options or {}))
        return part, pq.read_table(part_file(part, "trials")).to_pylist()
