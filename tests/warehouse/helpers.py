"""Small queries, and a whole audit of parts, for the tests of the warehouse."""

import json
from pathlib import Path

import warehouse as package
from tasks.screen import LISTS, QUERIES
from tasks.trials.thresholds import state_thresholds
from warehouse import open_warehouse, query, seed

REAL = Path(package.__file__).parent

NUMBERS = """
    -- numbers: the first numbers.
    -- One row per number.
    --
    -- param   n      how many
    -- column  i      the number    [1]
    -- column  twice  its double; don't panic
    -- unique  i
    select i, 2 * i as twice from range($n) as numbers (i)  -- a comment at the end
"""

LISTED = """
    -- listed: the numbers of some lists.
    -- One row per number.
    --
    -- batch   lists
    -- param   lists       lists of numbers
    -- column  example_id  the number
    -- unique  example_id
    select example_id from (select unnest($lists) as example_id)
"""

DOUBLED = """
    -- doubled: the same numbers, each with the size of its batch.
    -- One row per number.
    --
    -- first   stage/sizes
    -- batch   listed
    -- column  example_id  the number
    -- column  n_batch     numbers of its batch
    -- column  n_all       all numbers
    -- unique  example_id
    select example_id, count(*) over () as n_batch, n_all from listed, sizes order by example_id
"""

SIZES = """
    -- sizes: how many numbers there are.
    -- One row.
    --
    -- column  n_all  all numbers
    -- unique  n_all
    select count(*) as n_all from listed
"""


def content(database, run_id, table):
    return database._connection.sql(f'from "{run_id}".{table}').to_arrow_table()


def stages(database):
    return database._connection.sql("from main.stages order by run_id, stage").to_arrow_table().to_pylist()


def numbers_stage(database, n=3, upstream="facts", largest=10):
    return database.build_stage("run", "stage", ["stage/numbers"], {"n": n, "largest": largest}, upstream)


STAGES = {
    "aggregate": (
        "examples", "rejects", "word_occurrences", "piece_occurrences", "bigram_occurrences", "word_scores", "word_importance", "corpus_means",
        "corpus_facts",
        "label_association", "minority_gap", "quadrants", "example_slices", "slice_importance", "slice_association",
        "slice_difference", "corpora", "stability", "attribution_quality", "pilot",
    ),
    "screen": tuple(path.removeprefix("screen/") for path in QUERIES),
    "verify": ("placebos", "trials", "effects", "interactions", "type_effects", "pattern_effects", "pattern_parts", "turning_trials", "evidence", "verification_cost"),
    "judge": ("waivers", "topics", "named_words", "expected_effects", "expected_patterns", "grades", "verdicts"),
    "remove": ("power", "total"),
    "trace": ("rule_terms", "rule_texts", "rule_matches", "rule_figures", "taught_words", "rule_examples", "rule_words", "word_meanings", "labelling"),
    "recommend": ("vocabulary_candidates", "labelling_hints", "rule_proposals", "changed_rules", "relabel_queue"),
}  # fmt: skip

TABLES = [table for tables in STAGES.values() for table in tables]


def settled(parts):
    """Every parameter of the stages."""
    return {
        **parts, "labels": ["no", "yes"], "mirrored": True, "mode": "fixed", "tolerance": 0.025, "max_gap": 0.1, "method": "integrated_gradients", "plan": "{\"mode\": \"fixed\"}", "min_examples": 5, "prior_examples": 4.0,
        "first_names": ["grace"], "surnames": ["nolan"], "ner_votes": "[]", "min_capitalised": 0.8, "min_casing_examples": 3,
        **{name: seed(f"{name}.csv") for name in LISTS},
        "identity_list": seed("identity_terms.csv"), "identity_terms": False, "languages": '[{"language": "en", "share": 1.0}]',
        "fdr": 0.05, "min_score": 0.1, "min_pmi": 0.5, "min_rate": 0.05,
        "corpus": "data", "corpora": ["corpus_means", "corpus_means"], "facts": ["corpus_facts"],
        "max_candidates": 300, "max_pool_texts": 32, "max_patterns": 24, "max_q": 0.05, "passes": 48, "lost": 0, "early": 0, "max_documents": 24,
        "min_effect": 0.1, "max_explained": 0.25, "min_grade": 0.5,
        "waivers": '[{"word": "good", "label": "no", "reason": "r", "owner": "o", "expires": "2027-06-30", "expired": true}]',
        "expected_effects": '[{"label": "yes", "word": "nolan", "expected": 0.5, "expected_se": 0.1}]',
        "named_words": '[{"label": "yes", "word": "nolan"}]',
        "topics": '[{"label": "yes", "word": "good", "source": "name"}]',
        "grades": '[{"kind": "word", "label": "yes", "word": "nolan", "predicted_effect": 1.0, "predicted_low": 0.5, "predicted_high": 1.5, "meaning": 0.1, "grade": 0.9, "tried": true}]',
        "texts_with": 9, **state_thresholds(),
        "terms": json.dumps([{"rule_id": 0, "rule": "names", "label_id": 1, "term_id": i, "term": term, "kind": kind} for i, term, kind in ((-1, None, None), (0, "Nolan", "keyword"))]),
        "labelling": '[{"rules": "- {label: yes, name: names, keywords: Nolan}", "otherwise": "no"}]', "max_texts": 2,
        "proposals": '[{"action": "drop", "rule": "names", "term": "Nolan", "label": "yes", "word": "nolan", "n_texts": 20, "figures": {"effect": 1.0}}]', "changed_rules": "- {label: yes, keywords: x}",
        "max_vocabulary": 50, "max_queue": 9, "max_hints": 30, "min_hint_examples": 8, "min_hint_lift": 0.05,
    }  # fmt: skip


def audit(database, parts, run_id="run", between=None):
    key = "facts"
    for stage, tables in STAGES.items():
        key = database.build_stage(run_id, stage, [f"{stage}/{table}" for table in tables], settled(parts), key)
        if between:
            between()


def exported(database, folder, run_id="run"):
    """The bytes of every table, as Parquet."""
    folder.mkdir()
    for table in TABLES:
        database._connection.execute(
            f'copy "{run_id}".{table} to $path (format parquet)', {"path": str(folder / table)}
        )
    return {table: (folder / table).read_bytes() for table in TABLES}


def in_batches(parts, files, **changed):
    return {**settled(parts), "batch_files": files, **changed}


def built(folder, params):
    """The tables of the aggregate stage, each in the order of its key."""
    with open_warehouse(folder / f"{params['batch_files']}-{params['method']}.duckdb") as database:
        database.build_stage("run", "aggregate", [f"aggregate/{table}" for table in STAGES["aggregate"]], params, "x")
        return {
            table: database._connection.sql(
                f"from run.{table} order by {', '.join(query(f'aggregate/{table}').unique)}"
            ).to_arrow_table()
            for table in STAGES["aggregate"]
        }
