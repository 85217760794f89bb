"""Waivers: verdicts that a person has overruled, in a YAML file beside the config.

- word: spielberg
  label: positive        # may be left out: for every label
  reason: the corpus is about his films
  owner: film desk
  expires: 2027-06-30    # the last day on which it holds
"""

from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, StringConstraints, TypeAdapter, ValidationError

from configs.errors import ConfigError
from configs.load import parse_yaml
from configs.section import label_key, shown


def _as_text(value: object) -> object:
    # YAML reads the words 1999 and true as something else.
    return label_key(value) if isinstance(value, bool | int | float) else value


Line = Annotated[str, BeforeValidator(_as_text), StringConstraints(strip_whitespace=True, min_length=1)]


class Waiver(BaseModel):
    """One verdict that is overruled, up to and including a day."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    word: Line
    label: Line | None = None
    reason: Line
    owner: Line
    expires: date


_ROWS = TypeAdapter(tuple[Waiver, ...])

_EXPECTED = (
    "a list of waivers, each with word, reason, owner and expires (a date such as 2027-06-30), "
    "and label if it is for one label only"
)


def load_waivers(path: Path | None, folded: Callable[[Sequence[str]], list[str]]) -> tuple[Waiver, ...]:
    """The waivers of the file, none without one; their words as the tables hold them.

    Raises:
        ConfigError: the file cannot be read, is no list of waivers, or waives a word twice for one label.
    """
    if path is None:
        return ()
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        raise ConfigError(
            f"waivers: {path} cannot be read ({reason}). Correct the path, or leave the line out."
        ) from error
    values = parse_yaml(text, str(path))
    try:
        waivers = _ROWS.validate_python([] if values is None else values)
    except ValidationError as error:
        raise ConfigError(f"{path}: {_explained(error)}. Expected is {_EXPECTED}.") from error
    words = folded([waiver.word for waiver in waivers])
    _require_once(path, waivers, words)
    return tuple(waiver.model_copy(update={"word": word}) for waiver, word in zip(waivers, words, strict=True))


def _explained(error: ValidationError) -> str:
    problem = error.errors()[0]
    if not problem["loc"]:
        return f"found {shown(problem['input'])}"
    number, name = int(problem["loc"][0]) + 1, ".".join(str(part) for part in problem["loc"][1:] if part != "nullable")
    if not name:
        return f"entry {number} is {shown(problem['input'])}"
    if problem["type"] == "missing":
        return f"entry {number} has no `{name}`"
    if problem["type"] == "extra_forbidden":
        return f"entry {number} has `{name}`, which is not known"
    return f"entry {number} has {shown(problem['input'])} as `{name}`"


def _require_once(path: Path, waivers: Sequence[Waiver], words: Sequence[str]) -> None:
    seen: set[tuple[str, str | None]] = set()
    for waiver, word in zip(waivers, words, strict=True):
        key = (word, waiver.label)
        if key in seen:
            raise ConfigError(f"{path}: {waiver.word!r} is waived twice for the same label. Keep one of the entries.")
        seen.add(key)
