"""Who may import whom, and how long things may be."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
MAY_IMPORT: dict[str, set[str]] = {
    "texts": set(),
    "settings": set(),
    "models": set(),
    "rules": {"models"},
    "backtest": {"rules"},
    "reports": {"models", "rules", "texts"},
    "workflows": {"models", "rules", "texts", "settings", "reports"},
    "bots": {"models", "rules", "texts", "settings", "workflows"},
    "web": {"models", "rules", "texts", "settings", "reports", "workflows", "bots"},
    "sandbox": {"models", "rules", "texts", "settings", "workflows", "bots"},
    "running": {"models", "rules", "texts", "settings", "reports", "workflows", "bots", "web", "sandbox", "backtest"},
    "app.py": {"models", "rules", "texts", "settings", "reports", "workflows", "bots", "web", "sandbox", "running"},
}
OURS = {*MAY_IMPORT, "app", "tests", "benchmarks", "migrations"} - {"app.py"}
NETWORK = {"requests", "urllib3", "httpx", "aiohttp", "socket", "http.client", "urllib.request", "websockets"}
#: Files outside bots/ and sandbox/ that may name a network library, and why.
MAY_NAME_NETWORK = {
    "running/build.py": "hands the one HTTP session to the clients of bots/",
    "running/sandboxed.py": "gives the sandbox the session it calls back with",
    "running/demo.py": "gives the sandbox the session it calls back with",
    "running/trial.py": "plays the house without a socket",
    "running/worker.py": "asks for the name of this machine",
}
LONGEST_FUNCTION = 60  # lines, docstring and all
LONGEST_FILE = 400


def files(*folders: str) -> list[Path]:
    found = [path for folder in folders for path in (ROOT / folder).rglob("*.py")]
    return sorted(found) + ([ROOT / "app.py"] if "app.py" in folders and (ROOT / "app.py").exists() else [])


def imports(path: Path) -> Iterator[tuple[str, ast.stmt]]:
    """Every module a file imports, wherever in the file."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node) for alias in node.names)
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module, node


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("folder", MAY_IMPORT)
def test_imports_point_one_way(folder: str) -> None:
    own = folder.removesuffix(".py")
    wrong = {
        (name_of(path), module)
        for path in files(folder)
        for module, _ in imports(path)
        if module.split(".")[0] in OURS - {own} - MAY_IMPORT[folder]
    }

    assert sorted(wrong) == []


@pytest.mark.parametrize("folder", ["web", "bots", "workflows", "reports", "rules", "models"])
def test_nobody_but_the_wiring_knows_the_sandbox(folder: str) -> None:
    users = {
        name_of(path) for path in files(folder) for module, _ in imports(path) if module.split(".")[0] == "sandbox"
    }

    assert users == set()


def test_program_started_in_earnest_does_not_load_the_sandbox() -> None:
    loaded, new = set(), {"app"}
    while new:
        loaded |= new
        new = {module for name in new for module in loads(name)} - loaded

    assert {module for module in loaded if module.split(".")[0] == "sandbox"} == set()
    assert "running.build" in loaded


def loads(module: str) -> set[str]:
    """The modules of ours that are imported as soon as this one is."""
    parts = ROOT.joinpath(*module.split("."))
    path = parts.with_suffix(".py") if parts.with_suffix(".py").exists() else parts / "__init__.py"
    if not path.exists():
        return set()
    found = set()
    for node in tree(path).body:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        if isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return {name for name in found if name.split(".")[0] in OURS}


def test_only_bots_speak_with_the_network() -> None:
    others = files("models", "rules", "reports", "workflows", "web", "texts", "settings", "running", "app.py")
    wrong = {(name_of(path), module) for path in others for module, _ in imports(path) if module in NETWORK}

    assert {pair for pair in wrong if pair[0] not in MAY_NAME_NETWORK} == set()


def test_nothing_is_imported_inside_a_function() -> None:
    found = [
        f"{name_of(path)}:{inner.lineno}"
        for path in files(*MAY_IMPORT)
        for node in ast.walk(tree(path))
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
        for inner in ast.walk(node)
        if isinstance(inner, (ast.Import, ast.ImportFrom)) and not explained(path, inner)
    ]

    assert found == []


def explained(path: Path, node: ast.stmt) -> bool:
    """An import of the command line that must wait, such as the sandbox's, says why beside it."""
    line = path.read_text(encoding="utf-8").splitlines()[node.lineno - 1]
    return (path.name == "app.py" or path.name.startswith("commands")) and "noqa: PLC0415 - " in line


def test_no_function_is_too_long() -> None:
    long = [
        f"{name_of(path)}:{node.name} {length} lines"
        for path in files(*MAY_IMPORT)
        for node in ast.walk(tree(path))
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
        and (length := (node.end_lineno or node.lineno) - node.lineno + 1) > LONGEST_FUNCTION
    ]

    assert long == []


def test_no_file_is_too_long() -> None:
    lengths = {name_of(path): path.read_text(encoding="utf-8").count("\n") for path in files(*MAY_IMPORT)}

    assert {name: lines for name, lines in lengths.items() if lines > LONGEST_FILE} == {}


def test_every_folder_of_ours_is_ruled() -> None:
    folders = {path.parent.name for path in ROOT.glob("*/__init__.py")}

    assert folders - {"tests", "benchmarks"} <= set(MAY_IMPORT)
