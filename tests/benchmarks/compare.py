"""What a comparison and the default policy say where nothing has changed, and where a word was planted.

Uses a finished audit (`make audit`) and no model. A pair of runs is two disjoint halves of its texts: attributions and
trials are those that are stored, cut by text; importance, effects, verdicts and what the gate reads are computed anew from
each half, by the product's queries. Verdicts on types, pairs and patterns are left out, since their trials are not cut.

- *False alarms*: 200 pairs, of which the default policy should fail at most 5 %.
- *Power*: a word stands in 1, 2, 5 or 10 % of the texts of the second half, all of one label. Its attributions and trials
  are drawn from those of a finding: as if the model used it as much as that one. 50 draws a point.
- *Size* (`--size`: that alone): two runs of 10 million word rows each, made up, are compared: seconds that passed and of the
  processor, largest memory of the process. Once with changes in 1 % of the words' texts and chance in their scores, and
  once with scores so certain that nearly all words have changed, as under another model.
- *Another audit* (`--confirm`: that alone): the false alarms of 200 pairs of halves of another dataset, on which nothing was
  set: film reviews with surnames that are tied to a label. Trains and audits on its own.
- *Models and tokenizers* (`--retrained`: that alone): retrained.py says which.

`summary` in the file has each figure under a name of its own; `rows` and `cases` are what they count.
"""

import argparse
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping
from datetime import date
from importlib.resources import files
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from configs.policy import DEFAULT, load_policy
from configs.schema import AuditConfig
from tasks.aggregate import PRIOR_EXAMPLES
from tasks.compare import compared
from tasks.gate import judged
from tasks.runs.kept import facts_in
from tasks.trials.thresholds import state_thresholds, thresholds
from tests.benchmarks.planted import wilson
from warehouse import Warehouse
from warehouse.query import Query

RESULTS = Path(__file__).parent / "results" / "compare.json"
CACHE = Path(__file__).parents[2] / ".benchmarks"
PAIRS, DRAWS, SHARES = 200, 50, (0.01, 0.02, 0.05, 0.1)
WORD = "zorp"
TODAY = date(2026, 11, 30)
CUT = ("examples", "word_scores", "trials")
"""Tables with a row for each text."""
EMPTY = (
    "interactions",
    "patterns",
    "pattern_spans",
    "pattern_words",
    "pattern_effects",
    "expected_patterns",
    "waivers",
)
TYPED = ("word_types", "candidates", "expected_effects")
"""Tables in which a planted word has the row of the finding that it is drawn from."""


UNCUT = ("judge/pattern_tests", "judge/type_tests", "judge/pair_tests")
"""Helpers of verdicts that are left empty: half of the time."""


class Cut(Warehouse):
    """A warehouse without verdicts on types, pairs and patterns."""

    def _make(self, wanted: Query, params: Mapping[str, object]) -> None:
        if wanted.path in UNCUT and self._connection.execute("select current_schema() != 'full'").fetchall() == [
            (True,)
        ]:
            self._connection.execute(
                f'create or replace table {wanted.table} as select * from "full".{wanted.table} limit 0'
            )
        else:
            super()._make(wanted, params)


