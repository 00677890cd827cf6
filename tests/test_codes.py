"""What a scanned text is: spellings of one code, brands' own schemes, and nonsense."""

from dataclasses import dataclass, field
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.catalog import Pack, UniquePer
from rules.code_schemes import BrandReading, PatternScheme, load_schemes, understood
from rules.codes import parse_scan
from rules.gs1 import base_gtin, gtin_spellings
from rules.scanned import KnownCode, KnownItem, ScannedCode

EAN = "6901234567892"
CARTON = "16901234567899"
SSCC = "376130321109103420"
GS = "\x1d"
TODAY = date(2026, 9, 1)
SCHEMES = load_schemes()


@dataclass
class FakeRegistry:
    """A product 海之蓝 with its 69 code, some units, batches and brands."""

    units: dict[str, KnownCode] = field(default_factory=dict)
    gtins: dict[str, str] = field(default_factory=dict)
    items: dict[str, KnownItem] = field(default_factory=dict)
    batches: set[tuple[str, str]] = field(default_factory=set)
    single: dict[str, str] = field(default_factory=dict)

    def unit(self, code: str) -> KnownCode | None:
        return self.units.get(code)

    def trade_item(self, gtin: str, made_on: date | None) -> KnownItem | None:  # noqa: ARG002 - the signature is Registry's
        if gtin in self.items:
            return self.items[gtin]
        code = next((self.gtins[s] for s in gtin_spellings(gtin) if s in self.gtins), None)
        code = code or next((self.gtins[s] for s in gtin_spellings(base_gtin(gtin)) if s in self.gtins), None)
        return KnownItem(code) if code else None

    def has_batch(self, product_code: str, batch: str) -> bool:
        return (product_code, batch) in self.batches

    def brand_readings(self, text: str) -> list[BrandReading]:
        return understood(text, SCHEMES)

    def product_of(self, reading: BrandReading) -> str | None:
        return self.single.get(reading.scheme.name)


def registry() -> FakeRegistry:
    units = [
        KnownCode("C1", "case", "HZL", "20240312"),
        KnownCode("B1", "bottle", "HZL", "20240312"),
        KnownCode("T1", "bottle", "TML", "20230101"),
    ]
    return FakeRegistry({unit.code: unit for unit in units}, {EAN: "HZL"})


def read(text: str) -> ScannedCode:
    return parse_scan(text, registry(), TODAY)


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


def test_parse_scan_registered_serial_takes_the_registers_batch():
    book = registry()
    book.units["X9"] = KnownCode("X9", "bottle", "HZL", "B7")
    scan = parse_scan(f"(01)0{EAN}(21)X9(10)A(11)240312", book, TODAY)
    assert (scan.code, scan.product_code, scan.batch, scan.registered) == ("X9", "HZL", "B7", True)
    assert scan.production_date == date(2024, 3, 12)


def test_serial_of_another_product_is_another_unit():
    """A serial, like a batch, is unique within its GTIN only."""
    scan = read(f"(01)0{EAN}(21)T1")
    assert (scan.code, scan.product_code, scan.registered) == (f"010{EAN}21T1", "HZL", False)


def test_parse_scan_counts_content_of_a_carton():
    scan = read(f"(00){SSCC}(02)0{EAN}(37)12")
    assert (scan.kind, scan.code, scan.product_code, scan.count) == ("case", SSCC, "HZL", 12)
    assert read(f"(02){CARTON}(37)4").count is None  # 4 cartons, not 4 bottles


def test_parse_scan_wrong_check_digit_inside_gs1_is_unknown():
    assert read("(01)16901234567890(10)A").kind == "unknown"


def test_parse_scan_only_our_address_when_told():
    ours = "https://jiuhui.example.com/app"
    assert parse_scan(f"{ours}/s/S001", registry(), TODAY, ours).kind == "store"
    assert parse_scan("https://evil.example.com/s/S001", registry(), TODAY, ours).kind == "unknown"
    assert parse_scan("/d/HS-1", registry(), TODAY, ours).kind == "document"


def test_parse_scan_too_long_is_unknown():
    assert read("9" * 5000).kind == "unknown"


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


@pytest.mark.parametrize("bottles", [4, 6])
def test_two_case_numbers_of_one_liquor_hold_different_bottles(bottles):
    book = registry()
    book.items[CARTON] = KnownItem("HZL", Pack.CASE, bottles)
    assert parse_scan(CARTON, book, TODAY).count == bottles
    assert parse_scan(f"(01){CARTON}(21)S1", book, TODAY).count == bottles
    assert parse_scan(f"(00){SSCC}(02){CARTON}(37)10", book, TODAY).count == 10 * bottles


