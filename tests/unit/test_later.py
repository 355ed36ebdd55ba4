"""A stand-in builds its object once, at first use, whoever asks first."""

import threading

import pytest

from console.cli.later import later


class Thing:
    def __init__(self) -> None:
        self.value = 7

    def double(self) -> int:
        return 2 * self.value


def test_nothing_is_built_before_it_is_used():
    built = []
    thing = later(lambda: built.append(1) or Thing())
    assert not built
    assert thing.double() == 14
    assert thing.value == 7
    assert built == [1]


def test_it_is_built_once_by_many_threads():
    built = []
    gate = threading.Barrier(8)
    thing = later(lambda: built.append(1) or Thing())

    def use() -> None:
        gate.wait()
        thing.double()

    threads = [threading.Thread(target=use) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert built == [1]


def test_a_failure_to_build_is_raised_and_tried_again():
    tries = []

    def build() -> Thing:
        tries.append(1)
        if len(tries) == 1:
            raise OSError("not yet")
        return Thing()

    thing = later(build)
    with pytest.raises(OSError, match="not yet"):
        thing.double()
    assert thing.double() == 14
