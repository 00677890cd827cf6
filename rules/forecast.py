"""How much of a stock will not be sold: TSB for the pace, Poisson or negative binomial for the tail.

TSB: Teunter, Syntetos and Babai (2011), European Journal of Operational Research 214, 606-615. Its
forecast falls when sales stop, so it suits goods that may be dying.
"""

import math
from collections.abc import Sequence

SIZE_WEIGHT = 0.2  # how fast the size of a sale follows the news
CHANCE_WEIGHT = 0.1  # how fast the chance of a sale does
SPREAD_FROM = 1.2  # variance to mean; above it the tail is negative binomial
LARGEST_SUM = 2_000  # bottles summed one by one; above it the normal curve is exact enough


def tsb(sales: Sequence[float]) -> float:
    """Expected sales of the next period from sales by period, the oldest first; 0 when there were none."""
    known = [sale for sale in sales if sale > 0]
    if not known:
        return 0.0
    first = next(place for place, sale in enumerate(sales) if sale > 0)
    size, chance = known[0], 1.0
    for sale in sales[first + 1 :]:
        if sale > 0:
            size += SIZE_WEIGHT * (sale - size)
            chance += CHANCE_WEIGHT * (1.0 - chance)
        else:
            chance -= CHANCE_WEIGHT * chance
    return chance * size


def spread(sales: Sequence[float]) -> float:
    """Variance to mean of sales by period, at least 1 (Poisson)."""
    mean = sum(sales) / len(sales) if sales else 0.0
    if mean <= 0:
        return 1.0
    return max(1.0, sum((sale - mean) ** 2 for sale in sales) / len(sales) / mean)


def shrunk(own: float, periods: float, peers: float, weight: float = 4.0) -> float:
    """A rate pulled to its peers' the more, the fewer periods it was seen (F-7)."""
    return (periods * own + weight * peers) / (periods + weight)


def expected_unsold(bottles: int, mean: float, variance_to_mean: float = 1.0) -> float:
    """Expected bottles left of a stock when demand over the horizon has this mean.

    Sum of (bottles - d) P(d) for d below bottles; P is Poisson, or negative binomial when the variance
    is more than 1.2 times the mean.
    """
    if bottles <= 0:
        return 0.0
    if mean <= 0:
        return float(bottles)
    if bottles > LARGEST_SUM:
        return _normal_unsold(bottles, mean, variance_to_mean)
    left = 0.0
    for sold, chance in enumerate(_chances(bottles, mean, variance_to_mean)):
        left += (bottles - sold) * chance
    return min(left, float(bottles))


def chance_unsold(bottles: int, mean: float, variance_to_mean: float = 1.0) -> float:
    """Chance that demand over the horizon stays below the stock."""
    if bottles <= 0:
        return 0.0
    if mean <= 0:
        return 1.0
    if bottles > LARGEST_SUM:
        deviation = math.sqrt(mean * max(variance_to_mean, 1.0))
        return _below((bottles - 0.5 - mean) / deviation)
    return min(1.0, math.fsum(_chances(bottles, mean, variance_to_mean)))


def unsold_by_lot(lots: Sequence[int], mean: float, variance_to_mean: float = 1.0) -> list[float]:
    """Expected bottles left of each lot when those before it are sold first (FEFO); `lots` in that order."""
    left = []
    before, so_far = 0.0, 0
    for bottles in lots:
        so_far += bottles
        behind = expected_unsold(so_far, mean, variance_to_mean)
        left.append(max(0.0, behind - before))
        before = behind
    return left


def _chances(bottles: int, mean: float, variance_to_mean: float) -> list[float]:
    """P(0), P(1), … P(bottles - 1) of the demand."""
    if variance_to_mean <= SPREAD_FROM:
        return _scaled([math.log(mean / sold) for sold in range(1, bottles)], -mean)
    # Negative binomial with mean r(1-p)/p and variance to mean 1/p.
    p = 1.0 / variance_to_mean
    r = mean * p / (1.0 - p)
    steps = [math.log((r + sold - 1) / sold * (1.0 - p)) for sold in range(1, bottles)]
    return _scaled(steps, r * math.log(p))


def _scaled(log_steps: Sequence[float], log_first: float) -> list[float]:
    # By logarithms, since exp(-mean) is nought for a mean of some hundreds.
    chances = [math.exp(log_first)]
    log_chance = log_first
    for step in log_steps:
        log_chance += step
        chances.append(math.exp(log_chance))
    return chances


def _normal_unsold(bottles: int, mean: float, variance_to_mean: float) -> float:
    deviation = math.sqrt(mean * max(variance_to_mean, 1.0))
    z = (bottles - mean) / deviation
    density = math.exp(-z * z / 2) / math.sqrt(2 * math.pi)
    return min(float(bottles), deviation * (z * _below(z) + density))


def _below(z: float) -> float:
    return 0.5 * math.erfc(-z / math.sqrt(2))
