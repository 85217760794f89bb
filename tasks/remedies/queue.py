"""The queue of texts whose labels a person should read, as files of labelling tools; and such files read back.

Every row keeps `example_id`, the place of the text in the dataset, by which its new label finds its way back. Spans are
in code points, end exclusive, as all three tools count.
"""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from xml.sax.saxutils import quoteattr

import pyarrow as pa
import pyarrow.parquet as pq

from configs.errors import DataError
from configs.section import label_form, shown

Queued = Mapping[str, Any]
"""A row of `report/relabel_queue` with `suggested`, the label that the changed rules give, or of `suspect/queue`: its
`rule` is None, and `term`, `match_start` and `match_end` are None where no word misled."""
SCHEMA = pa.schema(
    {
        "example_id": pa.int64(),
        "id": pa.string(),
        "text": pa.string(),
        "label": pa.string(),
        "suggested": pa.string(),
        "rule": pa.string(),
        "keyword": pa.string(),
        "start": pa.int64(),
        "end": pa.int64(),
        "score": pa.float64(),
    }.items()
)
HIGHLIGHT = "labelled for this"


def queue_table(rows: Sequence[Queued]) -> pa.Table:
    """The queue with the columns of `SCHEMA`; a person writes the new label into `label`."""
    renamed = [
        {
            **row,
            "id": row["source_id"],
            "keyword": row["term"],
            "start": row["match_start"],
            "end": row["match_end"],
        }
        for row in rows
    ]
    return pa.Table.from_pylist([{name: row[name] for name in SCHEMA.names} for row in renamed], SCHEMA)


def queue_files(rows: Sequence[Queued], labels: Sequence[str], run_id: str) -> dict[str, bytes]:
    """File name -> content, for each tool that reads one."""
    table = io.BytesIO()
    pq.write_table(queue_table(rows), table)
    return {
        "relabel_queue.parquet": table.getvalue(),
        "label_studio.json": _json([label_studio_task(row, run_id) for row in rows]),
        "label_studio.xml": label_studio_config(labels).encode(),
        "argilla.json": _json([argilla_record(row, run_id) for row in rows]),
        "prodigy.jsonl": "".join(json.dumps(prodigy_task(row), ensure_ascii=False) + "\n" for row in rows).encode(),
    }


def _json(values: object) -> bytes:
    return (json.dumps(values, ensure_ascii=False, indent=1) + "\n").encode()


def _spans(row: Queued) -> list[dict[str, int]]:
    return [] if row["match_start"] is None else [{"start": row["match_start"], "end": row["match_end"]}]


def label_studio_config(labels: Sequence[str]) -> str:
    """The labelling interface that the tasks are for."""
    choices = "".join(f"<Choice value={quoteattr(label)}/>" for label in labels)
    return (
        f'<View>\n  <Labels name="word" toName="text"><Label value="{HIGHLIGHT}"/></Labels>\n'
        '  <Text name="text" value="$text"/>\n'
        f'  <Choices name="label" toName="text" choice="single" required="true">{choices}</Choices>\n</View>\n'
    )


def label_studio_task(row: Queued, run_id: str) -> dict[str, Any]:
    """A task with the suggested label, or the one that it has, as a prediction, and the keyword as a span."""
    choice = {
        "id": f"{row['example_id']}-label",
        "from_name": "label",
        "to_name": "text",
        "type": "choices",
        "value": {"choices": [row["suggested"] or row["label"]]},
    }
    spans = [
        {
            "id": f"{row['example_id']}-word",
            "from_name": "word",
            "to_name": "text",
            "type": "labels",
            "value": {**span, "text": row["text"][span["start"] : span["end"]], "labels": [HIGHLIGHT]},
        }
        for span in _spans(row)
    ]
    return {
        "data": {
            "text": row["text"],
            "example_id": row["example_id"],
            "id": row["source_id"],
            "label": row["label"],
            "rule": row["rule"],
            "keyword": row["term"],
        },
        # Label Studio takes scores from 0 to 1.
        "predictions": [
            {"model_version": run_id, "score": min((row["score"] or 0.0) / 1000, 1.0), "result": [choice, *spans]}
        ],
    }


