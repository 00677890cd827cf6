"""Turns a request of the wrong shape into the platform's own refusal instead of an HTTP 500."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def well_shaped(refusal: Callable[[str], Exception]) -> Iterator[None]:
    """Refuse a text where an object belongs, a number where a list belongs, and the like.

    Wrap only checking and composing, so that a fault of the sandbox itself still shows.
    """
    try:
        yield
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise refusal(f"parameter of a wrong type: {error}") from error
