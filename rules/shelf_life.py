"""Remaining life in calendar months, counted the same way by rules, scan and pages.

A level of six months means: the last day of life is not later than the same day six months on. Half a
month is fifteen days. Values are thousandths of a month.
"""

from datetime import date, timedelta

from rules.deadlines import add_months, expiry_date

MILLI = 1_000
DAYS_IN_MONTH = 30  # only for the part of a month that is left over


def months_on(today: date, milli: int) -> date:
    """The day so many thousandths of a calendar month later."""
    whole, part = divmod(milli, MILLI)
    return add_months(today, whole) + timedelta(days=part * DAYS_IN_MONTH // MILLI)


def months_left(today: date, last_day: date) -> int:
    """Thousandths of a calendar month until the last day of life, negative once it is over.

    At most `level` exactly when `last_day` is not later than `months_on(today, level)`, for levels in steps
    of half a month.
    """
    whole = (last_day.year - today.year) * 12 + last_day.month - today.month
    if add_months(today, whole) > last_day:
        whole -= 1
    over = (last_day - add_months(today, whole)).days
    return whole * MILLI + min(over * MILLI // DAYS_IN_MONTH, MILLI - 1)


def latest_production(expires_by: date, life: int) -> date:
    """The last production day whose shelf life of `life` months ends by that day."""
    day = add_months(expires_by, -life)
    # 31 January and 28 February may end on the same day, so look a little further.
    while expiry_date(day + timedelta(days=1), life) <= expires_by:
        day += timedelta(days=1)
    while expiry_date(day, life) > expires_by:
        day -= timedelta(days=1)
    return day


def produced_until(today: date, milli: int, life: int) -> date:
    """The last production day with at most that many thousandths of a month left of `life` months."""
    return latest_production(months_on(today, milli), life)
