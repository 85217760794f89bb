"""Placeholders for names, in everything that leaves the warehouse: pages, exports, artifacts and the terminal.

A `Redactor` stands between the warehouse and who reads it (`hide_names`): what a query returns leaves with
placeholders, and a placeholder in a parameter goes in as its name. A placeholder is one word, so that spans, places
and rules still fit. It is a hash with the salt of the run, which stays beside its texts: no list of names undoes it.
"""

import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import yaml

from configs.schema import AuditConfig
from tasks.runs.run import Run
from tasks.runtime.parts import read_manifest, write_part
from tasks.text.words import word_spans
from warehouse import Warehouse, folded, open_warehouse, seed

_FIXED = {
    *("action", "arm", "baseline", "change", "expectation", "is_finding", "kind", "language", "list", "method", "mode"),
    *("model", "one", "operator", "part", "place", "several", "state", "status", "title", "type", "verdict", "warp"),
    *("versions", "corpus", "identity_group", "name_list", "place_kind", "word_group", "first_type", "second_type"),
    *("sort", "script", "answer"),
    # Labels are those of the model, and no part of a text.
    *("label", "labels", "gold_label", "predicted_label", "target_label", "given_label", "suggested"),
    *("predicted_before", "predicted_after"),
}
"""Columns, fields and keys whose values are none of the data's own."""

_MIN_DIGITS, _MIN_LETTERS = 4, 4
_ESCAPE = re.compile(r"(\\[A-Za-z])")
_CUT_START, _CUT_END = re.compile(r"\A\w+(?=\W)"), re.compile(r"(?<=\W)\w+\Z")
_LETTERS = re.compile(r"[^\W\d_]+")
_PLACEHOLDER = re.compile(r"\bname[0-9a-f]+\b", re.IGNORECASE)


class Edit(NamedTuple):
    """A stretch of a text, in code points, and what stands there instead."""

    start: int
    end: int
    new: str


