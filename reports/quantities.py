"""Bottles and money as people write them on paper."""


def cases_and_bottles(bottles: int, case_size: int) -> str:
    """Say a number of bottles in cases and loose bottles: "3 箱 2 瓶", "2 箱", "5 瓶".

    `case_size` is bottles per case; 1 means the product has no case. A shortage (negative) keeps
    its sign in front. Raises ValueError for a case size below 1.
    """
    if case_size < 1:
        raise ValueError(f"a case holds at least one bottle, not {case_size}")
    sign = "-" if bottles < 0 else ""
    cases, loose = divmod(abs(bottles), case_size) if case_size > 1 else (0, abs(bottles))
    return sign + counted(cases, loose)


def counted(cases: int, loose: int) -> str:
    """Say cases and loose bottles that were counted apart, as in a total over several products."""
    if not cases:
        return f"{loose:,} 瓶"
    return f"{cases:,} 箱 {loose:,} 瓶" if loose else f"{cases:,} 箱"


def yuan(fen: int) -> str:
    """Say money given in 分 (fen): 123450 is "¥1,234.50", a deduction "-¥0.05"."""
    whole, cents = divmod(abs(fen), 100)
    return f"{'-' if fen < 0 else ''}¥{whole:,}.{cents:02d}"
