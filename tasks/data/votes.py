"""Labels that rules give to the rows of a dataset: rules of a YAML file, or a table of votes that other tools wrote.

A table of votes (Parquet, CSV or TSV) has a column for each rule and a row for each row of the dataset, in its order,
or found by a column of the name of `data.id`. A vote is the name of a label as the dataset or the model writes it; -1,
an empty cell or a missing value abstain.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from configs.errors import DataError
from configs.schema import DataConfig
from configs.section import digest, label_form, label_key
from tasks.data.files import listed
from tasks.data.labels import label_resolver
from tasks.data.matching import Matcher, resolved
from tasks.data.rows import Row
from tasks.data.rules import Rules, read_rules, require_known_labels, write_rules
from tasks.data.sources import open_dataset
from tasks.runtime.plugins import first_line

TABLES = (".parquet", ".csv", ".tsv")


@dataclass(frozen=True)
class Votes:
    """The votes of rules that are known by name only."""

    rules: tuple[str, ...]
    by_id: bool
    """Whether rows are found by their id; else by their number."""
    votes: Mapping[str, tuple[int, ...]]
    """Row -> the rules that vote for it and their labels, as rule, label, rule, label, ..."""

    def of(self, row: Row) -> dict[int, int]:
        """Rule -> index of the label that it votes for.

        Raises:
            DataError: the table has no such row.
        """
        key = row.source_id if self.by_id else str(row.number)
        found = self.votes.get(key)
        if found is None:
            raise DataError(f"The votes have no row for {key!r} of the dataset: they are those of other rows.")
        return dict(zip(found[::2], found[1::2], strict=True))

    def label(self, row: Row) -> int:
        """The label with the most votes, among equals that of the rule that stands first; -1 without any vote."""
        return majority(self.of(row))


def majority(votes: Mapping[int, int]) -> int:
    """Of rule -> label, the label with the most votes, among equals that of the first rule; -1 without any."""
    count: dict[int, int] = {}
    for _, label in sorted(votes.items()):
        count[label] = count.get(label, 0) + 1
    return max(count, key=lambda label: count[label], default=-1)


def read_labelling(path: Path, data: DataConfig, labels: Sequence[str]) -> Rules | Votes:
    """The rules of a YAML file, or the votes of a table, whose labels are all the model's.

    Raises:
        ConfigError: as `read_rules`, or a label is unknown.
        DataError: the votes are those of other rows, or cannot be read.
    """
    if path.suffix.lower() in TABLES:
        return _read_votes(path, data, labels)
    rules = read_rules(path)
    require_known_labels(rules, labels, str(path))
    return rules


def labelling_key(labelling: Rules | Votes) -> str:
    """A hash of what decides labels: comments and the layout of a file do not."""
    if isinstance(labelling, Rules):
        return digest("rules", write_rules(labelling))
    return digest("votes", labelling.rules, labelling.by_id, dict(labelling.votes))


def rule_labels(labelling: Rules | Votes, rows: Sequence[Row], labels: Sequence[str]) -> list[int]:
    """The index of the label that the rules give each row, -1 where they abstain. The label of the row is not read.

    Raises:
        DataError: a pattern backtracks without bound, or the votes lack a row.
    """
    if isinstance(labelling, Votes):
        return [labelling.label(row) for row in rows]
    index = {label_form(label): i for i, label in enumerate(labels)}
    matcher = Matcher(labelling)
    found = [resolved(labelling, {match.rule for match in matcher.matches(row.text)}) for row in rows]
    return [-1 if label is None else index[label_form(label)] for label in found]


def _read_votes(path: Path, data: DataConfig, labels: Sequence[str]) -> Votes:
    dataset = open_dataset(data)
    columns = _table(path)
    by_id = data.id is not None and data.id in columns
    rules = tuple(name for name in columns if not (by_id and name == data.id))
    number = len(next(iter(columns.values()), []))
    if not rules or not number:
        raise DataError(f"{path} has no votes: it needs a column for each rule and a row for each text.")
    if not by_id and number != dataset.num_rows:
        raise DataError(
            f"{path} has {number} rows of votes, the dataset {dataset.num_rows}: they are those of other rows. "
            "Add a column with the ids of the dataset, named as data.id."
        )
    label_of = _resolver(data, dataset.class_names.get(data.label), labels)
    votes: dict[str, tuple[int, ...]] = {}
    for at in range(number):
        key = label_key(columns[str(data.id)][at]) if by_id else str(at)
        if key in votes:
            raise DataError(f"{path} has votes for {key!r} twice.")
        given: list[int] = []
        for i, name in enumerate(rules):
            vote = columns[name][at]
            if _abstains(vote):
                continue
            label = label_of(vote)
            if label < 0:
                raise DataError(
                    f"{path}: the rule {listed([name])} votes {listed([vote])}, which is no label of the model "
                    f"({listed(labels)}) nor of data.labels. Write names of labels, and -1 where a rule abstains."
                )
            given += [i, label]
        votes[key] = tuple(given)
    return Votes(rules, by_id, votes)


def _table(path: Path) -> Mapping[str, Sequence[object]]:
    try:
        if path.suffix.lower() == ".parquet":
            table = pq.read_table(path)
        else:
            delimiter = "," if path.suffix.lower() == ".csv" else "\t"
            table = pa_csv.read_csv(path, parse_options=pa_csv.ParseOptions(delimiter=delimiter))
        return {name: table[name].to_pylist() for name in table.column_names}
    except (OSError, ValueError, KeyError, pa.ArrowException) as error:
        raise DataError(f"Votes: {path} cannot be read as a table: {first_line(error)}.") from error


def _abstains(vote: object) -> bool:
    return vote is None or vote != vote or label_key(vote).strip() in ("", "-1")


def _resolver(data: DataConfig, class_names: Sequence[str] | None, labels: Sequence[str]) -> Callable[[object], int]:
    """A function from a vote to the index of the label; -1 for what is none."""
    own = {label_form(label): i for i, label in enumerate(labels)}
    of_dataset = label_resolver(class_names, data, labels)

    def resolve(vote: object) -> int:
        if class_names is not None and not isinstance(vote, int):
            names = [label_form(name) for name in class_names]
            vote = names.index(label_form(vote)) if label_form(vote) in names else vote
        found = of_dataset(vote)
        return own.get(label_form(vote), -1) if found < 0 else found

    return resolve
