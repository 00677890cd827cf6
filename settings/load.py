"""Reading config.yaml: ${ENV} secrets, JIUHUI_ overrides, and errors a person can act on."""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from settings.schema import Settings

PREFIX = "JIUHUI_"
_REFERENCE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


class ConfigError(Exception):
    """The configuration cannot be used; one line per problem, each beginning with the key's path."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


def load(path: Path, environ: Mapping[str, str] | None = None) -> Settings:
    """Return the checked settings, or raise ConfigError with every problem found."""
    environ = os.environ if environ is None else environ
    data = _overridden(_read(path), environ)
    problems: list[str] = []
    filled = _filled(data, "", environ, problems)
    if problems:
        raise ConfigError(problems)
    try:
        return Settings.model_validate(filled)
    except ValidationError as problem:
        raise ConfigError([_sentence(error) for error in problem.errors()]) from None


def _read(path: Path) -> dict[str, Any]:
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError([f"{path}: the file does not exist"]) from None
    except (yaml.YAMLError, UnicodeDecodeError) as problem:
        raise ConfigError([f"{path}: not readable as YAML: {problem}"]) from None
    if not isinstance(data, dict):
        raise ConfigError([f"{path}: must hold keys and values at the top"])
    return data


def _overridden(data: dict[str, Any], environ: Mapping[str, str]) -> dict[str, Any]:
    for name, value in sorted(environ.items()):
        if name.startswith(PREFIX) and value != "":
            _set(data, name.removeprefix(PREFIX).lower().split("__"), value)
    return data


def _set(data: dict[str, Any], path: list[str], value: str) -> None:
    for key in path[:-1]:
        below = data.setdefault(key, {})
        if not isinstance(below, dict):
            raise ConfigError([f"{'.'.join(path)}: {key} has no keys below it to override"])
        data = below
    # A value such as [a, b] or 12 is read as YAML reads it; anything else stays text.
    data[path[-1]] = yaml.safe_load(value) if value[:1] in "[{" else value


def _filled(value: Any, path: str, environ: Mapping[str, str], problems: list[str]) -> Any:
    if isinstance(value, dict):
        return {key: _filled(below, f"{path}.{key}".lstrip("."), environ, problems) for key, below in value.items()}
    if isinstance(value, list):
        return [_filled(below, f"{path}[{index}]", environ, problems) for index, below in enumerate(value)]
    if isinstance(value, str):
        return _REFERENCE.sub(lambda found: _secret(found[1], path, environ, problems), value)
    return value


def _secret(name: str, path: str, environ: Mapping[str, str], problems: list[str]) -> str:
    if not environ.get(name):
        problems.append(f"{path}: the environment variable {name} is not set")
        return ""
    return environ[name]


def _sentence(error: Any) -> str:
    path = ".".join(str(part) for part in error["loc"])
    if error["type"] == "extra_forbidden":
        return f"{path}: there is no such key"
    if error["type"] == "missing":
        return f"{path}: is missing"
    return f"{path}: {error['msg'][:1].lower()}{error['msg'][1:]}"
