"""Fixtures of the local hub's tests."""

from support.swagger import swagger

__all__ = ["swagger"]
