"""A CA at the hub that cannot be read may be the very one: a certificate is not refused for that."""

from __future__ import annotations

import pytest
from support.chains import DAY, NOW, make

from console.model.certificate import Answer, Registered
from console.model.device import AuthType
from console.rules.certificate_chain import Anchor
from console.rules.certificate_compare import compare
from console.rules.certificate_reading import read

ROOT = make("Root", ca=True, number=1, not_after=NOW + 3000 * DAY)
LEAF = make("press-1", ROOT, number=2)
OTHER = Anchor(make("Other", ca=True, number=3).der, "other (at the hub)", complete=True)
DEVICE = Registered("press-1", "", exists=True, enabled=True, auth=AuthType.CA, by_ca=True)


@pytest.mark.parametrize("der", [b"", b"\x30\x00", ROOT.der[:-5]])
@pytest.mark.parametrize("verified", [True, False])
def test_what_could_not_be_read_is_not_known(der: bytes, verified: bool) -> None:
    lost = Anchor(der, "lost (at the hub)", complete=True, verified=verified)
    found = compare(read(LEAF.pem, "leaf.pem"), DEVICE, [OTHER, lost], NOW)
    assert found.answer is (Answer.UNKNOWN if verified else Answer.NO)
    assert ("lost" in found.why) == verified


def test_one_that_can_be_read_still_answers() -> None:
    anchors = [Anchor(b"", "lost (at the hub)", complete=True), Anchor(ROOT.der, "root (at the hub)", complete=True)]
    assert compare(read(LEAF.pem, "leaf.pem"), DEVICE, anchors, NOW).answer is Answer.YES
