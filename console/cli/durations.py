"""Lengths of time as they are typed: seconds, or 15m, 8h, 7d."""

from __future__ import annotations

import click

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_LONGEST = 12  # digits
_SHOWN = 20  # characters: what is longer may be a key


def seconds(_ctx: click.Context, param: click.Parameter, value: str | None) -> int | None:
    """Return the seconds of a length that was typed, None for none. Raises BadParameter."""
    if value is None:
        return None
    text = value.strip().casefold()
    number, unit = (text[:-1], text[-1:]) if text[-1:] in _UNITS else (text, "s")
    digits = number.removeprefix("-")
    if not (digits.isascii() and digits.isdigit()):
        shown = f"“{value}”" if len(value) <= _SHOWN else f"What has {len(value)} characters"
        raise click.BadParameter(f"{shown} is no number of seconds: give 3600, or 15m, 8h, 7d.", param=param)
    if len(digits.lstrip("0")) > _LONGEST:
        raise click.BadParameter(f"a number with {len(digits)} digits is too long: give 3600, or 15m, 8h, 7d.")
    return int(number) * _UNITS[unit]
