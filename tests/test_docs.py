"""The documents say what the program does: commands, keys, tables, names and links are looked up."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import click
import pytest
from pydantic import BaseModel

from running.commands import cli
from settings.schema import Settings
from tests.update_docs import ROOT, between, printed

DOCUMENTS = sorted([*ROOT.glob("README*.md"), *(ROOT / "docs").glob("*.md")])
LARGEST_PICTURE = 400_000  # bytes
REFERENCE = ROOT / "docs" / "operations.md"

_COMMAND = re.compile(r"app\.py ([a-z][^\n`#|，。；]*)")
_TARGET = re.compile(r"`make ([a-z-]+)|^make ([a-z-]+)", re.MULTILINE)
_DOTTED = re.compile(r"`([a-z_]+(?:\[\])?(?:\.[a-z_]+)+)`")
_OVERRIDE = re.compile(r"JIUHUI_([A-Z][A-Z_]*)")
_NAME = re.compile(r"`([\w./-]+\.py):([\w.]+)`")
_PATH = re.compile(r"`((?:[\w-]+/)+[\w.-]+\.(?:py|yaml|md|js|css|html|png))`")
_LINK = re.compile(r"\]\(([^)#\s]+)[^)]*\)")


def _texts() -> Iterator[tuple[str, str]]:
    for path in DOCUMENTS:
        yield path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8")


def _found(pattern: re.Pattern[str]) -> list[tuple[str, re.Match[str]]]:
    return [(name, match) for name, text in _texts() for match in pattern.finditer(text)]


@pytest.mark.parametrize(("document", "marker"), printed())
def test_printed_parts_are_those_of_today(document: str, marker: str) -> None:
    text = (ROOT / document).read_text(encoding="utf-8")
    assert between(text, marker) == printed()[document, marker], "run: python -m tests.update_docs"


def test_every_command_exists() -> None:
    problems = [f"{name}: {said[0]}" for name, said in _found(_COMMAND) if not _is_command(said[1])]
    assert problems == []


def test_every_command_is_explained() -> None:
    said = {_words(match[1])[0] for _, match in _found(_COMMAND)}
    assert set(cli.commands) - said == set()


def test_every_make_target_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert {match[1] or match[2] for _, match in _found(_TARGET)} - targets == set()


def test_every_key_is_in_the_schema() -> None:
    tops = set(Settings.model_fields)
    said = {key for _, match in _found(_DOTTED) if (key := match[1]).split(".")[0].removesuffix("[]") in tops}
    assert said - set(_keys()) == set()


def test_every_key_is_explained() -> None:
    text = REFERENCE.read_text(encoding="utf-8")
    assert [key for key in _keys() if f"`{key}`" not in text] == []


def test_every_override_means_a_key() -> None:
    keys = {key.replace("[]", "").upper().replace(".", "__") for key in _keys()}
    sections = {key.split("__")[0] for key in keys}
    said = {match[1].rstrip("_") for _, match in _found(_OVERRIDE)}
    assert said - keys - sections == set()


def test_every_named_thing_is_in_its_file() -> None:
    problems = [f"{name}: {match[0]}" for name, match in _found(_NAME) if match[2] not in _names_in(ROOT / match[1])]
    assert problems == []


def test_every_named_file_exists() -> None:
    problems = [
        f"{name}: {match[1]}"
        for name, match in _found(_PATH)
        if not match[1].startswith("var/") and not (ROOT / match[1]).is_file()
    ]
    assert problems == []


def test_every_link_leads_somewhere() -> None:
    problems = [
        f"{name}: {match[1]}"
        for name, match in _found(_LINK)
        if "://" not in match[1] and not (ROOT / name).parent.joinpath(match[1]).exists()
    ]
    assert problems == []


def test_pictures_are_small() -> None:
    pictures = list((ROOT / "docs").glob("*.png"))
    assert pictures
    assert [path.name for path in pictures if path.stat().st_size > LARGEST_PICTURE] == []


def _words(said: str) -> list[str]:
    return said.split()


def _is_command(said: str) -> bool:
    """Whether the words name a command, and every option behind it is one it has."""
    command: click.Command = cli
    words = _words(said)
    while isinstance(command, click.Group) and words and words[0] in command.commands:
        command = command.commands[words.pop(0)]
    options = {name for parameter in command.params for name in parameter.opts}
    asked = {word.split("=")[0] for word in words if word.startswith("--")}
    return not isinstance(command, click.Group) and asked <= options


def _keys(section: type[BaseModel] = Settings, path: str = "") -> Iterator[str]:
    for name, field in section.model_fields.items():
        below = _section_of(field.annotation)
        if below is None:
            yield path + name
        else:
            is_list = field.annotation is not below
            yield from _keys(below, f"{path}{name}{'[]' if is_list else ''}.")


def _section_of(annotation: object) -> type[BaseModel] | None:
    for kind in (annotation, *getattr(annotation, "__args__", ())):
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            return kind
    return None


@cache
def _names_in(path: Path) -> frozenset[str]:
    """Top-level names of a module, and `Class.member` for what its classes hold."""
    if not path.is_file():
        return frozenset()
    found: set[str] = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        found |= _named(node)
        if isinstance(node, ast.ClassDef):
            found |= {f"{node.name}.{name}" for part in node.body for name in _named(part)}
    return frozenset(found)


def _named(node: ast.stmt) -> set[str]:
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return {node.name}
    if isinstance(node, ast.Assign):
        return {target.id for target in node.targets if isinstance(target, ast.Name)}
    if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
        return {node.target.id}
    return set()
