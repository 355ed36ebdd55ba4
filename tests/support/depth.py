"""How much a test tries: a little in `make test`, more in `make deep`, what was promised in `make deep DEEP=full`."""

from __future__ import annotations

import os

_DEPTH = os.environ.get("HUBWARDEN_DEPTH", "test")


def trials(*, test: int, deep: int, full: int | None = None) -> int:
    """Return how many trials this run makes: `full` (or else `deep`) only in `make deep DEEP=full`."""
    if _DEPTH == "full":
        return deep if full is None else full
    return deep if _DEPTH == "deep" else test


def fuzz_examples(*, test: int = 100, deep: int = 2000, full: int | None = None) -> int:
    """Return how many examples a fuzz target gets; HUBWARDEN_FUZZ_EXAMPLES (`make fuzz`) wins."""
    return int(os.environ.get("HUBWARDEN_FUZZ_EXAMPLES") or trials(test=test, deep=deep, full=full))
