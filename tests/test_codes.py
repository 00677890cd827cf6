"""What a scanned text is, and counting scans."""

import csv
import gzip
import json
import os
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.codes import ScannedCode, Tally, UnitCode, expand, parse_scan
from rules.gs1 import base_gtin, check_digit_fits, read_gs1, read_gtin

EAN = "6901234567892"
CARTON = "16901234567899"
SSCC = "376130321109103420"
GS = "\x1d"


@dataclass
class FakeRegistry:
    """Two cases of 海之蓝, one of them on a pallet, one bottle in a box nobody listed."""

    units: dict[str, UnitCode] = field(default_factory=dict)
    gtins: dict[str, str] = field(default_factory=dict)

    def unit(self, code: str) -> UnitCode | None:
        return self.units.get(code)

    def product_by_gtin(self, gtin: str) -> str | None:
        return self.gtins.get(gtin)


def registry() -> FakeRegistry:
    units = [
        UnitCode("P1", "case", "HZL", "20240312", None, ("C1", "C2")),
        UnitCode("C1", "case", "HZL", "20240312", "P1", ("B1", "B2", "B3")),
        UnitCode("C2", "case", "HZL", "20240312", "P1", ("B4", "B5", "B6")),
        UnitCode("C9", "case", "HZL", "20240312"),
        UnitCode("T1", "bottle", "TML", "20230101"),
        UnitCode("B9", "bottle", "HZL", "20240312", "C9"),
        *(UnitCode(f"B{n}", "bottle", "HZL", "20240312", f"C{1 + n // 4}") for n in range(1, 7)),
    ]
    return FakeRegistry({unit.code: unit for unit in units}, {EAN: "HZL"})


def read(text: str) -> ScannedCode:
    return parse_scan(text, registry())


@pytest.mark.parametrize(
    ("text", "kind", "code", "product"),
    [
        (EAN, "product", EAN, "HZL"),
        (f" {EAN}\r\n", "product", EAN, "HZL"),
        (f"EAN_13,{EAN}", "product", EAN, "HZL"),
        (f"]E0{EAN}", "product", EAN, "HZL"),
        ("６９０１２３４５６７８９２", "product", EAN, "HZL"),
        ("0" + EAN, "product", EAN, "HZL"),
        (CARTON, "case", CARTON, "HZL"),
        (f"ITF,{CARTON}", "case", CARTON, "HZL"),
        ("6923450657713", "product", "6923450657713", None),
        ("6901234567890", "unknown", "6901234567890", None),  # wrong check digit
        (SSCC, "case", SSCC, None),
        ("00" + SSCC, "case", SSCC, None),
        ("B1", "bottle", "B1", "HZL"),
        ("b1", "bottle", "B1", "HZL"),
        ("QR_CODE,https://maker.example.cn/q?c=B1&x=2", "bottle", "B1", "HZL"),
        ("https://maker.example.cn/trace/C1", "case", "C1", "HZL"),
        ("https://jiuhui.example.com/s/S001", "store", "S001", None),
        ("https://jiuhui.example.com/app/d/HS-2026-0012", "document", "HS-2026-0012", None),
        ("/s/S001", "store", "S001", None),
        ("https://jiuhui.example.com/t/abc.def", "unknown", "https://jiuhui.example.com/t/abc.def", None),
        ("20240312", "unknown", "20240312", None),
        ("你好", "unknown", "你好", None),
        ("", "unknown", "", None),
    ],
)  # fmt: skip
def test_parse_scan_kind_code_product(text, kind, code, product):
    scan = read(text)
    assert (scan.kind, scan.code, scan.product_code) == (kind, code, product)


@pytest.mark.parametrize(
    "text",
    [
        f"01{CARTON}112403121024A{GS}21X9",
        f"{GS}01{CARTON}112403121024A{GS}21X9",
        f"]C101{CARTON}112403121024A{GS}21X9",
        f"]d201{CARTON}112403121024A<GS>21X9",
        f"(01){CARTON}(11)240312(10)24A(21)X9",
        f"（01）{CARTON}（11）240312（10）24A（21）X9",
        f"https://id.example.com/01/{CARTON}/10/24A/21/X9?11=240312",
        f"HTTPS://id.example.com/01/{CARTON}/10/24A/21/X9?11=240312",
    ],
)
def test_parse_scan_gs1_in_all_spellings_is_one_code(text):
    assert read(text) == ScannedCode("case", f"01{CARTON}21X9", "HZL", "24A", date(2024, 3, 12), "X9")


