"""A check that depends on a failed one is unknown, never a pass."""

from console.model.check import CheckResult
from console.model.errors import ConsoleError, ErrorKind
from console.services.check import Step, run_checks


def failing() -> str:
    raise ConsoleError(ErrorKind.NETWORK, "No answer", "refused", "Look at the firewall")


def test_each_outcome_has_its_own_result():
    steps = [
        Step("DNS", "hub", lambda: "1.2.3.4"),
        Step("TCP", "hub", failing, needs=(("DNS", "hub"),)),
        Step("TLS", "hub", lambda: "fine", needs=(("TCP", "hub"),)),
        Step("clock", "hub", lambda: "fine", needs=(("TLS", "hub"),)),
        Step("token", "hub", None, "a connection string needs none"),
        Step("permission", "hub", lambda: "Reader", needs=(("DNS", "hub"), ("token", "hub"))),
    ]
    items = list(run_checks(steps))
    assert [item.result for item in items] == [
        CheckResult.PASS,
        CheckResult.FAIL,
        CheckResult.UNKNOWN,
        CheckResult.UNKNOWN,
        CheckResult.NOT_APPLICABLE,
        CheckResult.PASS,
    ]
    assert items[1].detail == "No answer: refused"
    assert items[1].hint == "Look at the firewall"
    assert "TCP" in items[2].detail
    assert items[4].detail == "a connection string needs none"