def test_a_number_registered_for_a_gift_box_is_a_box():
    book = registry()
    book.items["0" + EAN] = KnownItem("HZL", Pack.BOX, 2)
    scan = parse_scan(EAN, book, TODAY)
    assert (scan.kind, scan.count) == ("box", 2)


def test_lost_separator_is_mended_by_a_registered_serial():
    book = registry()
    book.units["X9"] = KnownCode("X9", "bottle", "HZL", "24A")
    scan = parse_scan(f"010{EAN}1024A21X9", book, TODAY)
    assert (scan.code, scan.batch) == ("X9", "24A")


def test_lost_separator_is_mended_by_a_known_batch():
    book = registry()
    book.batches.add(("HZL", "24A"))
    scan = parse_scan(f"010{EAN}1024A21X9", book, TODAY)
    assert (scan.batch, scan.serial) == ("24A", "X9")


def test_lost_separator_nobody_can_mend_asks_a_person():
    scan = read(f"010{EAN}1024A21X9")
    assert (scan.kind, scan.product_code, scan.batch, scan.serial) == ("product", "HZL", None, None)
    assert scan.problem == "unsure"


def test_text_without_doubt_needs_no_separator():
    scan = read(f"010{EAN}11240312" + "10" + "ABCD")
    assert (scan.batch, scan.production_date, scan.problem) == ("ABCD", date(2024, 3, 12), "")


@pytest.mark.parametrize("zeros", ["000000", "0000000000", "00000000", "https://t.example.cn/q?c=0000000000"])
def test_zeros_are_a_replacement_code(zeros):
    scan = read(zeros)
    assert (scan.unique_per, scan.problem, scan.serial) == (UniquePer.NONE, "replacement", None)


def test_code_the_same_on_the_whole_case_has_no_serial():
    scan = read("3120004567")
    assert (scan.scheme, scan.unique_per, scan.serial) == ("sample_trunk", UniquePer.CASE, None)
    assert read("9999999999").problem == "replacement"


def test_brand_code_says_its_day_and_is_one_unit():
    scan = read("https://t.example.cn/?c=yb&v=YB20250112K000317")
    assert (scan.kind, scan.production_date) == ("bottle", date(2025, 1, 12))
    assert scan.serial == scan.code == "sample_dated:YB20250112K000317"
    assert read("YB20251301K000317").kind == "unknown"  # no such day


def test_brand_code_is_registered_under_its_scheme():
    book = registry()
    key = "sample_trunk:3120004567"
    book.units[key] = KnownCode(key, "case", "HZL", "24A", UniquePer.CASE, "sample_trunk")
    scan = parse_scan("3120004567", book, TODAY)
    assert (scan.code, scan.product_code, scan.unique_per) == (key, "HZL", UniquePer.CASE)


def test_code_of_two_brands_is_ambiguous():
    class TwoBrands(FakeRegistry):
        def brand_readings(self, text: str) -> list[BrandReading]:
            trunk, dated, *_ = SCHEMES
            printed = trunk.read(text)
            return [BrandReading(scheme, printed) for scheme in (trunk, dated) if printed]

    scan = parse_scan("3120004567", TwoBrands(), TODAY)
    assert (scan.kind, scan.problem) == ("unknown", "ambiguous")


def test_known_barcode_comes_before_a_brands_code():
    thirteen_digits = "{code:9*13}"
    scheme = PatternScheme(
        name="t", title="t", brands=["b"], forms=[thirteen_digits], pack="case", unique_per="unit", examples=[EAN]
    )

    class Alike(FakeRegistry):
        def brand_readings(self, text: str) -> list[BrandReading]:
            return understood(text, [scheme])

    assert parse_scan(EAN, Alike(gtins={EAN: "HZL"}), TODAY).kind == "product"
    assert parse_scan("6923450657713", Alike(gtins={EAN: "HZL"}), TODAY).scheme == "t"


def test_wrong_check_digit_is_said():
    assert read("6901234567890").problem == "check_digit"


@settings(deadline=None)
@given(st.text() | st.text("01690()]C1d2{}<GS>\x1d/:https?=&%", max_size=60))
def test_parse_scan_garbage_never_raises(text):
    scan = parse_scan(text, registry(), TODAY)
    assert scan.kind in {"unknown", "product", "case", "bottle", "box", "document", "store"}
    assert parse_scan(scan.code, registry(), TODAY).kind in {scan.kind, "unknown", "product", "case", "bottle"}