class Halves:
    """Halves of a finished audit, as runs of a database in memory."""

    def __init__(self, path: Path, run: str | None, folder: Path) -> None:
        self.connection = duckdb.connect(config={"threads": 1})
        self.warehouse = Cut(self.connection)
        for name in ("registry.sql", "kept_tables.sql"):
            self.connection.execute(files("warehouse").joinpath(name).read_text(encoding="utf-8"))
        self.connection.execute(f"attach '{path}' as source (read_only)")
        found = self._all(
            "select run_id, config, labels, folder from source.main.runs where status = 'finished' order by finished_at desc"
        )
        self.run_id, config, self.labels, run_folder = next(
            row for row in found if run is None or row[0].startswith(run)
        )
        self.config = AuditConfig.model_validate_json(config)
        tables = self._all(
            "select table_name from duckdb_tables() where database_name = 'source' and schema_name = $run",
            run=self.run_id,
        )
        self.tables = [name for (name,) in tables]
        self.connection.execute('create schema "full"')
        for name in self.tables:
            self.connection.execute(f'create table "full".{name} as from source."{self.run_id}".{name}')
        self.texts = [key for (key,) in self._all('select example_id from "full".examples where converged order by 1')]
        removed = pq.read_table(Path(run_folder) / "trials" / "removed.removed.parquet")
        self.removed, self.schema = removed.to_pylist(), removed.schema
        self.folder = folder
        self.params = {
            "labels": self.labels, "mirrored": self.config.attribution.mirrored(len(self.labels), self.config.model.head),
            "prior_examples": PRIOR_EXAMPLES, "min_score": self.config.screening.min_score,
            **self.config.statistics.model_dump(), **thresholds(self.config), **state_thresholds(),
            "max_documents": self.config.verification.max_documents,
        }  # fmt: skip

        self.warehouse.use("full")
        for path in UNCUT:
            self.warehouse.build(path, self.params)

    def _all(self, sql: str, **values: Any) -> list[Any]:
        return self.connection.execute(sql, values).fetchall()

    def donors(self) -> dict[str, tuple[str, str]]:
        """The spurious content words with the largest and with the median effect, each with its label."""
        rows = self._all(
            """
            select word, label from "full".verdicts
            where kind = 'word' and type = 'content word' and status = 'spurious' and effect_low > 0
            order by effect
            """
        )
        return {"strong": rows[-1], "middling": rows[(len(rows) - 1) // 2]}

    def make(
        self,
        run_id: str,
        texts: list[int],
        planted: float = 0.0,
        donor: tuple[str, str] = ("", ""),
        rng: random.Random | None = None,
    ) -> dict[str, Any]:
        """A run of these texts; return its facts. `planted`: share of the texts that get a word like the donor."""
        connection, warehouse = self.connection, self.warehouse
        connection.execute("use memory.main")
        connection.execute(f'drop schema if exists "{run_id}" cascade')
        warehouse.use(run_id, create=True)
        connection.register("own", pa.table({"example_id": texts}))
        for name in self.tables:
            if name in CUT:
                connection.execute(
                    f'create table {name} as select * from "full".{name} semi join own using (example_id)'
                )
            elif name in EMPTY:
                connection.execute(f'create table {name} as select * from "full".{name} limit 0')
            elif name in TYPED:
                connection.execute(f'create table {name} as from "full".{name}')
            elif name not in ("word_importance", "effects", "evidence", "words", "verdicts", "power", "total"):
                connection.execute(f'create view {name} as from "full".{name}')
        kept = set(texts)
        removed = [row for row in self.removed if row["example_id"] in kept]
        if planted and rng is not None:
            removed += self._plant(planted, donor, rng)
        for path in (
            "aggregate/word_importance",
            "verify/effects",
            "verify/evidence",
            "screen/words",
            "judge/verdicts",
        ):
            warehouse.build(path, self.params)
        connection.execute("delete from verdicts where kind not in ('word', 'piece')")
        part = self.folder / f"{run_id}.parquet"
        pq.write_table(pa.Table.from_pylist(removed, schema=self.schema), part)
        totals = {**self.params, "removed_parts": [str(part)], "texts_with": len(removed)}
        for path in ("remove/power", "remove/total"):
            warehouse.build(path, totals)
        entry = {
            "run_id": run_id,
            "name": "half",
            "folder": "x",
            "labels": self.labels,
            "config": "{}",
            "inputs": "{}",
            "versions": "{}",
        }
        warehouse.run("registry/start_run", entry)
        warehouse.run("registry/finish_run", {"run_id": run_id})
        hashes = {"model": "m", "weights": "w", "tokenizer": "t", "settings": "s", "versions": "v", "subject": None}
        facts = {"run_id": run_id, "data": run_id, "min_examples": self.config.statistics.min_examples, **hashes}
        warehouse.keep(run_id, facts, str(time.monotonic_ns()))
        return next(row for row in facts_in(warehouse) if row["run_id"] == run_id)

    def _plant(self, share: float, donor: tuple[str, str], rng: random.Random) -> list[dict[str, Any]]:
        """Put the word into texts of the donor's label, with attributions and trials of the donor; return what becomes of
        their predictions without it."""
        word, label = donor
        own = [
            key
            for (key,) in self._all(
                "select example_id from examples where converged and target_label = $label", label=label
            )
        ]
        chosen = rng.sample(own, min(round(share * self._all("select count(*) from examples")[0][0]), len(own)))
        for name in TYPED:
            label_too = "" if name == "word_types" else "and label = $label"
            values = {"word": word} | ({"label": label} if label_too else {})
            kind = "" if name == "expected_effects" else "and kind = 'word'"
            self._all(
                f"insert into {name} select * replace ('{WORD}' as word) from {name} where word = $word {kind} {label_too}",
                **values,
            )
        (whole,) = self._all("select count(*) from examples")[0]
        self._all(
            f"update candidates set n_examples = $n, document_frequency = $n / $whole where word = '{WORD}'",
            n=len(chosen),
            whole=whole,
        )
        scores = self._rows(
            """select own.* from "full".word_scores as own inner join "full".examples as text using (example_id)
            where own.kind = 'word' and own.word = $word and text.target_label = $label""",
            word=word, label=label,
        )  # fmt: skip
        self._add("word_scores", [{**rng.choice(scores), "word": WORD, "example_id": key} for key in chosen])
        trials = self._rows(
            "select * from \"full\".trials where kind = 'word' and word = $word and label = $label",
            word=word,
            label=label,
        )
        taken_out = [row for row in trials if row["operator"] != "insert"]
        put_in = [row for row in trials if row["operator"] == "insert"]
        most = self.config.verification.max_documents
        others = rng.sample([key for key in own if key not in set(chosen)], most)
        made = [(taken_out, key) for key in chosen[:most]] + [(put_in, key) for key in others]
        self._add("trials", [{**rng.choice(rows), "word": WORD, "example_id": key} for rows, key in made])
        number = self.labels.index(label)
        drawn = [(key, rng.choice(taken_out)) for key in chosen]
        return [
            {
                "example_id": key, "n_edits": 1, "n_controls": 1, "predicted": number, "predicted_control": number,
                "predicted_without": 1 - number if row["predicted_with"] != row["predicted_without"] else number,
            }
            for key, row in drawn
        ]  # fmt: skip

    def _rows(self, sql: str, **values: Any) -> list[dict[str, Any]]:
        return self.connection.sql(sql, params=values).to_arrow_table().to_pylist()

    def _add(self, table: str, rows: list[dict[str, Any]]) -> None:
        self.connection.register("added", pa.Table.from_pylist(rows))
        self.connection.execute(f"insert into {table} by name from added")
        self.connection.unregister("added")

    def pair(self, seed: int) -> tuple[dict[str, Any], list[int]]:
        """The first half as a run, and the texts of the second."""
        texts = random.Random(seed).sample(self.texts, len(self.texts))
        return self.make("before", texts[: len(texts) // 2]), texts[len(texts) // 2 :]

    def said(self, before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
        found = compared(self.warehouse, before, after, [before, after], self.config.statistics.fdr)
        # What may never be is not about a change: an audit in the state Act has halves in that state.
        policy = load_policy(DEFAULT).model_copy(update={"never": ()})
        gated = judged(self.warehouse, after, found, None, policy, "gate.yaml", TODAY)
        planted_row = [row for row in found.findings if row["word"] == WORD]
        return {
            "failed": [outcome.rule for outcome in gated.failed],
            "new": [row["word"] for row in found.findings if row["change"] == "new"],
            "alone": sum(row["change"] in ("only after", "only before") for row in found.findings),
            "findings": [before["n_findings"], after["n_findings"]],
            "planted": planted_row[0]["change"] if planted_row else None,
            "ndcg": found.ranking["ndcg"],
            "rbo": found.ranking["rbo"],
            "words": len(found.words),
            "causes": list(found.causes),
        }


def told(hits: int, n: int) -> dict[str, Any]:
    low, high = wilson(hits, n)
    return {"share": round(hits / n, 3), "low": round(low, 3), "high": round(high, 3), "n": n}


def drawn_rows(halves: Halves, seeds: range, draws: int, cache: Path) -> list[dict[str, Any]]:
    """What is said of each pair; those in the cache are read from there, so that several processes can share the work."""
    lines = cache.read_text(encoding="utf-8").splitlines() if cache.is_file() else []
    known = {(row["pair"], row["share"], row["donor"]): row for row in map(json.loads, lines)}
    started = time.monotonic()
    for seed in seeds:
        wanted: list[tuple[float, str | None]] = [(0.0, None)]
        wanted += [
            (share, name)
            for name in ("strong", "middling")
            for share in SHARES
            if seed < (draws if name == "strong" else draws // 5)
        ]
        missing = [(share, name) for share, name in wanted if (seed, share, name) not in known]
        if not missing:
            continue
        before, texts = halves.pair(seed)
        for share, name in missing:
            donor = ("", "") if name is None else halves.donors()[name]
            after = halves.make("after", texts, share, donor, random.Random(f"{seed} {share} {name}"))
            row = {"pair": seed, "share": share, "donor": name, **halves.said(before, after)}
            known[seed, share, name] = row
            with cache.open("a", encoding="utf-8") as file:
                file.write(json.dumps(row) + "\n")
        if seed % 10 == 9:
            print(f"pair {seed + 1}\t{time.monotonic() - started:.0f} s", flush=True)
    return [known[key] for key in sorted(known, key=lambda key: (key[1], key[2] or "", key[0]))]


def rates(rows: list[dict[str, Any]], donors: dict[str, tuple[str, str]]) -> dict[str, Any]:
    own = [row for row in rows if not row["share"]]
    summary: dict[str, Any] = {
        "false alarms": told(sum(bool(row["failed"]) for row in own), len(own)),
        "false alarms by rule": dict(Counter(rule for row in own for rule in row["failed"])),
        "pairs with a finding in one half alone": told(sum(row["alone"] > 0 for row in own), len(own)),
        "pairs with a word that is said to have changed": told(sum(row["words"] > 0 for row in own), len(own)),
        "nDCG of two halves, lowest": round(min(row["ndcg"] for row in own), 4),
        "rank-biased overlap of two halves, lowest": round(min(row["rbo"] for row in own), 4),
    }
    for name, donor in donors.items():
        for share in SHARES:
            drawn = [row for row in rows if (row["share"], row["donor"]) == (share, name)]
            if drawn:
                key = f"a word as strong as {donor[0]} in {share:.0%} of the new rows"
                summary[f"{key}: the gate fails"] = told(sum(bool(row["failed"]) for row in drawn), len(drawn))
                summary[f"{key}: it is new"] = told(sum(row["planted"] == "new" for row in drawn), len(drawn))
    summary["data named as the only cause"] = told(sum(row["causes"] == ["data"] for row in rows), len(rows))
    return summary


# ---------------------------------------------------------------- size


def made_warehouse(path: Path, num_words: int) -> None:
    """Two runs with `num_words` words each, of which most are in both."""
    from tests.stages.kept import enter

    enter(path, "before", 1, registered=False)
    enter(path, "after", 2, registered=False, data="d2")
    with duckdb.connect(str(path)) as connection:
        for run, shift in (("before", 0), ("after", num_words // 100)):
            connection.execute(
                f"""insert into main.run_words
                select '{run}', 'w' || (i + {shift}), 1 + hash(i) % 1000, 1.0 / (1 + i) * (1 + hash(i + {shift}) % 100 / 1000)
                from range({num_words}) as t (i)"""
            )
            connection.execute(
                f"""insert into main.run_means
                select '{run}', 'word', 'film', 'w' || (i + {shift}), 5 + hash(i) % 1000, 0.1 + (hash(i * 7 + {shift}) % 1000) / 1e4, 0.02
                from range({num_words}) as t (i)"""
            )


def sized(num_words: int) -> dict[str, Any]:
    """In a process of its own, for its memory, of which the database may take 3 GB."""
    found: dict[str, Any] = {"words a run": num_words, "load of the machine before": round(os.getloadavg()[0], 1)}
    with tempfile.TemporaryDirectory(dir=CACHE) as folder:
        path = Path(folder) / "audits.duckdb"
        made_warehouse(path, num_words)
        found["some words changed"] = _timed(path)
        with duckdb.connect(str(path)) as connection:
            connection.execute("update main.run_means set std_error = 0.0001")
        found["nearly all words changed"] = _timed(path)
    return found


def _timed(path: Path) -> dict[str, Any]:
    code = (
        "import json, resource, time; from pathlib import Path; from configs.schema import LimitsConfig; "
        "from warehouse import set_limits; from flows.compare import compare; set_limits(LimitsConfig(memory_limit='3GB')); "
        f"start = time.monotonic(); found, _ = compare(Path({str(path)!r}), 'after', 'before'); "
        "used = resource.getrusage(resource.RUSAGE_SELF); changes = {row['change']: row['n_changes'] for row in found.words}; "
        "print(json.dumps({'seconds': round(time.monotonic() - start, 1), "
        "'processor seconds, imports included': round(used.ru_utime + used.ru_stime, 1), "
        "'peak memory, MB': used.ru_maxrss // 1024, 'compared': found.words[0]['n_compared'], 'changed': sum(changes.values())}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    timed: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return timed


def confirmed(pairs: int) -> dict[str, Any]:
    """The false alarms of another audit: film reviews with surnames that are tied to a label, and their classifier."""
    from tests.benchmarks import retrained

    warehouse = retrained.audited_whole()
    with tempfile.TemporaryDirectory() as folder:
        halves = Halves(warehouse, None, Path(folder))
        rows = drawn_rows(halves, range(pairs), 0, CACHE / f"compare-{halves.run_id}.jsonl")
    return {"figures": rates(rows, {}) | {"audit": halves.run_id}, "rows": rows}


def flat(figures: Mapping[str, Any], before: str = "") -> dict[str, Any]:
    """Figures as an object without objects: a share under its own name, the ends of its interval behind it."""
    found: dict[str, Any] = {}
    for name, value in figures.items():
        key = f"{before}: {name}" if before else name
        if isinstance(value, Mapping) and "share" in value:
            found |= {key: value["share"], **{f"{key}, {end}": value[end] for end in ("low", "high", "n")}}
        elif isinstance(value, Mapping):
            found |= flat(value, key)
        elif isinstance(value, list):
            found |= {f"{key}, lowest": min(value), f"{key}, highest": max(value)}
        else:
            found[key] = value
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--warehouse", type=Path, default=Path("warehouse/audits.duckdb"))
    parser.add_argument("--run", help="id of a finished audit, or its beginning; without it the last")
    parser.add_argument("--pairs", type=int, default=PAIRS)
    parser.add_argument("--first", type=int, default=0, help="begin with this pair, and write to the cache alone")
    parser.add_argument("--draws", type=int, default=DRAWS)
    parser.add_argument("--words", type=int, default=10_000_000, help="words of each run")
    alone = parser.add_mutually_exclusive_group()
    alone.add_argument("--size", action="store_true", help="the size alone")
    alone.add_argument("--confirm", action="store_true", help="the false alarms of another audit alone")
    alone.add_argument("--retrained", action="store_true", help="other models and tokenizers alone (retrained.py)")
    given = parser.parse_args()
    CACHE.mkdir(exist_ok=True)
    stored = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.is_file() else {}
    every = not (given.size or given.confirm or given.retrained)
    if every:
        with tempfile.TemporaryDirectory() as folder:
            halves = Halves(given.warehouse, given.run, Path(folder))
            cache = CACHE / f"compare-{halves.run_id}.jsonl"
            rows = drawn_rows(halves, range(given.first, given.pairs), given.draws, cache)
            if given.first:
                return
            stored |= {"halves": rates(rows, halves.donors()) | {"audit": halves.run_id}, "rows": rows}
    if every or given.size:
        stored["size"] = sized(given.words)
    if every or given.confirm:
        stored["confirmed"] = confirmed(given.pairs)
    if every or given.retrained:
        from tests.benchmarks import retrained

        cases = retrained.cases()
        stored["retrained"] = {"figures": retrained.summary(cases), "cases": cases}
    parts = {
        "": stored.get("halves"),
        "another audit": stored.get("confirmed", {}).get("figures"),
        "models": stored.get("retrained", {}).get("figures"),
        "size": stored.get("size"),
    }
    summary = {key: value for name, part in parts.items() if part for key, value in flat(part, name).items()}
    print(json.dumps(summary, indent=1))
    RESULTS.write_text(
        json.dumps({"summary": summary} | stored | {"summary": summary}, indent=1) + "\n", encoding="utf-8"
    )
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024, "MB")


if __name__ == "__main__":
    main()
