"""One lock around every import of an Azure library: their packages import each other in circles."""

from __future__ import annotations

import threading

IMPORTING = threading.RLock()
"""Held while a library is imported and its client built; under it nothing may ask for a token or for another lock.

Python opens its per-module locks when two threads enter such a circle from different sides, and one of them then meets
a half-made module (seen as "cannot import name ... from partially initialized module 'azure.core...'").
"""
