"""Files beside the pages: the font is made once and kept long, scripts stay small and self-contained."""

from pathlib import Path

import pytest

from tests.webapp import open_shop
from web import fonts

STATIC = Path(__file__).parent.parent / "web" / "static"


@pytest.fixture
def shop(tmp_path):
    return open_shop(tmp_path)


def test_font_is_served_and_kept_for_a_year(shop):
    response = shop.phone().client.get("/static/font.woff")

    assert response.data[:4] == b"wOFF"
    assert "max-age=31536000" in response.headers["Cache-Control"]


def test_font_being_made_keeps_nobody_waiting(shop):
    with fonts._making:
        response = shop.phone().client.get("/static/font.woff")

    assert response.status_code == 503
    assert response.headers["Retry-After"]


@pytest.mark.parametrize("name", ["../auth.py", "%2e%2e/auth.py", "nothing.js"])
def test_nothing_else_is_served(shop, name):
    assert shop.phone().client.get(f"/static/{name}").status_code == 404


@pytest.mark.parametrize("path", sorted(STATIC.glob("*.js")), ids=lambda path: path.name)
def test_scripts_run_on_old_phones(path):
    # Words of newer JavaScript would stop the whole file on an Android of 2016.
    text = path.read_text(encoding="utf-8")
    for newer in ("=>", "`", " let ", " const ", "async ", "?.", "import "):
        assert newer not in text, newer


def test_pages_load_nothing_from_elsewhere():
    for path in [*STATIC.glob("*.*"), *STATIC.parent.glob("templates/**/*.html")]:
        text = path.read_text(encoding="utf-8")
        assert "http://" not in text, path.name
        assert "https://" not in text, path.name


def test_templates_have_no_inline_scripts_or_styles():
    for path in STATIC.parent.glob("templates/**/*.html"):
        text = path.read_text(encoding="utf-8")
        assert "<script>" not in text, path.name
        assert " style=" not in text, path.name
        assert " onclick=" not in text, path.name
        assert "|safe" not in text.replace(" ", ""), path.name
