"""Read the rows of a labelled dataset, and map their labels to those of the model."""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from configs.errors import DataError
from configs.schema import DataConfig
from configs.section import label_key
from tasks.data.files import MALFORMED, guarded, listed
from tasks.data.sources import Source, open_dataset
from tasks.text.words import is_visible


@dataclass(frozen=True)
class Row:
    """One row of the dataset. `reason` says why it cannot be audited; None for a usable row."""

    number: int
    """0-based place in the dataset, before any filter."""
    source_id: str
    text: str
    """Raw text; bytes that are not UTF-8 are escaped (\\udce9 is the byte E9). A pair is joined by a line break."""
    pair_start: int | None
    """Where the second text of a pair begins, in code points; None for a single text, and where one of a pair is
    missing."""
    label: int
    """Index of the model's label; -1 where the row's label is unknown."""
    reason: str | None


def _folded(name: str) -> str:
    return name.strip().casefold()


def label_resolver(
    class_names: Sequence[str] | None, data: DataConfig, model_labels: Sequence[str]
) -> Callable[[object], int]:
    """A function from a value of the label column to the index of the model's label, -1 for unknown values.

    Labels are matched by name, never by number: lists of the same names in another order would silently swap labels. A
    number is matched by its digits, so 0 is the label named "0". Case and outer spaces make no difference.

    Raises:
        DataError: the names of a ClassLabel column or of `data.labels` are not those of the model or of the column.
    """
    index = {_folded(label): i for i, label in enumerate(model_labels)}
    if len(index) != len(model_labels):
        raise DataError(
            f"The model names a label twice: {listed(model_labels)}. Case and outer spaces make no difference."
        )
    mapping = {_folded(key): _folded(value) for key, value in data.labels.items()}
    wrong = [value for value in data.labels.values() if _folded(value) not in index]
    if wrong:
        raise DataError(f"data.labels: the model has no label {wrong[0]!r}. Its labels: {listed(model_labels)}.")
    if class_names is not None:
        folded = {_folded(name) for name in class_names}
        strange = [key for key in data.labels if _folded(key) not in folded]
        if strange:
            raise DataError(
                f"data.labels: column {data.label!r} has no label {strange[0]!r}. Its labels: {listed(class_names)}."
            )
        if not mapping and not folded <= set(index):
            raise DataError(_advice(data, class_names, model_labels))
    of_name = {key: index[value] for key, value in mapping.items()} if mapping else index

    def resolve(value: object) -> int:
        if class_names is not None:
            if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < len(class_names):
                return -1
            value = class_names[value]
        if not isinstance(value, str | int | float) or (isinstance(value, float) and not math.isfinite(value)):
            return -1
        return of_name.get(_folded(label_key(value)), -1)

    return resolve


def _advice(data: DataConfig, found: Iterable[str], model_labels: Sequence[str]) -> str:
    names = list(found)
    example = ", ".join(f"{listed([name])}: ..." for name in names[:3])
    return (
        f"The labels of column {data.label!r} ({listed(names)}) are not the model's labels by name "
        f"({listed(model_labels)}). "
        f"Say which is which under data.labels, for example {{{example}}}: a guess could flip every label."
    )


def read_rows(data: DataConfig, where: Mapping[str, object], model_labels: Sequence[str]) -> Iterator[Row]:
    """Every row that `where` keeps, usable or not, in the order of the dataset. A malformed row is always kept.

    Raises:
        DataError: as `open_dataset` and `label_resolver`, or no row is kept, or none has a label of the model,
            or a label of `data.labels` never occurs while others do that it does not name.
    """
    source = open_dataset(data)
    missing = [name for name in where if name not in source.columns]
    if missing:
        raise DataError(f"There is no column {missing[0]!r} to choose rows by. Columns: {listed(source.columns)}.")
    resolve = label_resolver(source.class_names.get(data.label), data, model_labels)
    optional = [name for name in (data.pair, data.id) if name]
    columns = list(dict.fromkeys([data.text, data.label, *optional, *where]))
    kept = labelled = number = 0
    seen: dict[str, set[str]] = {name: set() for name in where}
    known: set[str] = set()
    other: set[str] = set()
    for values in guarded(source.batches(columns), data):
        for i in range(len(values[data.text])):
            number += 1
            text, label = values[data.text][i], values[data.label][i]
            if text is not MALFORMED:
                for name, some in seen.items():
                    if len(some) < 10:
                        some.add(label_key(values[name][i])[:60])
                if not all(
                    _matches(values[name][i], wanted, source.class_names.get(name)) for name, wanted in where.items()
                ):
                    continue
            kept += 1
            label_id = resolve(label)
            labelled += label_id >= 0
            if label_id >= 0 and len(known) < 1000:
                known.add(_folded(_label_name(label, source, data)))
            elif label_id < 0 and label is not MALFORMED and label not in (None, "") and len(other) < 10:
                other.add(_label_name(label, source, data)[:60])
            source_id = values[data.id][i] if data.id else None
            shown_id = str(number - 1) if source_id in (None, "", MALFORMED) else label_key(source_id)
            texts = [text, values[data.pair][i]] if data.pair else [text]
            reason = _reason(texts) or ("unknown label" if label_id < 0 else None)
            readable = [_encodable(one) for one in texts if isinstance(one, str)]
            start = len(readable[0]) + 1 if len(readable) == 2 else None
            yield Row(number - 1, _encodable(shown_id), "\n".join(readable), start, label_id, reason)
    if not kept:
        found = "; ".join(f"{name}: {listed(sorted(some))}" for name, some in seen.items() if some)
        raise DataError(f"No row is left to read. {f'Values found: {found}.' if found else 'The dataset is empty.'}")
    if not labelled:
        raise DataError(_advice(data, sorted(other), model_labels))
    _require_labels_of_data(data, known, other)


