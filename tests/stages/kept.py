"""A warehouse with finished runs, of which only what is kept is there."""

import json

from warehouse import open_warehouse

FACTS = {
    "data": "d1", "model": "m1", "weights": "w1", "tokenizer": "t1", "settings": "s1", "versions": "v1", "subject": "x",
    "labels": ["other", "film"], "n_read": 1000, "n_rejected": 0, "n_quarantined": 0, "n_texts": 1000, "n_gold": 1000,
    "n_correct": 900, "min_examples": 5, "state": "Minor", "per_1000": 5.0, "per_1000_low": 3.0, "per_1000_high": 8.0,
    "n_findings": 1, "n_used": 9,
}  # fmt: skip
VERDICT = {
    "rank": 1, "kind": "word", "label": "film", "word": "day", "type": "content word", "verdict": "spurious", "status": "spurious",
    "effect": 1.0, "effect_low": 0.8, "effect_high": 1.2, "per_1000": 5.0, "per_1000_low": 3.0, "per_1000_high": 8.0,
    "document_frequency": 0.05,
}  # fmt: skip


def verdict(word="day", **changed):
    return {**VERDICT, "word": word, **changed}


def enter(path, run_id, day, verdicts=(VERDICT,), words=None, groups=(), *, name="films", registered=True, **facts):
    """A run that finished on this day of November; `words`: texts that hold each, and its importance."""
    words = {"day": (50, 0.5), "film": (80, 0.9)} if words is None else words
    rows = {
        "facts": [{**FACTS, **facts, "name": name, "finished_at": f"2026-11-{day:02} 03:00:00"}],
        "verdicts": verdicts,
        "words": [{"word": word, "n_examples": n, "importance": weight} for word, (n, weight) in words.items()],
        "groups": [dict(zip(("word", "gold_label", "n_texts", "n_correct"), group, strict=True)) for group in groups],
    }
    with open_warehouse(path) as warehouse:
        connection = warehouse._connection
        for table, own in rows.items():
            connection.execute(f"delete from main.run_{table} where run_id = $run_id", {"run_id": run_id})
            for row in own:
                row = {"run_id": run_id, **row}
                marks = ", ".join(f"${key}" for key in row)
                connection.execute(f"insert into main.run_{table} ({', '.join(row)}) values ({marks})", row)
        if registered:
            folder = path.parent / run_id
            folder.mkdir(exist_ok=True)
            entry = {"run_id": run_id, "name": name, "folder": str(folder), "labels": FACTS["labels"]}
            settings = {"config": json.dumps({"statistics": {"fdr": 0.05}}), "inputs": "{}", "versions": "{}"}
            warehouse.run("registry/start_run", entry | settings)
            connection.execute(
                "update main.runs set status = 'finished', finished_at = $at where run_id = $run_id",
                {"at": f"2026-11-{day:02} 03:00:00", "run_id": run_id},
            )
