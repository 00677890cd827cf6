"""What a count in a store is worth: was it made there, is it seen with a photo, are cases and bottles mixed up.

Pure. Distances in metres, confidence in percent, amounts in bottles.
"""

import math

EARTH = 6_371_000  # metres, mean radius
FAR = 300  # metres from the store's own place; a phone between houses is wrong by less
#: A count by somebody who was there, with a picture and without; and what each doubt takes off.
WITH_PHOTO = 95
WITHOUT_PHOTO = 80
FAR_AWAY = 30
NO_PLACE = 5
OLD_PHOTO = 20
LEAST = 20
#: What an owner says from memory may be off by one bottle, or by a tenth of it.
MEMORY_SHARE = 10


def metres_between(latitude: float, longitude: float, other_latitude: float, other_longitude: float) -> int:
    """The way over ground between two places given in degrees."""
    one, two = math.radians(latitude), math.radians(other_latitude)
    half = math.sin((two - one) / 2) ** 2
    half += math.cos(one) * math.cos(two) * math.sin(math.radians(other_longitude - longitude) / 2) ** 2
    return round(2 * EARTH * math.asin(min(1.0, math.sqrt(half))))


def is_far(metres_away: int | None) -> bool:
    """Whether somebody stood too far off to have counted in the store. Unknown is not far."""
    return metres_away is not None and metres_away > FAR


def visit_confidence(*, photo: bool, photo_is_old: bool, place_known: bool, metres_away: int | None) -> int:
    """How far a rep's count is believed. A claim that looks wrong is kept and believed less."""
    confidence = WITH_PHOTO if photo else WITHOUT_PHOTO
    if photo and photo_is_old:
        confidence = min(confidence, WITHOUT_PHOTO) - OLD_PHOTO
    if is_far(metres_away):
        confidence -= FAR_AWAY
    elif not place_known:
        confidence -= NO_PLACE
    return max(LEAST, confidence)


def report_margin(bottles: int) -> int:
    """How many bottles an owner's word may be off by; nobody is mistaken about nothing being left."""
    return max(1, bottles // MEMORY_SHARE) if bottles else 0


def looks_mixed_up(counted: int, believed: int, case_size: int) -> bool:
    """Whether cases and bottles may have been mixed up: exactly a case size too much or too little."""
    if case_size <= 1 or counted <= 0 or believed <= 0 or counted == believed:
        return False
    if max(counted, believed) < case_size:  # one bottle or two: a mix-up makes a case of them
        return False
    return counted == believed * case_size or counted * case_size == believed or _about(counted, believed, case_size)


def _about(counted: int, believed: int, case_size: int) -> bool:
    """The same with a bottle or two sold since: within a tenth of the ratio, and whole cases where it is too much."""
    more, less = max(counted, believed), min(counted, believed)
    whole = counted < believed or counted % case_size == 0
    return whole and abs(more - less * case_size) * 10 <= less * case_size
