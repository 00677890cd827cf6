"""The replay: a truth nobody sees, counts with mistakes, lists that know nothing of later."""

from datetime import date, timedelta
from pathlib import Path

import duckdb
import numpy as np
import pytest
from click.testing import CliRunner

from backtest import lines, lists, replay
from backtest.deliveries import Deliveries, NoData, load
from backtest.lines import Lines, Setting, lines_of, month_starts
from backtest.lists import learn_until, outlook, ranked, top
from backtest.score import Tally, score
from backtest.seen import counts_of, habits
from backtest.truth import Shelf, imagine, peers
from running.commands_backtest import DATA, backtest

START = date(2018, 1, 1).toordinal()
END = date(2021, 12, 31).toordinal()
LONG_AGO = 5_000


def made_up(stores: int = 3, products: int = 40) -> Deliveries:
    """Weekly to quarterly deliveries; every third product dies in the second year."""
    rng = np.random.default_rng(7)
    rows = []
    for store in range(1, stores + 1):
        for product in range(1, products + 1):
            gap = int(rng.integers(7, 90))
            last = START + 500 if product % 3 == 0 else END
            rows += [(store, product, day, int(rng.integers(1, 25))) for day in range(START + product, last, gap)]
    table = np.array(sorted(rows), dtype=np.int64)
    store, product, day, bottles = table.T
    prices = {number: [(START, 1_000)] for number in range(1, products + 1)}
    return Deliveries(store, product, day, bottles, {}, prices)


def shelf(delta: float = 0.3, seed: int = 1) -> Shelf:
    found = made_up()
    return imagine(found, 2, peers(found), delta, seed)


def test_nothing_is_sold_before_it_came():
    truth = shelf()
    assert all((truth.stock(day) >= 0).all() for day in range(START, END, 13))


def test_everything_is_sold_in_the_end_or_stands():
    truth = shelf()
    assert (truth.sold(END + 100_000) <= truth.came(END)).all()
    assert truth.sold(END).sum() > 0.5 * truth.came(END).sum()


def test_the_same_seed_makes_the_same_truth_and_another_another():
    assert (shelf().sold(START + 700) == shelf().sold(START + 700)).all()
    assert (shelf(seed=2).sold(START + 700) != shelf().sold(START + 700)).any()


def test_dead_goods_sell_faster_with_a_larger_delta():
    left = [shelf(delta).stock(END).sum() for delta in (0.05, 0.3, 0.6)]
    assert left == sorted(left, reverse=True)


def test_what_is_left_is_never_more_than_what_stood():
    truth = shelf()
    for day in range(START + 100, END - 200, 50):
        assert (truth.left_after(day, 180) <= truth.stock(day)).all()


def test_clean_counts_are_the_truth():
    truth = shelf()
    seen = counts_of(truth, 2, np.full(len(truth.product), 12), range(START, END), habits("clean"), 1)
    for place, counts in enumerate(seen):
        assert counts
        assert all(count.bottles == truth.stock(count.day)[place] for count in counts[::20])


def test_dirty_counts_miss_products_and_are_wrong_now_and_then():
    truth = shelf()
    size = np.full(len(truth.product), 12)
    clean = counts_of(truth, 2, size, range(START, END), habits("clean"), 1)
    dirty = counts_of(truth, 2, size, range(START, END), habits("dirty"), 1)
    assert 0.8 < sum(map(len, dirty)) / sum(map(len, clean)) < 0.96
    pairs = [(count.bottles, truth.stock(count.day)[place]) for place, counts in enumerate(dirty) for count in counts]
    wrong = sum(seen != true for seen, true in pairs) / len(pairs)
    assert 0.005 < wrong < 0.06
    assert all(count.known - count.day in range(11) for counts in dirty for count in counts)


def test_without_counts_there_are_none():
    truth = shelf()
    assert counts_of(truth, 2, np.full(len(truth.product), 12), range(START, END), habits("none"), 1) == [
        [] for _ in truth.product
    ]


def looked_at(found: Deliveries, delta: float = 0.3) -> list[Lines]:
    months = month_starts(date(2019, 2, 1), date(2020, 6, 1))
    setting = Setting(found, months, delta, 1, habits("dirty"))
    tables: list[list[np.ndarray]] = [[] for _ in months]
    for _, rows in lines_of(setting, 1):
        for table, new in zip(tables, rows, strict=True):
            table.append(new)
    return [Lines(day, np.vstack(rows)) for day, rows in zip(months, tables, strict=True)]


def test_beliefs_do_not_change_when_the_future_does():
    """Rules see nothing of what comes after a month: other deliveries later, the same beliefs then."""
    found = made_up()
    until = date(2019, 9, 1).toordinal()
    kept = found.day <= until + 1_000
    changed = Deliveries(
        found.store[kept], found.product[kept], found.day[kept], found.bottles[kept], found.case_size, found.prices
    )
    later = (found.day > until) & (found.day <= until + 1_000)
    changed.bottles[later[kept]] += 100
    told = [_beliefs(deliveries, until) for deliveries in (found, changed)]
    assert told[0] == told[1]


def _beliefs(found: Deliveries, day: int) -> list[object]:
    """What deliveries alone let believe; counts are made from a truth that knows the future."""
    setting = Setting(found, (day,), 0.3, 1, habits("none"))
    lines._begin((setting, peers(found), lines._Trends(found, (day,))))
    believed = len(lines.COLUMNS)
    return [row[[0, 1, 2, 3, 4, *range(believed, len(row))]].tolist() for row in lines._work(2)[0] if row[2] > 0]


