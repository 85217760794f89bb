"""Read a config file and report every mistake at once; list every setting.

A message names the file (or the `--set`), the dotted key, the value, and what to do.
"""

import difflib
import json
import re
import textwrap
import types
import typing
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import ValidationError

from configs.errors import ConfigError
from configs.schema import AuditConfig
from configs.section import Section, shown
from configs.where import resolved


class _Loader(yaml.SafeLoader):
    """YAML with two of PyYAML's traps removed.

    It keeps the last of two equal keys without a word, and it reads the labels `yes`
    and `no` as truth values.
    """


def _mapping_of_unique_keys(loader: yaml.SafeLoader, node: yaml.MappingNode) -> dict[Any, Any]:
    seen: set[Any] = set()
    for key_node, _ in node.value:
        if key_node.tag == "tag:yaml.org,2002:merge":
            continue
        key = loader.construct_object(key_node, deep=True)
        if not isinstance(key, str | int | float):
            raise yaml.constructor.ConstructorError(
                None, None, "a key should be a word or a number", key_node.start_mark
            )
        if key in seen:
            raise yaml.constructor.ConstructorError(None, None, f"the key `{key}` is given twice", key_node.start_mark)
        seen.add(key)
    return loader.construct_mapping(node, deep=True)


def _whole_characters(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> str:
    """JSON, which is YAML, may write one character as two halves (\\ud83d\\ude42)."""
    text = str(loader.construct_scalar(node))
    return text if text.isascii() else text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:bool"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}

_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:bool", re.compile(r"^(?:true|True|TRUE|false|False|FALSE)$"), list("tTfF")
)

_Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping_of_unique_keys)

_Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_SCALAR_TAG, _whole_characters)


