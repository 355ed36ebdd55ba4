"""Objects made at their first use: the first frame waits for no gateway, and no module of one."""

from __future__ import annotations

from collections.abc import Callable
from threading import RLock
from typing import Any, TypeVar, cast

T = TypeVar("T")


class _Later:
    """Stands for an object until something of it is asked for."""

    def __init__(self, build: Callable[[], Any]) -> None:
        self._build = build
        self._lock = RLock()

    def __getattr__(self, name: str) -> Any:
        # only for what is not here: the object itself, once built, stands in for it
        with self._lock:
            if "_object" not in self.__dict__:
                self.__dict__["_object"] = self._build()
        return getattr(self.__dict__["_object"], name)


def later(build: Callable[[], T]) -> T:
    """Return a stand-in that builds the object at its first use, once, in whichever thread that happens."""
    return cast(T, _Later(build))