def test_parse_scan_gs1_serial_makes_a_bottle():
    scan = read(f"(01)0{EAN}(21)X9(17)270200")
    assert (scan.kind, scan.serial, scan.expiry_date) == ("bottle", "X9", date(2027, 2, 28))


@pytest.mark.parametrize(
    ("yymmdd", "day"),
    [
        ("240200", date(2024, 2, 29)),
        ("250200", date(2025, 2, 28)),
        ("240230", None),
        ("000000", None),
        ("980510", date(1998, 5, 10)),
    ],
)
def test_gs1_dates_day_00_is_month_end(yymmdd, day):
    scan = read(f"(01)0{EAN}(11){yymmdd}(10)A")
    assert (scan.production_date, scan.batch) == (day, "A")


def test_parse_scan_registered_serial_takes_the_registers_word():
    book = registry()
    book.units["X9"] = UnitCode("X9", "bottle", "TML", "B7")
    scan = parse_scan(f"(01)0{EAN}(21)X9(10)A(11)240312", book)
    assert (scan.code, scan.product_code, scan.batch) == ("X9", "TML", "B7")
    assert scan.production_date == date(2024, 3, 12)


def test_parse_scan_counts_content_of_a_carton():
    scan = read(f"(00){SSCC}(02)0{EAN}(37)12")
    assert (scan.kind, scan.code, scan.product_code, scan.count) == ("case", SSCC, "HZL", 12)
    assert read(f"(02){CARTON}(37)4").count is None  # 4 cartons, not 4 bottles


def test_parse_scan_wrong_check_digit_inside_gs1_is_unknown():
    assert read("(01)16901234567890(10)A").kind == "unknown"


def test_parse_scan_only_our_address_when_told():
    ours = "https://jiuhui.example.com/app"
    assert parse_scan(f"{ours}/s/S001", registry(), ours).kind == "store"
    assert parse_scan("https://evil.example.com/s/S001", registry(), ours).kind == "unknown"
    assert parse_scan("/d/HS-1", registry(), ours).kind == "document"


def test_parse_scan_too_long_is_unknown():
    assert read("9" * 5000).kind == "unknown"


def test_base_gtin_of_a_carton_is_its_bottle():
    assert base_gtin(CARTON) == "0" + EAN


def test_expand_case_and_pallet():
    assert expand("C1", registry()) == {"B1", "B2", "B3"}
    assert expand("P1", registry()) == {f"B{n}" for n in range(1, 7)}
    assert expand("B1", registry()) == {"B1"}
    assert expand("nobody", registry()) == frozenset()


def test_expand_survives_a_circle():
    book = registry()
    book.units["C1"] = UnitCode("C1", "case", "HZL", "", None, ("P1", "B1"))
    assert expand("P1", book) == {"B1", "B4", "B5", "B6"}


def tally(**limits) -> Tally:
    return Tally(registry(), **limits)


def test_tally_case_and_its_bottle_count_once():
    count = tally()
    assert count.add(read("B1")) == "ok"
    assert count.add(read("C1")) == "ok"
    assert count.add(read("B2")) == "duplicate"
    assert count.add(read("C1")) == "duplicate"
    assert count.total() == 3
    assert count.add(read("P1")) == "ok"
    assert count.total("HZL") == 6


def test_tally_wrong_product_batch_and_scope():
    count = tally(
        products=frozenset({"HZL"}),
        batches=frozenset({"20240312"}),
        expected=frozenset({"B1", "B2", "B3"}),
    )
    assert count.add(read("T1")) == "wrong_product"
    assert count.add(read(f"(01)0{EAN}(21)S1(10)OTHER")) == "wrong_batch"
    assert count.add(read("C2")) == "not_in_scope"
    assert count.add(read("/s/S001")) == "not_in_scope"
    assert count.add(read("你好")) == "not_in_scope"
    assert count.add(read("6923450657713"), 3) == "not_in_scope"
    assert count.total() == 0
    assert count.add(read("C1")) == "ok"