def parse_yaml(text: str, where: str) -> Any:
    """The values of a YAML text; `where` names it in messages.

    Raises:
        ConfigError: it is not valid YAML, or gives a key twice.
    """
    try:
        return yaml.load(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        raise ConfigError(f"{where}: not valid YAML: {place}{error.problem or error.context}.") from error
    except (yaml.YAMLError, ValueError) as error:
        raise ConfigError(f"{where}: not valid YAML: {' '.join(str(error).split())}.") from error
    except RecursionError as error:
        raise ConfigError(f"{where}: not valid YAML: too many levels inside each other.") from error


def override(key: str, value: Any) -> str:
    """A value as one writes it behind --set."""
    return f"{key}={yaml.safe_dump(value, default_flow_style=True, width=float('inf')).strip()}"


def load_config(path: Path, overrides: Sequence[str] = (), as_of: date | None = None) -> AuditConfig:
    """Read and check one config file; `overrides` are `dotted.key=value`, the value in YAML; of two for one key the
    last holds. Dates relative to the run are put in: those of the day `as_of`, by default today's, in UTC.

    Raises:
        ConfigError: with a line for every mistake: file, key, value, and the nearest known key.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        ready = ", ".join(sorted(file.name for file in Path(__file__).parent.glob("*.yaml")))
        raise ConfigError(
            f"{path}: cannot be read ({reason}). Ready-made configs are in {Path(__file__).parent}: {ready}."
        ) from error
    values = parse_yaml(text, str(path))
    if not isinstance(values, dict):
        raise ConfigError(
            f"{path}: should be a mapping of settings (key: value), found {shown(values)}. "
            "Start from configs/demo.yaml."
        )
    lines: list[str] = []
    sources: dict[str, str] = {}
    for override in overrides:
        key, equals, value = override.partition("=")
        *sections, last = names = [name.strip() for name in key.split(".")]
        if not equals or not all(names):
            lines.append(f"--set {override}: should be KEY=VALUE, for example attribution.mode=document.")
            continue
        target = values
        for section in sections:
            if not isinstance(target.get(section), dict):
                target[section] = {}
            target = target[section]
        sources[".".join(names)] = f"--set {override}"
        try:
            target[last] = parse_yaml(value, f"--set {override}")
        except ConfigError as error:
            lines.append(str(error))
    try:
        config = AuditConfig.model_validate(values)
    except ValidationError as error:
        problems = [single for problem in error.errors() for single in _singly(problem)]
        explained = [_explain(problem, _source(_dotted(problem["loc"]), sources, path)) for problem in problems]
        raise ConfigError("\n".join(dict.fromkeys(lines + explained))) from error
    if lines:
        raise ConfigError("\n".join(lines))
    return _dated(config, as_of or datetime.now(UTC).date())


def _dated(config: AuditConfig, as_of: date) -> AuditConfig:
    changed = {}
    for name in ("data", "compare", "finetune"):
        section = getattr(config, name)
        if section is not None and section.where:
            changed[name] = section.model_copy(update={"where": resolved(section.where, as_of)})
    return config.model_copy(update=changed) if changed else config


# What pydantic puts into the place of an error beside names of settings: the branches of a union and of a mapping.
_NOT_A_NAME = re.compile(r"^(?:constrained-|function-|nullable|\[key\]$|(?:str|int|bool|float|path)$)")


def _dotted(location: tuple[int | str, ...]) -> str:
    """The key a user would write. The first two parts are always names: `data.path` is one."""
    return ".".join(str(part) for i, part in enumerate(location) if i < 2 or not _NOT_A_NAME.match(str(part)))


def _source(key: str, sources: Mapping[str, str], path: Path) -> str:
    """The override the value came from, or the file; a clash of settings can come from both."""
    exact = [source for name, source in sources.items() if name == key or key.startswith(f"{name}.")]
    inside = [source for name, source in sources.items() if not key or name.startswith(f"{key}.")]
    return (
        exact[-1]
        if exact
        else " ".join([str(path), *(f"with {source}" if i == 0 else source for i, source in enumerate(inside))])
    )


def _section_of(annotation: Any) -> type[Section] | None:
    for candidate in (annotation, *typing.get_args(annotation)):
        if isinstance(candidate, type) and issubclass(candidate, Section):
            return candidate
    return None


def _singly(problem: Any) -> Iterator[Any]:
    """The problem; of a section of version 0.1 that is gone, one for each setting in it."""
    location, given = problem["loc"], problem["input"]
    if problem["type"] == "extra_forbidden" and location[-1] in _GONE_SECTIONS and isinstance(given, dict) and given:
        for name, value in given.items():
            yield {**problem, "loc": (*location, name), "input": value}
    else:
        yield problem


def _explain(problem: Any, source: str) -> str:
    """One line for one of pydantic's errors, in the words of the config file."""
    location, kind, got = problem["loc"], problem["type"], problem["input"]
    key = _dotted(location)
    if kind == "extra_forbidden" and key in RENAMED:
        return f"{source}: `{key}` is not a setting. {RENAMED[key]}"
    if kind == "extra_forbidden" and location[0] in _GONE_SECTIONS:
        return f"{source}: `{key}` is not a setting. `token-audit config --all` lists every setting."
    if kind in ("extra_forbidden", "invalid_key"):
        section: type[Section] = AuditConfig
        for part in location[:-1]:
            section = _section_of(section.model_fields[str(part)].annotation) or section
        known = list(section.model_fields)
        near = difflib.get_close_matches(str(location[-1]), known, n=1, cutoff=0.6)
        hint = f" Did you mean `{near[0]}`?" if near else _elsewhere(str(location[-1]))
        return f"{source}: `{key}` is not a setting.{hint} Known here: {', '.join(known)}."
    if kind == "missing":
        return f"{source}: `{key}` is missing. `token-audit config` lists every setting."
    if kind == "value_error":
        message = problem["msg"].removeprefix("Value error, ")
        return f"{source}: `{key}` {message}." if key else f"{source}: {message}."
    hint = _quotes(kind, got)
    return f"{source}: `{key}` should be {_wanted(problem, key)}, got {shown(got)}{hint}."


RENAMED: dict[str, str] = {
    "aggregation.min_examples": "It is `statistics.min_examples` now.",
    "aggregation.sure_q": "It is `statistics.fdr` now.",
    "flagging.max_q": "It is `statistics.fdr` now.",
    "flagging.min_score": "It is `screening.min_score` now.",
    "flagging.recogniser": "It is `screening.recogniser` now.",
    "verification.max_candidates": "It is `screening.max_candidates` now.",
    "verdicts.max_foretold": "It is `verdicts.max_explained` now.",
    "verdicts.max_predicted": "It is `verdicts.max_explained` now.",
    "report.title": "It is `title` now, at the top level.",
    "explain.title": "It is `title` now, at the top level.",
    "explain.mistakes_first": "It is `explain.choose` now: mistakes for true, first for false, or both.",
    "attribution.method": "Write `attribution.methods: certified`, or list `attribution.methods`.",
    "workers.job_minutes": "It is the environment variable TOKEN_AUDIT_JOB_MINUTES now.",
    "attribution.baseline_sweep": "It is gone: `token-audit certify` compares baselines.",
    "attribution.max_gradients": "It is gone: `attribution.interval_width` says how precise figures should be.",
    "flagging.min_spuriousness": "It is gone: words are called spurious by their trials alone.",
    **{
        f"aggregation.bootstrap_{name}": "It is gone, with the bootstrap: every word has its interval without it."
        for name in ("words", "examples", "replicates", "seed")
    },
    **{
        f"{section}.{name}": "It is a constant now."
        for section, names in {
            "model": "overlap",
            "finetune": "batch_size frozen_layers",
            "attribution": "max_noise interval_examples max_doublings",
            "aggregation": "prior_examples min_pmi",
            "flagging": "min_capitalised min_casing_examples",
            "verification": "min_similarity seed",
            "verdicts": "min_operators min_texts min_turned max_opposite max_spread min_surface max_surface",
            "certification": "rate strengths names name_strength probes min_learned baselines",
            "recommendation": "max_vocabulary max_hints min_hint_examples min_hint_lift",
            "report": "top_words sentences browser_sentences",
        }.items()
        for name in names.split()
    },
}
"""Setting of an earlier version that is none any more -> what became of it."""

_GONE_SECTIONS = {key.partition(".")[0] for key in RENAMED} - set(AuditConfig.model_fields)


def _elsewhere(name: str) -> str:
    """A hint where a setting was written into the wrong section."""
    places = [row["key"] for row in settings() if row["key"].rsplit(".", 1)[-1] == name]
    return f" Did you mean `{places[0]}`?" if len(places) == 1 else ""


_WANTED = {
    "int": "a whole number",
    "float": "a number",
    "finite": "a finite number",
    "bool": "true or false",
    "string": "text",
    "path": "a path",
    "model": "a mapping of settings (key: value)",
    "dict": "a mapping (key: value)",
}

_BOUNDS = {
    "greater_than": ("more than", "gt"),
    "greater_than_equal": ("at least", "ge"),
    "less_than": ("less than", "lt"),
    "less_than_equal": ("at most", "le"),
}


def _wanted(problem: Any, key: str) -> str:
    kind, context = problem["type"], problem.get("ctx", {})
    if kind in _BOUNDS:
        words, name = _BOUNDS[kind]
        return f"{words} {context[name]:g}"
    if kind == "literal_error":
        return f"one of {context['expected']}".replace(" or ", ", ").replace("'", "")
    if kind == "string_too_long":
        return f"at most {context['max_length']} characters long"
    if kind == "string_pattern_mismatch":
        if key == "report.address":
            return "an address that begins with http:// or https://"
        followed = ", or branch:NAME to follow one" if key != "model.revision" else ""
        return (
            f"a commit, 7 to 40 hex digits (a branch or a tag can move){followed}"
            if key.endswith("revision")
            else "1 to 40 of the characters a-z, 0-9, - and _, the first a letter or digit"
        )
    return _WANTED[kind.split("_")[0]]


def _quotes(kind: str, got: object) -> str:
    """YAML reads 1234567 as a number and 2026-01-01 as a date, where a name or a commit may be meant."""
    is_scalar = got is not None and not isinstance(got, dict | list | str)
    return " (put it in quotes if it is meant as text)" if kind == "string_type" and is_scalar else ""


def settings(section: type[Section] = AuditConfig, prefix: str = "") -> Iterator[dict[str, str]]:
    """Every setting as a row: key, type, unit, default, meaning. `compare`, whose settings are those of `data`, is
    one."""
    for name, field in section.model_fields.items():
        inner = _section_of(field.annotation)
        if inner is not None and name != "compare":
            yield from settings(inner, f"{prefix}{name}.")
            continue
        extra = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
        default = (
            "required" if field.is_required() else json.dumps(field.get_default(call_default_factory=True), default=str)
        )
        bounds = [
            f"{sign} {getattr(limit, name)}"
            for limit in field.metadata
            for name, sign in (("ge", ">="), ("gt", ">"), ("le", "<="), ("lt", "<"))
            if hasattr(limit, name)
        ]
        yield {
            "key": prefix + name,
            "type": "as data" if inner is not None else _type_name(field.annotation),
            "unit": ", ".join([str(extra.get("unit", "")), *bounds]).strip(", "),
            "default": default,
            "meaning": (field.description or "").replace("\n", " "),
        }


def sections() -> dict[str, str]:
    """Name of each section -> what it is about."""
    return {
        name: (field.description or "").replace("\n", " ")
        for name, field in AuditConfig.model_fields.items()
        if _section_of(field.annotation) is not None and name != "compare"
    }


def commented_yaml() -> str:
    """A config file to start from: what an audit needs, and every other setting behind a # with its default."""
    lines = ["# A config of token-audit. A line that begins with #name: is a setting with its default."]
    about, section = sections(), ""
    for row in settings():
        name, _, last = row["key"].rpartition(".")
        indent = "  " if name else ""
        if name and name != section:
            lines += ["", *_wrapped(about[name], ""), f"{name}:" if name in _NEEDED else f"#{name}:"]
        section = name
        kind = ", ".join(filter(None, [row["type"], row["unit"]]))
        lines += _wrapped(f"{row['meaning']} ({kind})", indent)
        given = _NEEDED.get(row["key"])
        default = "null" if row["default"] == "required" else row["default"]
        lines.append(f"{indent}#{last}: {default}" if given is None else f"{indent}{last}: {given}")
    return "\n".join(lines) + "\n"


_NEEDED = {
    "name": "my-audit",
    "data": "",
    "data.path": "reviews.csv",
    "model": "",
    "model.path": "checkpoints/my-classifier",
}


def _wrapped(text: str, indent: str) -> list[str]:
    return textwrap.wrap(text, 110, initial_indent=f"{indent}# ", subsequent_indent=f"{indent}# ")


def _type_name(annotation: Any) -> str:
    if typing.get_origin(annotation) is Literal:
        return " | ".join(str(choice) for choice in typing.get_args(annotation))
    if typing.get_origin(annotation) is Annotated:
        return _type_name(typing.get_args(annotation)[0])
    if isinstance(annotation, types.UnionType) or typing.get_origin(annotation) is typing.Union:
        return " | ".join(_type_name(part) for part in typing.get_args(annotation))
    if typing.get_origin(annotation) is dict:
        return "mapping"
    if typing.get_origin(annotation) is tuple:
        return f"list of {_type_name(typing.get_args(annotation)[0])}"
    return {type(None): "none", str: "text", int: "integer", float: "number", bool: "true or false", Path: "path"}[
        annotation
    ]
