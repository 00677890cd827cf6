"""The Chinese typeface: complete, the same bytes everywhere, safe to make twice at once."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pylopdf_fonts_zh_cn
import pytest
from fontTools import subset
from fontTools.ttLib import TTFont
from structlog.testing import capture_logs

from reports.fonts import SIGNS, STAND_INS, FontError, drawable, ensure_fonts
from tests.report_samples import made_fonts

FEW = "酒回收单召箱瓶第页共〓✓×□ABC123，。"
MAKE = """
import sys
from pathlib import Path
from reports.fonts import ensure_fonts
ensure_fonts(Path(sys.argv[1]), package="few_glyphs")
"""


@pytest.fixture
def few_glyphs(tmp_path: Path) -> Path:
    """A font package with a handful of glyphs, so that making it takes a blink."""
    package = tmp_path / "site" / "few_glyphs"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    options = subset.Options(notdef_outline=True, layout_features=[])
    font = subset.load_font(str(pylopdf_fonts_zh_cn.sans_path()), options)
    cutter = subset.Subsetter(options)
    cutter.populate(text=FEW)
    cutter.subset(font)
    subset.save_font(font, str(package / "NotoSansSC-Regular.otf"), options)
    return package.parent


def sums(cache: Path) -> dict[str, str]:
    files = [path for path in cache.rglob("*") if path.is_file()]
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def making(site: Path, cache: Path) -> subprocess.Popen[bytes]:
    paths = os.pathsep.join([str(site), str(Path(__file__).resolve().parent.parent)])
    environment = os.environ | {"PYTHONPATH": paths}
    return subprocess.Popen([sys.executable, "-c", MAKE, str(cache)], env=environment)


def test_typeface_has_truetype_outlines_and_the_signs_of_forms():
    with TTFont(made_fonts().ttf) as font:
        covered = font.getBestCmap()
        assert "glyf" in font
        assert font["name"].getDebugName(1) == "Jiuhui Sans SC"
        assert "SIL Open Font License" in font["name"].getDebugName(13)
    wanted = set(SIGNS) | set(STAND_INS) | set("喆堃玥镕酒回收召回，。（）０９Ａ￥")
    assert [sign for sign in sorted(wanted) if ord(sign) not in covered] == []


def test_web_font_is_a_small_woff():
    web = made_fonts().web
    assert web.read_bytes()[:4] == b"wOFF"
    assert web.stat().st_size < 2_000_000


def test_made_again_it_is_not_made_twice():
    before = made_fonts().ttf.stat().st_mtime_ns
    assert ensure_fonts() == made_fonts()
    assert made_fonts().ttf.stat().st_mtime_ns == before


def test_bytes_are_the_same_in_two_caches(few_glyphs: Path, tmp_path: Path):
    for cache in ("one", "two"):
        assert making(few_glyphs, tmp_path / cache).wait() == 0
    assert sums(tmp_path / "one") == sums(tmp_path / "two")
    assert set(sums(tmp_path / "one")) == {"JiuhuiSansSC.ttf", "JiuhuiSansSC.woff"}


def test_two_processes_at_once_leave_whole_files_and_no_rubbish(few_glyphs: Path, tmp_path: Path):
    cache = tmp_path / "cache"
    runs = [making(few_glyphs, cache) for _ in range(3)]
    assert [run.wait() for run in runs] == [0, 0, 0]
    assert set(sums(cache)) == {"JiuhuiSansSC.ttf", "JiuhuiSansSC.woff"}
    with TTFont(next(cache.rglob("*.ttf"))) as font:
        assert ord("酒") in font.getBestCmap()


def test_progress_ends_at_the_total(few_glyphs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.syspath_prepend(few_glyphs)
    seen: list[tuple[int, int]] = []
    with capture_logs() as logs:
        ensure_fonts(
            tmp_path / "cache",
            progress=lambda done, total: seen.append((done, total)),
            package="few_glyphs",
        )
    assert seen[-1][0] == seen[-1][1] > 10
    assert [line["event"] for line in logs] == ["fonts_made"]


def test_missing_package_says_what_to_do(tmp_path: Path):
    with pytest.raises(FontError, match="no_such_fonts is not installed: run pip install"):
        ensure_fonts(tmp_path, package="no_such_fonts")
    assert list(tmp_path.iterdir()) == []


def test_cache_that_is_a_file_is_a_clear_error(few_glyphs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.syspath_prepend(few_glyphs)
    cache = tmp_path / "cache"
    cache.write_text("in the way")
    with pytest.raises(FontError, match="cannot be written"):
        ensure_fonts(cache, package="few_glyphs")


def test_what_the_typeface_lacks_is_drawn_as_a_mark_and_logged():
    with capture_logs() as logs:
        assert drawable("𠮷祥😀酒", made_fonts()) == "〓祥〓酒"
    assert logs == [
        {
            "event": "font_glyph_missing",
            "log_level": "warning",
            "code_points": ["U+1F600", "U+20BB7"],
        }
    ]


def test_invisible_marks_are_dropped_in_silence():
    with capture_logs() as logs:
        assert drawable("a\u202eb\ufe0f\u200d\x00\tc\nd", made_fonts()) == "ab c\nd"
    assert logs == []
