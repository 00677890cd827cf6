"""The question of the scan as one query by hand: which lot, product or store is hit by which rule, and how gravely.

The rules of `rules/warnings.yaml` with their numbers written out. No figures, no freshness, no life, no rule
file: the least that could answer. Each grain is one pass here too, or the query would be an easy one to beat.
"""

from datetime import date, timedelta

TODAY = date(2026, 9, 7)
#: By months of life the production days with at most 1.5, 2, 3, 4, 5 and 6 months left.
_LIVES = {
    12: ("2025-10-22", "2025-11-07", "2025-12-07", "2026-01-07", "2026-02-07", "2026-03-07"),
    18: ("2025-04-22", "2025-05-07", "2025-06-07", "2025-07-07", "2025-08-07", "2025-09-07"),
    24: ("2024-10-22", "2024-11-07", "2024-12-07", "2025-01-07", "2025-02-07", "2025-03-07"),
}


def hits_by_hand(*, sqlite: bool) -> str:
    """The SELECT: rule, store, product, lot, bottles, level."""

    def day(said: str) -> str:
        return f"'{said}'" if sqlite else f"date '{said}'"

    def ago(days: int) -> str:
        return day((TODAY - timedelta(days=days)).isoformat())

    def steps(column: str, bounds: list[str], sign: str = "<") -> str:
        ranked = list(enumerate(bounds, start=1))[::-1]
        return "CASE " + " ".join(f"WHEN {column} {sign} {bound} THEN {level}" for level, bound in ranked) + " END"

    def life(months: int) -> str:
        bounds = [day(said) for said in _LIVES[months]]
        return f"WHEN {months} THEN {steps('l.production_date', bounds[::-1], '<=')}"

    young = "NOT p.gains_with_age" if not sqlite else "p.gains_with_age = 0"
    active = "s.active" if not sqlite else "s.active = 1"
    kept = "AS MATERIALIZED" if not sqlite else "AS"
    plain = "+" if sqlite else ""
    old = "AND f <= " + ago(60)
    money, of_sixty = "unsold * price", "(bottles >= 6 AND y AND f <= " + ago(60) + ")"
    return f"""
WITH lots {kept} (
  SELECT * FROM (SELECT c.store_id, c.product_id, c.lot_id, c.bottles,
    CASE WHEN {young} THEN CASE WHEN p.price_band = '中档' AND s.region = '临江区'
      THEN {steps("c.received_on", [ago(75), ago(150), ago(300)])}
      ELSE {steps("c.received_on", [ago(90), ago(180), ago(360)])} END END AS r1,
    CASE WHEN {young} AND c.bottles >= 6
      THEN {steps("coalesce(c.channel_since, c.received_on)", [ago(240), ago(420), ago(720)])} END AS r2,
    CASE WHEN {young} AND c.bottles >= 12 AND p.price_band = '低档'
      THEN {steps("l.production_date", [ago(720), ago(1080)])} END AS r3,
    CASE WHEN p.expiry_basis <> 'none' THEN CASE p.expiry_months {" ".join(map(life, _LIVES))} END END AS r4
  FROM channel_stock c JOIN product p ON p.id = c.product_id JOIN store s ON s.id = c.store_id
    JOIN lot l ON l.id = c.lot_id
  WHERE c.bottles > 0 AND {active}) x
  WHERE r1 IS NOT NULL OR r2 IS NOT NULL OR r3 IS NOT NULL OR r4 IS NOT NULL),
peers AS (
  SELECT r.product_id, s.region, s.channel, sum(r.sold_bottles) AS sold, sum(r.received_bottles) AS received
  FROM sales_rate r JOIN store s ON s.id = r.store_id
  WHERE r.received_bottles > 0 AND {active} GROUP BY r.product_id, s.region, s.channel),
shelf {kept} (
  SELECT h.*, r.months, r.monthly_millibottles AS monthly, p.price_fen AS price, {young} AS y, s.tier, s.region,
    coalesce(r.first_arrived_on, h.received) AS f, coalesce(r.last_sold_on, r.last_arrived_on, h.came) AS sale,
    r.unsold_millibottles AS unsold,
    CASE WHEN r.received_bottles > 0 THEN 100000 * r.sold_bottles / r.received_bottles END AS own,
    100000 * q.sold / nullif(q.received, 0) AS theirs
  FROM (SELECT {plain}store_id AS store_id, {plain}product_id AS product_id, sum(bottles) AS bottles,
      min(received_on) AS received, max(received_on) AS came
    FROM channel_stock WHERE bottles > 0 GROUP BY {plain}store_id, {plain}product_id) h
  JOIN product p ON p.id = h.product_id JOIN store s ON s.id = h.store_id
  LEFT JOIN sales_rate r ON r.store_id = h.store_id AND r.product_id = h.product_id
  LEFT JOIN peers q ON q.product_id = h.product_id AND q.region = s.region AND q.channel = s.channel
  WHERE {active}),
lines {kept} (
  SELECT * FROM (SELECT store_id, product_id, bottles,
    CASE WHEN {of_sixty} THEN CASE
      WHEN monthly > 0 AND bottles * 1000.0 > monthly * 12 OR monthly = 0 AND received < {ago(365)} THEN 3
      WHEN monthly > 0 AND bottles * 1000.0 > monthly * 6 OR monthly = 0 AND received < {ago(183)} THEN 2
      WHEN monthly > 0 AND bottles * 1000.0 > monthly * 3 OR monthly = 0 AND received < {ago(91)} THEN 1
      END END AS r5,
    CASE WHEN tier = 'A' AND monthly > 0 {old} THEN CASE WHEN bottles * 30437.5 <= monthly * 3 THEN 2
      WHEN bottles * 30437.5 <= monthly * 7 THEN 1 END END AS r6,
    CASE WHEN {of_sixty} THEN {steps("sale", [ago(60), ago(90), ago(180)])} END AS r7,
    CASE WHEN {of_sixty} AND bottles >= 12 THEN
      {steps("(own * months + coalesce(theirs, own) * 4) / (months + 4)", ["30000", "15000"], "<=")} END AS r8,
    CASE WHEN {of_sixty} AND bottles >= 12 THEN {steps("unsold", ["12000", "48000", "120000"], ">")} END AS r9,
    CASE WHEN {of_sixty} THEN {steps(f"{money} / 100", ["3000000", "10000000", "30000000"], ">")} END AS r10
  FROM shelf) x
  WHERE r5 IS NOT NULL OR r6 IS NOT NULL OR r7 IS NOT NULL OR r8 IS NOT NULL OR r9 IS NOT NULL OR r10 IS NOT NULL),
whole AS (
  SELECT store_id, tier, region, sum(bottles) AS bottles, sum(bottles) * 1000000 / nullif(sum(monthly), 0) AS cover
  FROM shelf GROUP BY store_id, tier, region),
ranked AS (
  SELECT *, row_number() OVER (PARTITION BY tier, region ORDER BY cover, store_id) AS n,
    count(*) OVER (PARTITION BY tier, region) AS c FROM whole WHERE cover IS NOT NULL),
middle AS (
  SELECT tier, region, avg(cover) AS m FROM ranked WHERE n * 2 >= c AND n * 2 <= c + 2 GROUP BY tier, region),
away AS (
  SELECT r.*, m.m, abs(r.cover - m.m) AS d,
    row_number() OVER (PARTITION BY r.tier, r.region ORDER BY abs(r.cover - m.m), r.store_id) AS k
  FROM ranked r JOIN middle m ON m.tier = r.tier AND m.region = r.region),
spread AS (
  SELECT tier, region, avg(d) AS mad FROM away WHERE k * 2 >= c AND k * 2 <= c + 2 GROUP BY tier, region)
SELECT 'aged' AS rule, store_id, product_id, lot_id, bottles, r1 AS level FROM lots WHERE r1 IS NOT NULL
UNION ALL SELECT 'aged_in_channel', store_id, product_id, lot_id, bottles, r2 FROM lots WHERE r2 IS NOT NULL
UNION ALL SELECT 'old_production', store_id, product_id, lot_id, bottles, r3 FROM lots WHERE r3 IS NOT NULL
UNION ALL SELECT 'near_expiry', store_id, product_id, lot_id, bottles, r4 FROM lots WHERE r4 IS NOT NULL
UNION ALL SELECT 'overstock', store_id, product_id, 0, bottles, r5 FROM lines WHERE r5 IS NOT NULL
UNION ALL SELECT 'low_stock', store_id, product_id, 0, bottles, r6 FROM lines WHERE r6 IS NOT NULL
UNION ALL SELECT 'no_sale', store_id, product_id, 0, bottles, r7 FROM lines WHERE r7 IS NOT NULL
UNION ALL SELECT 'slow_sell_through', store_id, product_id, 0, bottles, r8 FROM lines WHERE r8 IS NOT NULL
UNION ALL SELECT 'likely_unsold', store_id, product_id, 0, bottles, r9 FROM lines WHERE r9 IS NOT NULL
UNION ALL SELECT 'likely_loss', store_id, product_id, 0, bottles, r10 FROM lines WHERE r10 IS NOT NULL
UNION ALL SELECT 'slow_store', a.store_id, 0, 0, a.bottles,
    CASE WHEN (a.cover - a.m) / (1.4826 * s.mad) > 6 THEN 2 ELSE 1 END
  FROM away a JOIN spread s ON s.tier = a.tier AND s.region = a.region
  WHERE a.c >= 5 AND s.mad > 0 AND a.bottles >= 60 AND (a.cover - a.m) / (1.4826 * s.mad) > 3.5
"""