def test_tally_product_barcode_needs_a_quantity():
    count = tally()
    assert count.add(read(EAN)) == "needs_quantity"
    assert count.add(read(EAN), 6) == "ok"
    assert count.add(read(EAN), 6) == "ok"
    assert (count.total(), count.total("HZL"), count.total("TML")) == (12, 12, 0)
    with pytest.raises(ValueError, match="at least 1"):
        count.add(read(EAN), 0)


def test_tally_case_without_list_asks_and_then_knows_its_bottles():
    count = tally()
    assert count.add(read("B9")) == "ok"
    assert count.add(read("C9")) == "needs_quantity"
    assert count.add(read("C9"), 6) == "ok"
    assert count.total() == 6
    assert count.add(read("C9"), 6) == "duplicate"
    assert count.add(read("B9")) == "duplicate"


def test_tally_unregistered_serial_counts_once():
    count = tally()
    bottle = f"(01)0{EAN}(21)S1"
    assert count.add(read(bottle)) == "ok"
    assert count.add(read(bottle)) == "duplicate"
    assert count.total("HZL") == 1


@pytest.mark.parametrize(
    "text",
    [
        f"(01)0{EAN}(21)A1(21)A2",
        f"(01)0{EAN}(02)0{EAN}(37)6",
        f"(01)0{EAN}(01){CARTON}",
    ],
)
def test_parse_scan_contradicting_gs1_is_unknown(text):
    assert read(text).kind == "unknown"


def test_tally_believes_the_count_on_the_label():
    count = tally()
    assert count.add(read(f"(00){SSCC}(02)0{EAN}(37)12")) == "ok"
    assert count.total("HZL") == 12


@given(st.text() | st.text("01690()]C1d2{}<GS>\x1d/:https?=&%", max_size=60))
def test_parse_scan_garbage_never_raises(text):
    scan = parse_scan(text, registry())
    assert Tally(registry()).add(scan, 1) in {"ok", "not_in_scope"}


@given(st.from_regex(r"[0-9]{12}", fullmatch=True))
def test_read_gtin_accepts_exactly_one_check_digit(payload):
    assert sum(read_gtin(payload + digit) is not None for digit in "0123456789") == 1


@given(st.lists(st.sampled_from(["P1", "C1", "C2", "B1", "B4", "B6", "T1"]), max_size=12))
def test_tally_total_is_the_size_of_the_union(codes):
    count = tally()
    for code in codes:
        count.add(read(code))
    assert count.total() == len(frozenset().union(*(expand(code, registry()) for code in codes)))


DATA = Path(os.environ.get("JIUHUI_SHARED_DATA", Path(__file__).parents[2] / "shared" / "data"))
VECTORS = DATA / "gs1_vectors"
with_vectors = pytest.mark.skipif(
    not VECTORS.is_dir(),
    reason=f"GS1 VECTORS NOT TESTED: {VECTORS} is absent, set JIUHUI_SHARED_DATA",
)


def vectors() -> list[dict]:
    with gzip.open(VECTORS / "vectors_dev.jsonl.gz", "rt", encoding="utf-8") as lines:
        return [row for row in map(json.loads, lines) if isinstance(row["input"], str)]


@with_vectors
def test_vectors_never_raise():
    rows = vectors()
    assert len(rows) > 300
    for row in rows:
        parse_scan(row["input"], registry())


@with_vectors
def test_vectors_agree_with_the_reference_reader():
    """The reference also refuses rare rules of AIs no bottle carries, so not every vector agrees."""
    scanned = {"element_string_process": lambda text: "]C1" + text.lstrip("^").replace("^", GS)}
    right = []
    for row in vectors():
        if row["group"] in {"element_string_process", "bracketed_ai_parse", "dl_uri_parse"}:
            text = scanned.get(row["group"], str)(row["input"])
            right.append((read_gs1(text) is not None) is row["valid"])
    assert len(right) > 100
    assert sum(right) / len(right) > 0.87


@with_vectors
def test_vectors_scanned_gtins_are_read():
    with gzip.open(VECTORS / "liquor_gtins_dev.csv.gz", "rt", encoding="utf-8") as lines:
        for row in csv.DictReader(lines):
            assert check_digit_fits(row["gtin"]) is (row["check_ok"] == "1"), row
