"""Map the labels of a dataset to those of the model, or find them where there is no model yet."""

import json
import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal

from configs.errors import DataError
from configs.schema import DataConfig
from configs.section import label_form, label_name
from tasks.data.files import listed

_FEW = 5
_RARE = 0.1
"""A value in fewer rows than `_FEW`, and in fewer than this share of those of the most frequent one, may be a slip."""


_PLAIN = re.compile(r"-?(?:0|[1-9][0-9]*)|[^\W\d][\w ]*\w|[^\W\d]")


def _is_name(value: object) -> bool:
    return isinstance(value, str | int | Decimal) or (isinstance(value, float) and math.isfinite(value))


def label_resolver(
    class_names: Sequence[str] | None, data: DataConfig, model_labels: Sequence[str]
) -> Callable[[object], int]:
    """A function from a value of the label column to the index of the model's label, -1 for unknown values.

    Labels are matched by name, never by place: lists of the same names in another order would silently swap labels. So
    the number 0 is the label named "0" (`label_form` says which names are equal).

    Raises:
        DataError: the names of a ClassLabel column or of `data.labels` are not those of the model or of the column.
    """
    index = {label_form(label): i for i, label in enumerate(model_labels)}
    if len(index) != len(model_labels):
        raise DataError(
            f"The model names a label twice: {listed(model_labels)}. "
            "Case, outer spaces and how an accent is encoded make no difference."
        )
    mapping = {label_form(key): label_form(value) for key, value in data.labels.items()}
    wrong = [value for value in data.labels.values() if label_form(value) not in index]
    if wrong:
        raise DataError(f"data.labels: the model has no label {wrong[0]!r}. Its labels: {listed(model_labels)}.")
    if class_names is not None:
        classes = {label_form(name) for name in class_names}
        strange = [key for key in data.labels if label_form(key) not in classes]
        if strange:
            raise DataError(
                f"data.labels: column {data.label!r} has no label {strange[0]!r}. Its labels: {listed(class_names)}."
            )
        if not mapping and not classes <= set(index):
            raise DataError(advice(data, class_names, model_labels))
    of_name = {key: index[value] for key, value in mapping.items()} if mapping else index

    def resolve(value: object) -> int:
        if class_names is not None:
            if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < len(class_names):
                return -1
            value = class_names[value]
        return of_name.get(label_form(value), -1) if _is_name(value) else -1

    return resolve


def advice(data: DataConfig, found: Iterable[str], model_labels: Sequence[str]) -> str:
    """What to do if the labels that were found are not the model's."""
    names = list(found)
    example = ", ".join(f"{_in_yaml(name)}: ..." for name in names[:3])
    return (
        f"The labels of column {data.label!r} ({listed(names)}) are not the model's labels by name "
        f"({listed(model_labels)}). "
        f"Say which is which under data.labels, for example {{{example}}}: a guess could flip every label."
    )


def require_all_named(data: DataConfig, known: set[str], other: set[str]) -> None:
    """Every key of `data.labels` occurs, unless there are no values that it does not name."""
    unused = [key for key in data.labels if label_form(key) not in known]
    if unused and other:
        raise DataError(
            f"data.labels names {listed(unused)}, which column {data.label!r} never holds, "
            f"but not {listed(sorted(other))}, which it does. "
            "Correct the name, or take it out."
        )


def names_of(data: DataConfig, values: Counter[str]) -> tuple[str, ...]:
    """The labels that a column holds, in a fixed order: value -> number of rows with it.

    Raises:
        DataError: there are fewer than two, or so many that the column cannot hold labels, or one is so rare that it
            may be a slip.
    """
    counts: dict[str, int] = {}
    shown: dict[str, str] = {}
    for value in sorted(values):
        shown.setdefault(label_form(value), value)
        counts[label_form(value)] = counts.get(label_form(value), 0) + values[value]
    labels = tuple(shown.values())
    if not 2 <= len(labels) <= 1000:
        more = "more than 1000" if len(labels) > 1000 else len(labels)
        raise DataError(
            f"Column {data.label!r} holds {more} different values; a classifier needs 2 to 1000 labels. "
            "Set data.label or data.labels."
        )
    most = max(counts.values())
    rare = [label for label in labels if counts[label_form(label)] < min(_FEW, _RARE * most)]
    if rare:
        number, kept = counts[label_form(rare[0])], [label for label in labels if label not in rare]
        raise DataError(
            f"Column {data.label!r} holds {listed(rare[:1])} in {number} of {sum(counts.values())} rows only. "
            f"If it is a slip, name the labels without it: data.labels: {{{_pairs(kept)}}}. "
            f"If it is a class, name it as well: {{{_pairs(rare)}}}."
        )
    return labels


def _pairs(labels: Sequence[str]) -> str:
    return ", ".join(f"{_in_yaml(label)}: {_in_yaml(label)}" for label in labels)


def _in_yaml(name: str) -> str:
    """A label as one writes it into a config: in quotes, where YAML would read something else."""
    plain = _PLAIN.fullmatch(name) and name.lower() not in ("null", "true", "false")
    return name if plain else json.dumps(name[:60], ensure_ascii=not name.isprintable())


def named_labels(data: DataConfig) -> tuple[str, ...]:
    """The model's labels by `data.labels`, without those that `label_form` calls equal to an earlier one."""
    found: dict[str, str] = {}
    for name in data.labels.values():
        found.setdefault(label_form(name), name)
    return tuple(found.values())


def counted_name(value: object) -> str | None:
    """The name of a value of the label column; None where it is none."""
    name = label_name(value) if _is_name(value) else ""
    return name if name and name == name.encode("utf-8", "replace").decode("utf-8") else None
