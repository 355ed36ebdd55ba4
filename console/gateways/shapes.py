"""Answers of another shape than the service's: each gateway says so in one sentence, wherever its mapping trips."""

from __future__ import annotations

import functools
import inspect
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from console.model.errors import ConsoleError, ErrorKind

T = TypeVar("T", bound=type)
TRIPPED = (TypeError, AttributeError, LookupError, ValueError, ArithmeticError, RecursionError, AssertionError)
"""What code raises that meets text where it expected an object, a number beyond its range, or a nest without end."""
_log = logging.getLogger(__name__)


def answers_of(service: str) -> Callable[[T], T]:
    """Make every public method of a gateway raise ConsoleError BAD_ANSWER where `service` wrote something else."""

    def decorate(cls: T) -> T:
        for name, method in list(vars(cls).items()):
            if not name.startswith("_") and inspect.isfunction(method):
                setattr(cls, name, _guarded(method, service))
        return cls

    return decorate


def _guarded(method: Callable[..., Any], service: str) -> Callable[..., Any]:
    what = f"The answer of {service} could not be read"
    if inspect.isgeneratorfunction(method):

        @functools.wraps(method)
        def items(*arguments: Any, **options: Any) -> Iterator[Any]:
            with told(what):
                yield from method(*arguments, **options)

        return items

    @functools.wraps(method)
    def call(*arguments: Any, **options: Any) -> Any:
        with told(what):
            return method(*arguments, **options)

    return call


@contextmanager
def told(what: str) -> Iterator[None]:
    """Turn what a mapping tripped on into ConsoleError BAD_ANSWER; the log keeps where it was."""
    try:
        yield
    except ConsoleError:
        raise
    except TRIPPED as error:
        _log.warning("an answer of another shape", exc_info=True)
        raise bad_shape(what, error) from error


def bad_shape(what: str, error: BaseException) -> ConsoleError:
    """Return the failure of an answer that is JSON and yet not what the service writes."""
    deep = isinstance(error, RecursionError)
    why = "it is nested too deeply" if deep else "it is not what this service writes"
    hint = "Check the endpoints in the profile; a proxy may stand in between. The log in the state folder says where"
    return ConsoleError(ErrorKind.BAD_ANSWER, what, why, hint)