def _require_labels_of_data(data: DataConfig, known: set[str], other: set[str]) -> None:
    """Every key of `data.labels` occurs, unless there are no values that it does not name."""
    unused = [key for key in data.labels if _folded(key) not in known]
    if unused and other:
        raise DataError(
            f"data.labels names {listed(unused)}, which column {data.label!r} never holds, "
            f"but not {listed(sorted(other))}, which it does. "
            "Correct the name, or take it out."
        )


def read_slices(data: DataConfig) -> Iterator[Mapping[str, Sequence[str]]]:
    """The values of the columns of `data.slices` as text, batch by batch, for every row of the dataset in its order.

    A ClassLabel's integer is its name; a missing value is empty.

    Raises:
        DataError: as `open_dataset`.
    """
    source = open_dataset(data)
    for values in guarded(source.batches(data.slices), data):
        yield {name: [_named_value(value, source.class_names.get(name)) for value in values[name]] for name in values}


def _named_value(value: object, class_names: Sequence[str] | None) -> str:
    if value is MALFORMED or value is None or value != value:
        return ""
    if class_names is not None and isinstance(value, int) and 0 <= value < len(class_names):
        return class_names[value]
    return _encodable(label_key(value))


def _label_name(value: object, source: Source, data: DataConfig) -> str:
    names = source.class_names.get(data.label)
    return (
        names[value] if names is not None and isinstance(value, int) and 0 <= value < len(names) else label_key(value)
    )


def _matches(value: object, wanted: object, class_names: Sequence[str] | None) -> bool:
    if class_names is not None and isinstance(wanted, str) and isinstance(value, int) and 0 <= value < len(class_names):
        value = class_names[value]
    if value is None:
        return False
    # In a CSV file a truth value is text: True, TRUE or true.
    return label_key(value) == label_key(wanted) or (
        isinstance(wanted, bool) and label_key(value).casefold() == label_key(wanted)
    )


def _encodable(text: str) -> str:
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode("utf-8")


def _reason(texts: Sequence[object]) -> str | None:
    """Why a text, or one of a pair, cannot be read."""
    for text, which in zip(texts, ("", " (second text)"), strict=False):
        if text is MALFORMED:
            return "malformed" + which
        if not isinstance(text, str):
            return "not text" + which
        if text != _encodable(text):
            return "undecodable" + which
        if not is_visible(text):
            return "empty" + which
    return None


def label_names(data: DataConfig) -> tuple[str, ...]:
    """The labels of a dataset for which no model exists yet, in a fixed order.

    Those of `data.labels` if given, else the ClassLabel's names, else the sorted values of the column.

    Raises:
        DataError: there are fewer than two labels, or so many that the column cannot hold labels.
    """
    if data.labels:
        return _distinct(data.labels.values())
    source = open_dataset(data)
    if data.label in source.class_names:
        return tuple(source.class_names[data.label])
    values: set[str] = set()
    for batch in guarded(source.batches([data.label]), data):
        values |= {
            label_key(value).strip()
            for value in batch[data.label]
            if isinstance(value, str | int | float) and value == value
        }
        if len(values) > 10_000:
            break
    labels = _distinct(sorted(value for value in values if value and value == _encodable(value)))
    if not 2 <= len(labels) <= 1000:
        more = "more than 1000" if len(labels) > 1000 else len(labels)
        raise DataError(
            f"Column {data.label!r} holds {more} different values; a classifier needs 2 to 1000 labels. "
            "Set data.label or data.labels."
        )
    return labels


def _distinct(names: Iterable[str]) -> tuple[str, ...]:
    """The names without those that differ from an earlier one in case alone, as labels are matched."""
    found: dict[str, str] = {}
    for name in names:
        found.setdefault(_folded(name), name)
    return tuple(found.values())
