"""P17: what the plain install brings along, without the local hub."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from benchmarks import fleets
from benchmarks.rows import Found, Missing, Row

ROOT = Path(__file__).parents[1]
AZ_MB = 708
_OWN = frozenset({"pip", "setuptools", "wheel", "_distutils_hack", "pkg_resources"})


def measure() -> Found:
    """Return the row; the largest packages are in its note."""
    home = fleets.folder() / "install"
    subprocess.run([sys.executable, "-m", "venv", str(home)], check=True)
    pip = [str(home / "bin" / "python"), "-m", "pip", "install", "-q", "--disable-pip-version-check", "--no-compile"]
    made = subprocess.run([*pip, str(ROOT)], capture_output=True, text=True, check=False)
    if made.returncode:
        return [Missing("P17", "size of the plain install", made.stderr.strip().splitlines()[-1])]
    site = next((home / "lib").glob("python*")) / "site-packages"
    sizes = {
        one.name: sum(file.stat().st_size for file in one.rglob("*") if file.is_file())
        if one.is_dir()
        else one.stat().st_size
        for one in site.iterdir()
        if one.name.split("-")[0] not in _OWN
    }
    total = sum(sizes.values()) / 1e6
    largest = sorted(sizes, key=lambda name: -sizes[name])[:8]
    note = "MB: " + ", ".join(f"{name} {sizes[name] / 1e6:.1f}" for name in largest)
    return [
        Row("P17", "plain install, site-packages", "MB", [total], f"azure-cli ({AZ_MB} MB, published)", [float(AZ_MB)],
            most_ours=100, note=note)
    ]  # fmt: skip
