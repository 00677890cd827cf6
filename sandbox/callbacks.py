"""Delivers callbacks to the application: time limits, re-delivery, and misbehaviour on demand."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from threading import Lock

import requests

from sandbox.faults import Faults


class BadAnswer(ValueError):
    """The application's answer is not what the platform accepts; `str()` is Chinese."""


@dataclass(frozen=True)
class Callback:
    """One encrypted or signed request to the application.

    `pauses` are the seconds before each re-delivery; `insists` re-delivers after an unacceptable
    answer too, not only after silence. `read` does what the platform does with the answer and
    raises `BadAnswer`.
    """

    label: str
    path: str
    body: bytes
    headers: dict[str, str]
    read: Callable[[requests.Response], None]
    params: dict[str, str]
    timeout: float
    pauses: tuple[float, ...] = ()
    insists: bool = False


@dataclass(frozen=True)
class Delivery:
    """What became of a callback. `problem` is a Chinese sentence, empty when all went well."""

    attempts: int = 0
    status: int = 0
    problem: str = ""
    held: bool = False


class Courier:
    """Carries callbacks to one base address and nowhere else."""

    def __init__(
        self,
        base: str,
        session: requests.Session,
        faults: Faults,
        pause: Callable[[float], None],
        timeout: float | None,
    ) -> None:
        self._base = base.rstrip("/")
        self._session = session
        self._faults = faults
        self._pause = pause
        self._timeout = timeout
        self._held: Callback | None = None
        self._lock = Lock()

    @property
    def holding(self) -> bool:
        """Whether a callback waits for the next one to overtake it."""
        return self._held is not None

    def send(self, callback: Callback) -> Delivery:
        """Deliver one callback, and after it the one that was held back."""
        if self._faults.fires(self._faults.lost):
            return Delivery(problem="沙盒按设定丢失了这条回调。")
        if self._hold(callback):
            return Delivery(held=True)
        if self._faults.fires(self._faults.slow):
            self._pause(self._faults.slow_seconds)
        delivery = self._deliver_and_repeat(callback)
        self.release()
        return delivery

    def release(self) -> Delivery | None:
        """Deliver the held callback, if there is one."""
        with self._lock:
            held, self._held = self._held, None
        return self._deliver(held) if held else None

    def _hold(self, callback: Callback) -> bool:
        with self._lock:
            if self._held is None and self._faults.fires(self._faults.reordered):
                self._held = callback
                return True
            return False

    def _deliver_and_repeat(self, callback: Callback) -> Delivery:
        if not self._faults.fires(self._faults.duplicated):
            return self._deliver(callback)
        # The platform repeats because it did not hear the first answer, so only the last counts.
        first = self._deliver(replace(callback, read=_unheard))
        second = self._deliver(callback)
        return replace(second, attempts=first.attempts + second.attempts)

    def _deliver(self, callback: Callback) -> Delivery:
        delivery = self._attempt(callback, 1)
        for number, pause in enumerate(callback.pauses, start=2):
            silent = delivery.status == 0
            if not delivery.problem or not (silent or callback.insists):
                break
            self._pause(pause)
            delivery = self._attempt(callback, number)
        return delivery

    def _attempt(self, callback: Callback, number: int) -> Delivery:
        try:
            answer = self._session.post(
                self._base + callback.path,
                params=callback.params,
                data=callback.body,
                headers=callback.headers,
                timeout=self._timeout or callback.timeout,
                allow_redirects=False,
            )
        except requests.RequestException as error:
            problem = f"{callback.label}没有得到应答（{type(error).__name__}）"
            return Delivery(number, 0, problem)
        return Delivery(number, answer.status_code, _read(callback, answer))


def _unheard(answer: requests.Response) -> None:
    del answer


def _read(callback: Callback, answer: requests.Response) -> str:
    if answer.status_code != 200:
        return f"{callback.label}得到 HTTP {answer.status_code}"
    try:
        callback.read(answer)
    except BadAnswer as error:
        return f"{callback.label}的应答不被接受：{error}"
    return ""
