"""What a section of settings is made of: its base class, and the types of values that people write."""

import functools
import hashlib
import json
import re
import reprlib
import typing
import unicodedata
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Annotated, Any, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ModelWrapValidatorHandler,
    PlainSerializer,
    PlainValidator,
    StringConstraints,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import InitErrorDetails, PydanticCustomError

if TYPE_CHECKING:
    from upath import UPath


def setting(default: Any, unit: str, **constraints: Any) -> Any:
    """A field with its unit, for `token-audit config` and for the reader."""
    return Field(default, json_schema_extra={"unit": unit}, **constraints)


_SHORT = reprlib.Repr()

_SHORT.maxstring = _SHORT.maxother = 60

_SHORT.maxlevel = 2


def shown(value: object) -> str:
    """A value as it looks in YAML, cut to a line: a config may hold anything."""
    words = {None: "nothing", True: "true", False: "false"}
    if value is None or isinstance(value, bool):
        return words[value]
    return _SHORT.repr(value)


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True, allow_inf_nan=False)

    @classmethod
    def contradictions(cls, given: Mapping[str, Any]) -> Iterator[str]:
        """A sentence for each clash between settings that are right by themselves. `given` is unchecked."""
        yield from ()

    @model_validator(mode="wrap")
    @classmethod
    def _report_clashes_beside_wrong_values(cls, values: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        # A plain validator of the whole model is skipped while one of its fields is wrong: its error would show up one
        # run later.
        problems: list[Any] = []
        section = None
        try:
            section = handler(values)
        except ValidationError as error:
            problems = [_again(problem) for problem in error.errors()]
        if isinstance(values, dict):
            problems += [
                _again({"type": "value_error", "loc": (), "msg": clash, "input": None})
                for clash in cls.contradictions(values)
            ]
        if problems or section is None:
            raise ValidationError.from_exception_data(cls.__name__, problems)
        return section

    @field_validator("*", mode="before")
    @classmethod
    def _no_number_from_a_truth_value(cls, value: Any, info: ValidationInfo) -> Any:
        annotation = cls.model_fields[str(info.field_name)].annotation
        if isinstance(value, bool) and {int, float} & {annotation, *typing.get_args(annotation)}:
            raise ValueError(f"should be a number, got {shown(value)}")
        return value


def _again(problem: Any) -> InitErrorDetails:
    # Not every type of error can be made again by its name (path_type), but a custom one may have any.
    context = {"message": problem["msg"], **problem.get("ctx", {})}
    return InitErrorDetails(
        type=PydanticCustomError(problem["type"], "{message}", context), loc=problem["loc"], input=problem["input"]
    )


def label_key(value: object) -> str:
    """A label, or a value to choose rows by, as text: 1 for 1.0 (integers beside missing values become floats), true
    for True."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


# Not 1.10: it may be a section, and another one than 1.1.
_WHOLE_NUMBER = re.compile(r"\+?(-?(?:0|[1-9][0-9]*))(?:\.0+)?")

_WITHOUT_WIDTH = "\ufeff\u200b\u2060"


def label_name(value: object) -> str:
    """A label as it is shown: without outer spaces, accents composed (NFC), a whole number without decimals (1.0) and
    plus sign."""
    name = unicodedata.normalize("NFC", label_key(value)).strip().strip(_WITHOUT_WIDTH).strip()
    number = _WHOLE_NUMBER.fullmatch(name)
    return name if number is None else str(int(number[1])) if len(name) < 20 else number[1]


def label_form(value: object) -> str:
    """What labels are compared by: `label_name` without case."""
    return _label_form(label_key(value))


# A column of labels has few values.
@functools.lru_cache(maxsize=4096)
def _label_form(key: str) -> str:
    return unicodedata.normalize("NFC", label_name(key).casefold())


def _label_mapping(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    keys = [label_key(key) for key in value]
    names = [label_form(key) for key in keys]
    twice = [key for key, name in zip(keys, names, strict=True) if names.count(name) > 1]
    if twice:
        raise ValueError(
            f"names one label twice ({' and '.join(dict.fromkeys(twice))}); "
            "case, quotes, spaces at the ends, the encoding of accents and .0 make no difference"
        )
    return dict(zip(keys, value.values(), strict=True))


def _not_empty(value: Any) -> Any:
    if isinstance(value, str) and not value.strip():
        # Path("") would be the current folder.
        raise ValueError("is empty; leave the line out, or give a path")
    return home_expanded(value)


def home_expanded(value: Any) -> Any:
    """The path with the home folder in the place of ~, which no shell has replaced in a file or behind --set."""
    if not isinstance(value, str) or not value.startswith("~"):
        return value
    try:
        return str(Path(value).expanduser())
    except RuntimeError as error:
        raise ValueError(f"begins with the home folder of nobody who is known here, got {shown(value)}") from error


def _languages(value: Any) -> Any:
    # YAML reads the code of Norwegian as a truth value.
    codes = ["no" if code is False else code for code in (value if isinstance(value, list | tuple) else [value])]
    for code in codes:
        if not isinstance(code, str) or re.fullmatch("[a-z]{2,3}", code) is None:
            raise ValueError(f"should be codes of ISO 639 such as en or ru, got {shown(code)}")
    return tuple(dict.fromkeys(codes))


def on_store(url: str) -> "UPath":
    """The place of this URL. What another process has written there since is seen at once."""
    # A fifth of a second, which a command that reads local files can do without.
    from upath import UPath

    return UPath(url, use_listings_cache=False)


def _location(value: Any) -> Any:
    value = _not_empty(value)
    if not isinstance(value, str) or "://" not in value:
        if not isinstance(value, str | PurePath) and not hasattr(value, "fs"):
            raise ValueError(f"should be a path or a URL, got {shown(value)}")
        return Path(value) if isinstance(value, str) else value
    if set(value) & set("[]*?"):
        raise ValueError(f"has one of [ ] * ?, by which object stores look for names: {shown(value)}")
    try:
        location = on_store(value)
        location.fs  # noqa: B018
    except (ImportError, ValueError) as error:
        raise ValueError(f"cannot be reached ({error})") from error
    return location


LocalPath = Annotated[Path, BeforeValidator(_not_empty)]


# A folder, or the name of a package.
Encoder = Annotated[str, BeforeValidator(home_expanded)]


# A UPath where it has a scheme: no Path by inheritance, but with its methods.
Location = Annotated[Path, PlainValidator(_location), PlainSerializer(str, return_type=str, when_used="json")]

LabelMapping = Annotated[dict[str, str], BeforeValidator(_label_mapping)]

Languages = Annotated[tuple[str, ...], BeforeValidator(_languages)]


# A commit, because a branch or a tag can move between two audits of "the same" data.
Commit = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{7,40}$")]

# Of data, a branch that is followed on purpose, too.
BRANCH = "branch:"
Revision = Annotated[str, StringConstraints(pattern=r"^([0-9a-f]{7,40}|branch:[A-Za-z0-9][\w./-]*)$")]

RunName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,39}$")]

FUNCTION = r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$"


def settings_of(value: Any) -> Mapping[str, Any]:
    return dict(value) if isinstance(value, Section | dict) else {}


def digest(*parts: object) -> str:
    """SHA-256 of anything JSON can write, in a fixed key order: the name of what went in."""
    text = json.dumps(parts, sort_keys=True, default=str, ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