class Redactor:
    """The names of a run and their placeholders."""

    def __init__(self, salt: str, words: Mapping[str, bool], pieces: Iterable[str] = ()) -> None:
        """`words`: every word of the explained texts in lower case, and whether it is a name; `pieces` of names."""
        self._salt, self._known, given = salt.encode(), dict(words), set(pieces)
        names = {name for name, is_named in words.items() if is_named} | given
        self._digits = _MIN_DIGITS
        while len({self._hash(name) for name in names}) < len(names):
            self._digits += 1
        self._pieces = {piece: _like_piece(self._placeholder(piece), piece) for piece in given}
        self._names = {self._placeholder(name): name for name in names - given}
        self._names |= {placeholder: piece for piece, placeholder in self._pieces.items()}
        self._folded: dict[str, str] = {}
        self._found: dict[str, list[Edit]] = {}
        self._edits: dict[int, list[Edit]] = {}

    def _hash(self, name: str) -> str:
        return hmac.new(self._salt, name.encode(), hashlib.sha256).hexdigest()[: self._digits]

    def _placeholder(self, name: str) -> str:
        return f"name{self._hash(name)}"

    # ------------------------------------------------------------ what a warehouse asks

    def inward(self, params: Mapping[str, object]) -> dict[str, object]:
        """Parameters with names in the place of placeholders, where they hold words."""
        return {key: self._restored(value) if key in ("word", "words") else value for key, value in params.items()}

    def outward(self, path: str, table: pa.Table) -> pa.Table:
        """What a query returned, without names, and with its spans moved to where the words stand now."""
        rows = table.to_pylist()
        if path == "report/rule_examples":
            # Its texts are cut between letters, and a part of a name is no name.
            rows = [
                row | {"before": _CUT_START.sub("", row["before"]), "behind": _CUT_END.sub("", row["behind"])}
                for row in rows
            ]
        self._learn(part for row in rows for string in _strings(row) for part in (string, *_ESCAPE.split(string)))
        return pa.Table.from_pylist([self._row(path, row) for row in rows], schema=table.schema)

    def _row(self, path: str, row: dict[str, Any]) -> dict[str, Any]:
        found = {name: self._value(name, value) for name, value in row.items()}
        if path == "report/changed_rules":
            found["changed"] = yaml.safe_dump(
                self._value("", yaml.safe_load(row["changed"])), sort_keys=False, allow_unicode=True
            )
        if path == "report/sentences":
            self._edits[row["example_id"]] = self.edits(row["text"])
        if path == "report/sentence_tokens":
            edits = self._edits[row["example_id"]]
            found |= dict(
                zip(("token_start", "token_end"), moved(edits, row["token_start"], row["token_end"]), strict=True)
            )
        if row.get("match_start") is not None and "text" in row:
            found |= dict(
                zip(
                    ("match_start", "match_end"),
                    moved(self.edits(row["text"]), row["match_start"], row["match_end"]),
                    strict=True,
                )
            )
        if row.get("spans") is not None and "text" in row:
            edits = self.edits(row["text"])
            places = [moved(edits, span["span_start"], span["span_end"]) for span in row["spans"]]
            found["spans"] = [{"span_start": start, "span_end": end} for start, end in places]
        return found

    def _value(self, name: str, value: Any) -> Any:
        if name in _FIXED:
            return value
        if isinstance(value, str):
            # In a regular expression a word may follow an escape, as in \bseagal.
            return "".join(map(self.text, _ESCAPE.split(value)))
        if isinstance(value, list):
            # A map is a list of pairs.
            return [
                (item[0], self._value(item[0], item[1])) if isinstance(item, tuple) else self._value(name, item)
                for item in value
            ]
        if isinstance(value, dict):
            is_rule = value.keys() == {"rule", "figures", "words"}
            return {key: own if is_rule and key == "rule" else self._value(key, own) for key, own in value.items()}
        return value

    def _restored(self, value: object) -> object:
        if isinstance(value, str):
            return self._names.get(value) or _PLACEHOLDER.sub(
                lambda found: self._names.get(found[0].lower(), found[0]), value
            )
        return [self._restored(item) for item in value] if isinstance(value, list | tuple) else value

    # ------------------------------------------------------------ texts

    def text(self, text: str) -> str:
        """The text with a placeholder for each name."""
        if text in self._pieces:
            return self._pieces[text]
        return edited(text, self.edits(text))

    def texts(self, texts: Iterable[str]) -> tuple[str, ...]:
        """Sentences of ours that name words."""
        return tuple(str(self._value("", text)) for text in texts)

    @staticmethod
    def is_placeholder(word: str) -> bool:
        """Whether the word holds a placeholder."""
        return _PLACEHOLDER.search(word) is not None

    def edits(self, text: str) -> list[Edit]:
        """Where names stand in a text, and their placeholders."""
        if text not in self._found:
            self._learn([text])
            spans = word_spans(text)
            self._found[text] = [
                edit for start, end in spans for edit in self._in_word(start, text[start:end], len(spans) == 1)
            ]
        return self._found[text]

    def _in_word(self, start: int, surface: str, alone: bool) -> list[Edit]:
        """A word that is a name, or the names in one such as `O'Hara`; `alone`: it is the whole text."""
        word = self._folded[surface]
        if self._is_name(surface, word, alone):
            return [Edit(start, start + len(surface), self._cased(word, surface))]
        # `don't` is no Don.
        least = _MIN_LETTERS if "'" in word else 1
        return [
            Edit(start + run.start(), start + run.end(), self._cased(self._folded[run[0]], run[0]))
            for run in _LETTERS.finditer(surface)
            if least <= len(run[0]) < len(surface) and self._known.get(self._folded[run[0]], False)
        ]

    def _is_name(self, surface: str, word: str, alone: bool) -> bool:
        """By its type in this run; a word of other texts by the lists, where it has a capital or is a keyword."""
        if "@" in surface and len(surface) > 1:
            return True
        known = self._known.get(word)
        if known is not None:
            return known
        return (alone or surface[:1].isupper()) and word in _listed()

    def _cased(self, word: str, surface: str) -> str:
        found = self._placeholder(word)
        return found.capitalize() if surface[:1].isupper() else found

    def _learn(self, texts: Iterable[str]) -> None:
        """Fold the words of these texts, in one query."""
        surfaces = set[str]()
        for text in set(texts):
            for start, end in word_spans(text):
                surfaces.update((text[start:end], *_LETTERS.findall(text[start:end])))
        new = sorted(surfaces - self._folded.keys())
        if new:
            self._folded |= zip(new, folded(new), strict=True)


