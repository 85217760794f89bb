"""Stage: write a copy of the dataset with planted words, of which it is known whether they decide the label.

The protocol is that of Bastings et al. 2022: words that the corpus does not hold are inserted into texts, and then the
label is set by the rule, whatever the text says. Rows are drawn without regard to their meaning, so half of a
shortcut's texts contradict it, and only the planted words explain their label. (If rows were chosen by their label, the
text would be a second explanation, and no score could be called wrong.)

Writes, in `<output>/<name>-certificate_<hash>/`, the part `planted` with two tables. `rows`:
`id`, `text`, `label` (the model's name), `part` (`train`, `audit`: the rows of the config; `probe`:
held-out texts that all hold a shortcut and obey it), `shortcut`, `strength`, `planted` (its words,
lower case). `words`: what was planted, one row per word: `role` (`shortcut`, `context`, `control`,
`decoy`, `member` of a group), `shortcut`, `strength`, `word`, `label` that it was tied to, of a decoy `decoy_type`
and `listed` (whether a list of the product holds it), and `group_type`. A group of words that is one shortcut (numbers
of a shape, a line) has a row of its own, whose `group_type` is the type that an audit should report.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from configs.schema import AuditConfig, DataConfig
from configs.section import digest
from tasks.data.rows import Row
from tasks.data.sources import dataset_fingerprint
from tasks.data.split import audited_and_trained
from tasks.model.load import load_classifier
from tasks.model.spec import ModelSpec
from tasks.model.tokens import token_counts
from tasks.runtime.code import code_of
from tasks.runtime.parts import read_manifest, write_part
from tasks.runtime.progress import progress
from tasks.runtime.stage import stage
from tasks.selftest.certificate import Planted
from tasks.selftest.decoys import type_numbers, typed_decoys
from tasks.selftest.plants import (
    NUM_NAMES,
    NUM_NUMBERS,
    NUM_PROBES,
    Plant,
    PlantedRow,
    make_plants,
    num_unseen_tokens,
    plant_rows,
    probes,
)
from tasks.selftest.words import (
    NUM_SURNAMES,
    identity_terms,
    surnames,
    typical_words,
    unseen_names,
    unseen_tokens,
    words_of,
)
from tasks.text.language import MAX_TEXTS, languages_of
from warehouse import folded


@stage("plant", hours=1)
def plant_dataset(config: AuditConfig, model: ModelSpec) -> Planted:
    """Write the planted copy, unless it exists. `model` is the classifier of the clean data; the planted words are from
    its vocabulary.

    Raises:
        DataError: the dataset cannot be read, or it or the unused vocabulary is too small to plant everything.
    """
    finetune, certification = config.finetune, config.certification
    assert finetune is not None, "the flow asked for it"
    used = certification.model_dump(mode="json")
    data = config.data.model_dump(mode="json", exclude={"path", "max_rejected"})
    code = code_of("tasks.plant", "tasks.text", "tasks.data", "tasks.model", "tasks.selftest")
    key = digest(
        code, dataset_fingerprint(config.data), data, finetune.model_dump(mode="json"), model.fingerprint, used
    )
    manifest = config.output.absolute() / f"{config.name}-certificate_{key[:12]}" / "planted.json"
    planted = Planted(manifest, model.labels)
    if read_manifest(manifest) is None:
        audited, train = audited_and_trained(config, model.labels)
        heldout = list({row.text: row for row in reversed(audited)}.values())[::-1]
        with progress("plant", len(train) + len(heldout), "rows") as advance:
            _plant(config, model, train, heldout, manifest)
            advance(len(train) + len(heldout))
    return planted


def _plant(config: AuditConfig, model: ModelSpec, train: list[Row], heldout: list[Row], manifest: Path) -> None:
    certification, finetune = config.certification, config.finetune
    assert finetune is not None, "the flow asked for it"
    tokenizer = load_classifier(model).tokenizer
    seed = certification.seed
    seen = {word for row in (*train, *heldout) for word in words_of(row.text)}
    names = surnames()

    def num_tokens(words: Sequence[str]) -> list[int]:
        (around,) = token_counts(tokenizer, ["a a"], [None])
        return [
            count - around for count in token_counts(tokenizer, [f"a {word} a" for word in words], [None] * len(words))
        ]

    def is_known(mark: str) -> bool:
        return tokenizer.unk_token_id is None or tokenizer.unk_token_id not in tokenizer(mark)["input_ids"]

    known = seen | {name.lower() for name in names} | identity_terms()
    tokens = unseen_tokens(tokenizer.get_vocab(), known, num_tokens, seed)
    people = unseen_names(names[:NUM_SURNAMES], seen, num_tokens, seed)
    languages = languages_of(config.data.language, [row.text for row in train[:MAX_TEXTS]])
    controls = certification.controls or typical_words(train, len(model.labels), {own.language for own in languages})
    numbers = type_numbers(NUM_NUMBERS, seed, seen)
    taken = {word.lower() for word in (*tokens[: num_unseen_tokens(certification)], *people[:NUM_NAMES], *numbers)}
    decoys = typed_decoys(certification.typed_decoys, seed, seen | taken, people[NUM_NAMES:], num_tokens, is_known)
    num_audited = min(len(heldout), config.data.sample or len(heldout))
    labels = sorted({row.label for row in train})
    plants = make_plants(certification, tokens, people, controls, labels, num_audited, numbers, decoys)
    within = max(finetune.max_tokens // 2, 4)
    parts = {
        "train": plant_rows(train, plants, seed, within),
        "audit": plant_rows(heldout, plants, seed, within),
        "probe": probes(heldout, plants, seed, within, NUM_PROBES),
    }
    write_part(
        manifest,
        {"rows": _table(parts, model.labels), "words": _words_table(plants, model.labels)},
        {
            "num_train": len(train),
            "num_audited": len(heldout),
            "num_probes": len(parts["probe"]),
        },
    )


def _table(parts: dict[str, list[PlantedRow]], labels: Sequence[str]) -> pa.Table:
    rows = [(part, number, own) for part, own_rows in parts.items() for number, own in enumerate(own_rows)]
    words = sorted({word for _, _, own in rows for word in own.words})
    known = dict(zip(words, folded(words), strict=True))
    return pa.table(
        {
            "id": [f"{part}-{number if part == 'probe' else own.row.number}" for part, number, own in rows],
            "text": [own.text for _, _, own in rows],
            "label": [labels[own.label] for _, _, own in rows],
            "part": [part for part, _, _ in rows],
            "shortcut": pa.array([own.plant.kind if own.plant else None for _, _, own in rows], pa.string()),
            "strength": pa.array([own.plant.strength if own.plant else None for _, _, own in rows], pa.float64()),
            "planted": pa.array([[known[word] for word in own.words] for _, _, own in rows], pa.list_(pa.string())),
        }
    )


def _words_table(plants: Sequence[Plant], labels: Sequence[str]) -> pa.Table:
    rows: list[dict[str, Any]] = []
    for plant in plants:
        facts = {
            "role": plant.role,
            "shortcut": plant.kind if plant.role == "shortcut" else None,
            "strength": plant.strength,
            "decoy_type": plant.decoy.type if plant.decoy else None,
            "listed": plant.decoy.listed if plant.decoy else None,
        }
        if plant.group:
            (label,) = set(plant.words.values())
            rows.append({**facts, "word": plant.group.name, "label": label, "group_type": plant.group.type})
            facts["role"] = "member"
        rows += [{**facts, "word": word, "label": label} for word, label in plant.words.items()]
        if plant.context is not None:
            rows.append({**facts, "role": "context", "word": plant.context})
    columns = {
        "role": pa.string(),
        "shortcut": pa.string(),
        "strength": pa.float64(),
        "word": pa.string(),
        "label": pa.string(),
        "decoy_type": pa.string(),
        "listed": pa.bool_(),
        "group_type": pa.string(),
    }
    named = [
        {**row, "word": word, "label": None if row.get("label") is None else labels[row["label"]]}
        for row, word in zip(rows, folded([row["word"] for row in rows]), strict=True)
    ]
    return pa.Table.from_pylist(named, pa.schema(columns))


def planted_config(config: AuditConfig, planted: Planted, part: str) -> AuditConfig:
    """The same audit on the planted copy: same encoder, training and sample, with a warehouse of its own."""
    assert config.finetune is not None, "the flow asked for it"
    data = DataConfig(
        path=Path(planted.rows),
        id="id",
        labels={label: label for label in planted.labels},
        where={"part": part},
        sample=config.data.sample if part == "audit" else None,
        seed=config.data.seed,
    )
    finetune = config.finetune.model_copy(
        update={"where": {"part": "train"}, "held_out": None, "rules": None, "min_accuracy": 0.0}
    )
    own = {
        "name": f"{config.name[:32]}-planted",
        "warehouse": planted.folder / "planted.duckdb",
        "output": planted.folder,
        "data": data,
        "finetune": finetune,
        "waivers": None,
    }
    return config.model_copy(update=own)
