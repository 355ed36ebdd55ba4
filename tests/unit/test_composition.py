"""Making all services costs nothing: no SDK is imported, nobody is asked."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import sys
from console.cli.compose import services_for
from console.config import Credential, Profile
services = services_for(Profile(name="p", hub_name="h", credential=Credential("person")))
services.overview.cached()
assert services.session.identity_label == "not signed in yet"
assert services.meter.calls == 0
heavy = {"azure", "msrest", "msal", "uamqp", "requests", "urllib3", "textual", "duckdb", "cryptography", "starlette"}
print(sorted(heavy & {name.partition(".")[0] for name in sys.modules}))
"""


def test_building_services_imports_no_sdk() -> None:
    result = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False)
    assert (result.stdout.strip(), result.stderr) == ("[]", "")