def test_learning_looks_only_at_outcomes_known_by_then():
    months = looked_at(made_up())
    day = months[-1].day
    tree = learn_until(months, day, 1)
    known = [month for month in months if month.day + 180 <= day]
    assert tree.groups == learn_until(known, day, 1).groups
    assert learn_until(months, months[0].day, 1).groups == ()


def test_dead_goods_are_ranked_before_lively_ones():
    months = looked_at(made_up(products=90), delta=0.0)
    month = months[-1]
    expected = outlook(learn_until(months, month.day, 1), month)
    picks = ranked(month, expected, 10, 0.65)
    assert len(picks)
    dead = month["product"][picks] % 3 == 0
    assert dead.mean() > 0.9


def test_the_same_lines_make_the_same_list_in_any_order():
    months = looked_at(made_up())
    month = months[-1]
    turned = Lines(month.day, month.table[::-1])
    everything = np.ones(len(month.table), dtype=bool)
    flat = np.zeros(len(month.table), dtype=np.float32)
    one = month.table[top(month, flat, everything, 5)].tolist()
    assert one == turned.table[top(turned, flat, everything, 5)].tolist()


def test_a_list_has_at_most_its_length_for_each_store():
    month = looked_at(made_up())[-1]
    picks = top(month, month["bottles"], month["bottles"] > 0, 3)
    _, number = np.unique(month["store"][picks], return_counts=True)
    assert number.max() == 3


def test_scores_by_hand():
    table = np.zeros((3, lines.WIDTH), dtype=np.float32)
    for place, (store, left, price) in enumerate([(1, 0, 500), (1, 4, 1_000), (2, 2, 100)]):
        table[place, :9] = [store, place, 5, 1, 0, price, 0, 5, left]
    month = Lines(START, table)
    picked, everything = Tally(), Tally()
    picked.add(month, np.array([0, 1]))
    everything.add(month, np.array([1, 2]))
    found = score(picked, everything, 2, 1)
    assert (found.length, found.precision) == (1.0, 0.5)
    assert found.recall_bottles == 4 / 6
    assert found.money == 4 * 1_000 / 100 / 2


def test_a_folder_without_data_is_told(tmp_path: Path):
    with pytest.raises(NoData, match="no sales_"):
        load(tmp_path)
    told = CliRunner().invoke(backtest, ["--data", str(tmp_path)])
    assert told.exit_code == 1
    assert "no sales_" in told.output


def small_folder(folder: Path) -> Path:
    """The made-up deliveries in the files of the real ones."""
    found = made_up()
    connection = duckdb.connect()
    connection.execute("CREATE TABLE sales (date DATE, store INT, item INT, bottles INT)")
    rows = zip(found.store.tolist(), found.product.tolist(), found.day.tolist(), found.bottles.tolist(), strict=True)
    connection.executemany(
        "INSERT INTO sales VALUES (?, ?, ?, ?)",
        [(date.fromordinal(day), store, product, bottles) for store, product, day, bottles in rows],
    )
    connection.execute(f"COPY sales TO '{folder}/sales_2018.parquet'")
    connection.execute(f"COPY (SELECT 1 AS item, 6 AS pack) TO '{folder}/items.csv.gz' (HEADER)")
    prices = "SELECT item, DATE '2018-01-01' AS from_date, 1250 AS cents FROM (SELECT DISTINCT item FROM sales)"
    connection.execute(f"COPY ({prices}) TO '{folder}/prices.csv.gz' (HEADER)")
    return folder


def test_the_command_prints_each_list_and_says_what_is_simulated(tmp_path: Path):
    options = ["--delta", "0.3", "--from", "2020-01-01", "--to", "2020-03-01", "--processes", "1"]
    told = CliRunner().invoke(backtest, ["--data", str(small_folder(tmp_path)), *options], catch_exceptions=False)
    assert told.exit_code == 0, told.output
    assert "SIMULATED" in told.output
    for name in ("plain: any of either", "ranked", "hindsight: the worst", "aim at delta 0.3"):
        assert name in told.output


def test_files_are_read_as_they_stand(tmp_path: Path):
    found, made = load(small_folder(tmp_path)), made_up()
    assert (found.day == made.day).all()
    assert (found.bottles == made.bottles).all()
    assert found.case_size == {1: 6}
    assert found.price(1, START) == 1_250
    assert load(tmp_path, keep=[2]).stores() == [2]
    assert load(tmp_path, every=2).stores() == [1, 3]


@pytest.mark.skipif(not DATA.exists(), reason=f"REAL DELIVERIES ARE ABSENT: {DATA.name} was not replayed")
def test_on_real_deliveries_the_ranked_list_beats_the_plain_rules():
    found = load(DATA, every=400)
    plan = replay.Plan(date(2020, 6, 1), date(2020, 6, 1) + timedelta(days=1), (0.3,), 20, 0.65, 1, "dirty", 2)
    [result] = replay.replay(found, plan, lambda _title: lambda _done, _total: None)
    ours, plain = result.scores["ranked"], result.scores["plain: any of either"]
    assert ours.precision > plain.precision + 0.15
    assert ours.money > 2 * plain.money


def test_lists_are_made_from_what_is_seen_and_never_from_the_truth():
    month = looked_at(made_up())[-1]
    blind = month.table.copy()
    blind[:, lines.COLUMNS.index("stock")] = blind[:, lines.COLUMNS.index("left")] = 0
    expected = lists.Outlook(*(np.full(len(blind), value, dtype=np.float32) for value in (0.9, 0.5)))
    assert ranked(month, expected, 20, 0.65).tolist() == ranked(Lines(month.day, blind), expected, 20, 0.65).tolist()