def argilla_record(row: Queued, run_id: str) -> dict[str, Any]:
    """A record for fields `text`, a LabelQuestion `label` and a SpanQuestion `word` on it."""
    spans = [{**span, "label": HIGHLIGHT} for span in _spans(row)]
    return {
        "id": str(row["example_id"]),
        "fields": {"text": row["text"]},
        "metadata": {
            "example_id": row["example_id"],
            "source_id": row["source_id"],
            "label": row["label"],
            "rule": row["rule"],
            "keyword": row["term"],
        },
        "suggestions": [
            {"question_name": "label", "value": row["suggested"] or row["label"], "agent": run_id},
            *([{"question_name": "word", "value": spans, "agent": run_id}] if spans else []),
        ],
    }


def prodigy_task(row: Queued) -> dict[str, Any]:
    """A task of `textcat`, to be accepted or rejected: whether the text has the label that the keyword gave it."""
    return {
        "text": row["text"],
        "label": row["label"],
        "spans": [{**span, "label": HIGHLIGHT} for span in _spans(row)],
        "meta": {
            "example_id": row["example_id"],
            "id": row["source_id"],
            "rule": row["rule"],
            "keyword": row["term"],
            "suggested": row["suggested"],
        },
    }


# ---------------------------------------------------------------- reading back


def read_relabelled(path: Path, labels: Sequence[str]) -> tuple[dict[int, int], int]:
    """Row of the dataset -> index of its new label; and how many tasks have no answer.

    Reads the JSON export of Label Studio, and a CSV with the columns `example_id` and `label`.

    Raises:
        DataError: the file is neither, a label is none of the model's, or a text has two answers that differ.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        raise DataError(f"{path} cannot be read ({reason}).") from error
    answers = list(_of_csv(path, text) if path.suffix.lower() == ".csv" else _of_label_studio(path, text))
    index = {label_form(label): i for i, label in enumerate(labels)}
    found: dict[int, int] = {}
    for example_id, label in answers:
        if label is None:
            continue
        if label_form(label) not in index:
            raise DataError(
                f"{path}: the text {example_id} has the label {shown(label)}, which is none of the model's: "
                f"{', '.join(labels)}."
            )
        if found.setdefault(example_id, index[label_form(label)]) != index[label_form(label)]:
            raise DataError(f"{path}: the text {example_id} has two labels. Keep one of its answers.")
    return found, sum(label is None for _, label in answers)


def _of_csv(path: Path, text: str) -> Sequence[tuple[int, str | None]]:
    reader = csv.DictReader(io.StringIO(text, newline=""))
    missing = [name for name in ("example_id", "label") if name not in (reader.fieldnames or ())]
    if missing:
        raise DataError(f"{path} has no column {missing[0]!r}. Expected are example_id and label.")
    return [(_place(row["example_id"], path), row["label"].removeprefix("'") or None) for row in reader]


def _of_label_studio(path: Path, text: str) -> Sequence[tuple[int, str | None]]:
    try:
        tasks = json.loads(text)
        assert isinstance(tasks, list)
        return [(_place(task["data"]["example_id"], path), label) for task in tasks for label in _answers(task)]
    except (ValueError, AssertionError, KeyError, TypeError, AttributeError) as error:
        raise DataError(
            f"{path} is no JSON export of Label Studio with the tasks of an audit: each has data.example_id and "
            "annotations."
        ) from error


def _answers(task: Mapping[str, Any]) -> list[str | None]:
    """The choices of the annotations that were not skipped; None where nobody answered."""
    given = [
        str(choice)
        for annotation in task["annotations"]
        if not annotation.get("was_cancelled")
        for result in annotation["result"]
        if result["type"] == "choices" and result["from_name"] == "label"
        for choice in result["value"]["choices"]
    ]
    return list(given) or [None]


def _place(value: object, path: Path) -> int:
    try:
        return int(str(value))
    except ValueError as error:
        raise DataError(f"{path}: example_id should be the number of a row, got {shown(value)}.") from error