def _like_piece(placeholder: str, piece: str) -> str:
    """With the dots where the word goes on."""
    return f"{'·' * piece.startswith('·')}{placeholder}{'·' * piece.endswith('·')}"


def edited(text: str, edits: Sequence[Edit]) -> str:
    """The text with its edits."""
    for start, end, new in reversed(edits):
        text = f"{text[:start]}{new}{text[end:]}"
    return text


def moved(edits: Sequence[Edit], start: int, end: int) -> tuple[int, int]:
    """Where a span stands behind the edits; one inside a name is the whole placeholder."""

    def place(at: int, *, is_end: bool) -> int:
        shift = 0
        for edit in edits:
            if at <= edit.start or (not is_end and at < edit.start):
                break
            if at < edit.end or (is_end and at == edit.end):
                return edit.start + shift + (len(edit.new) if is_end else 0)
            shift += len(edit.new) - (edit.end - edit.start)
        return at + shift

    return place(start, is_end=False), place(end, is_end=True)


def shown_at(edits: Sequence[Edit], start: int, end: int) -> tuple[tuple[int, int], str]:
    """Where a token stands behind the edits, and the placeholder that it is a part of, if it is."""
    inside = [edit.new for edit in edits if edit.start < end and start < edit.end]
    return moved(edits, start, end), inside[0] if inside else ""


def _strings(value: Any) -> Iterable[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for own in value.values():
            yield from _strings(own)
    elif isinstance(value, list | tuple):
        for own in value:
            yield from _strings(own)


@cache
def _listed() -> frozenset[str]:
    """Names and places of the lists that are no ordinary words too."""
    names = set(pq.read_table(seed("census_names.parquet"), columns=["name"])["name"].to_pylist())
    lists = [pyarrow.csv.read_csv(seed(f"{name}.csv")) for name in ("places", "ordinary_words")]
    places, ordinary = (set(table.column(0).to_pylist()) for table in lists)
    return frozenset((names | places) - ordinary)


def redactor_of(config: AuditConfig, run: Run, warehouse: Warehouse | None = None) -> Redactor | None:
    """The redactor of a run, with the salt that its storage keeps; None where names are shown.

    Without tables of the run, as for texts that are explained alone, the lists say what a name is.
    """
    if config.report.redact is None:
        return None
    manifest = run.storage / "redaction.json"
    if read_manifest(manifest) is None:
        write_part(manifest, {}, {"salt": secrets.token_hex(16)})
    salt = str((read_manifest(manifest) or {})["salt"])
    if warehouse is not None:
        return _of_tables(salt, warehouse)
    if config.warehouse.is_file():
        with open_warehouse(config.warehouse, read_only=True) as opened:
            if opened.rows("registry/stage_key", {"run_id": run.run_id, "stage": "screen"}):
                opened.use(run.run_id)
                return _of_tables(salt, opened)
    return Redactor(salt, {})


def _of_tables(salt: str, warehouse: Warehouse) -> Redactor:
    assert warehouse.curtain is None, "behind placeholders there are no names to find"
    rows = warehouse.rows("report/names", {})
    words = {row["word"]: row["is_named"] for row in rows if row["kind"] == "word"}
    return Redactor(salt, words, [row["word"] for row in rows if row["kind"] == "piece" and row["is_named"]])


def hide_names(warehouse: Warehouse, config: AuditConfig, run: Run) -> None:
    """From now on no name of this run, whose schema `warehouse` uses, leaves it, if the settings say so."""
    warehouse.curtain = None
    warehouse.curtain = redactor_of(config, run, warehouse)
