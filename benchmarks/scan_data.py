"""A channel of any size made by the database itself: stores, products, lots, rates, and stock to scan.

Invented, and spread so that the rules of `rules/warnings.yaml` hit about 130 lines a store, which is what
plain rules flag on real deliveries. The same size gives the same rows on both databases.
"""

from sqlalchemy import text
from sqlalchemy.orm import Session

from models.database import Database

PRODUCTS, BATCHES = 500, 30
DAY = "2026-09-07"
LINES_IN_STORE = 200  # products a store holds


def fill_channel(database: Database, lots: int) -> None:
    """So many stock lots, two or three of each product a store holds. Tables must be there and empty."""
    pairs = lots * 2 // 5
    with database.write() as session:
        for statement in _statements(database.is_sqlite, pairs):
            session.execute(text(statement))
    _settle(database)


def next_day(session: Session) -> None:
    """What happens in a day: one lot in fifty sells a bottle, and nothing else."""
    session.execute(text("UPDATE channel_stock SET bottles = bottles - 1 WHERE bottles > 1 AND id % 50 = 7"))


def _settle(database: Database) -> None:
    """As a database that has been running for a while: statistics are there, pages are written."""
    with database.writer.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("ANALYZE" if database.is_sqlite else "VACUUM ANALYZE"))


def _statements(sqlite: bool, pairs: int) -> list[str]:
    stores = max(pairs // LINES_IN_STORE, 1)
    no, yes = ("0", "1") if sqlite else ("false", "true")

    def day(back: str, base: str = DAY) -> str:
        return f"date('{base}', '-' || ({back}) || ' days')" if sqlite else f"date '{base}' - CAST({back} AS integer)"

    def numbers(most: int) -> str:
        return f"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {most})"

    product = f"(i * 7 + ((i - 1) / {LINES_IN_STORE}) * 13) % {PRODUCTS} + 1"
    return [
        f"""INSERT INTO product (id, code, name, brand, spec, case_size, price_fen, price_band, barcode, expiry_basis,
              expiry_months, gains_with_age, aliases)
            {numbers(PRODUCTS)} SELECT i, 'P' || i, '白酒 ' || i, '品牌 ' || (i % 30), '', 6, (i % 50 + 5) * 1000,
              CASE i % 4 WHEN 0 THEN '低档' WHEN 1 THEN '中档' WHEN 2 THEN '次高端' ELSE '高档' END, '',
              CASE WHEN i % 10 = 0 THEN 'labelled' ELSE 'none' END,
              CASE WHEN i % 10 = 0 THEN 12 + i % 3 * 6 END,
              CASE WHEN i % 25 = 0 THEN {yes} ELSE {no} END, '[]' FROM n""",
        f"""INSERT INTO store (id, code, name, region, channel, tier, address, active)
            {numbers(stores)} SELECT i, 'S' || i, '烟酒店 ' || i,
              CASE WHEN i % 20 = 0 THEN '临江区' ELSE '第' || (i % 20) || '区' END, '渠道' || (i % 3),
              CASE i % 4 WHEN 0 THEN 'A' WHEN 1 THEN 'B' WHEN 2 THEN 'C' ELSE 'D' END, '', {yes} FROM n""",
        f"""INSERT INTO lot (id, product_id, batch, production_date)
            {numbers(PRODUCTS * BATCHES)} SELECT i, (i - 1) / {BATCHES} + 1, 'B' || i,
              {day(f"(i % {BATCHES}) * 13 + i % 17 + CASE WHEN i % 40 = 0 THEN 500 ELSE 0 END", "2026-08-01")} FROM n""",
        f"""INSERT INTO sales_rate (store_id, product_id, monthly_millibottles, months, as_of, source,
              low_millibottles, high_millibottles, first_arrived_on, last_arrived_on, last_sold_on, received_bottles,
              sold_bottles, segment, horizon_days, unsold_millibottles, slow_permille)
            {numbers(pairs)} SELECT (i - 1) / {LINES_IN_STORE} + 1, {product},
              CASE WHEN i % 61 = 0 THEN 0 ELSE 3000 + (i % 997) * 13 + ((i - 1) / {LINES_IN_STORE}) % 7 * 400 END,
              6 + i % 7, {day("0")}, 'inferred', 0, 0, {day("30 + i % 400")}, {day("i * 31 % 120")},
              {day("CASE WHEN i % 19 = 0 THEN i * 13 % 200 ELSE i * 13 % 40 END")}, 24 + i % 30, 14 + i * 17 % 20, '',
              180, CASE WHEN i % 9 = 0 THEN i % 1000 * 37 ELSE 0 END, 0 FROM n""",
        f"""INSERT INTO channel_stock (store_id, product_id, lot_id, bottles, received_on, as_of, source,
              channel_since, unsold_millibottles)
            SELECT r.store_id, r.product_id,
              (r.product_id - 1) * {BATCHES} + 1 + (r.store_id * 7 + r.product_id * 3 + k.k * 11) % {BATCHES},
              1 + (r.store_id * 13 + r.product_id * 5 + k.k * 7) % 18,
              {day("(r.store_id * 11 + r.product_id * 7 + k.k * 29) % 88"
                   " + CASE WHEN (r.store_id + r.product_id + k.k) % 9 = 0 THEN 60 ELSE 0 END")},
              {day("CASE WHEN (r.store_id + r.product_id) % 40 = 0 THEN 60 ELSE r.product_id % 20 END")},
              CASE WHEN r.product_id % 5 = 0 THEN 'count' ELSE 'inferred' END,
              {day("(r.store_id * 5 + r.product_id * 3 + k.k * 31) % 260")},
              CASE WHEN (r.store_id + r.product_id) % 6 = 0 THEN (r.store_id * 31 + r.product_id) % 6000 ELSE 0 END
            FROM sales_rate r JOIN (SELECT 0 AS k UNION ALL SELECT 1 UNION ALL SELECT 2) k
              ON k.k < 2 OR (r.store_id + r.product_id) % 2 = 0""",
    ]  # fmt: skip
