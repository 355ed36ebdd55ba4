"""Each sort of trouble becomes its own kind, with a cause and a next step, over real sockets."""

from __future__ import annotations

import itertools
import socket
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from support.console import by_connection_string, impatient, private_file, profile_of
from support.hub import HubRunner

from console.cli.compose import services_for
from console.config import Credential, Endpoints, Profile
from console.localhub.faults import Faults
from console.model.connection import FailureReport, Grouping, LogState
from console.model.errors import ConsoleError, ErrorKind
from console.services.ports import Cancel

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)


@pytest.fixture
def profile(local_hub: HubRunner, tmp_path: Path, faults: Faults) -> Profile:
    return profile_of(local_hub.ready, tmp_path)


def trouble(call: object, *args: object) -> ConsoleError:
    with pytest.raises(ConsoleError) as caught:
        call(*args)  # type: ignore[operator]
    error = caught.value
    assert error.why
    assert error.hint
    assert error.sentence().count("\n") == 0
    return error


def report(profile: Profile) -> FailureReport:
    return impatient(profile).connections.report(HOUR, MINUTE, Grouping.CAUSE)


def closed_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


# -- getting through at all --------------------------------------------------------------------------------------------


def test_nobody_listens(profile: Profile) -> None:
    gone = f"https://localhost:{closed_port()}"
    services = impatient(replace(profile, endpoints=replace(profile.endpoints, arm=gone, hub=gone)))
    for call in (services.session.hub, services.fleet.counts):
        error = trouble(call)
        assert error.kind is ErrorKind.NETWORK
        assert "refused the connection" in error.why


def test_a_name_that_does_not_resolve_points_at_the_hub_name(profile: Profile) -> None:
    wrong = replace(profile, endpoints=replace(profile.endpoints, hub="https://no-such-hub.invalid"))
    error = trouble(impatient(wrong).fleet.counts)
    assert error.kind is ErrorKind.NETWORK
    assert "does not resolve" in error.why
    assert "hub's name in the profile" in error.hint


@pytest.mark.parametrize("part", ["arm", "hub", "logs", "token"])
def test_an_untrusted_root_names_the_host_and_ca_file(profile: Profile, part: str) -> None:
    services = impatient(replace(profile, ca_file=""))
    if part in {"arm", "token"}:
        error = trouble(services.session.hub if part == "arm" else services.session.whoami)
    else:  # the token is fetched under the right root, then the service itself is not trusted
        good = impatient(profile)
        token = good.session.whoami() and good.session._identity.get_token  # type: ignore[union-attr]
        services.session._identity.get_token = token  # type: ignore[union-attr]
        now = services.session.now()
        reader = services.session.logs()
        error = trouble(services.fleet.counts) if part == "hub" else trouble(reader.query, "print 1", now, now)
    assert error.kind is ErrorKind.TLS
    assert "localhost" in error.why
    assert "ca_file" in error.hint


def test_a_certificate_for_another_name_is_told_apart(
    profile: Profile, local_hub: HubRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = int(profile.endpoints.hub.rpartition(":")[2])
    resolve = socket.getaddrinfo
    monkeypatch.setattr(  # a name of ours that leads to the hub, as a wrong DNS record would
        socket, "getaddrinfo", lambda host, *a, **k: resolve("127.0.0.1" if host == "other.example" else host, *a, **k)
    )
    other = replace(profile, endpoints=replace(profile.endpoints, hub=f"https://other.example:{port}"))
    error = trouble(impatient(other).fleet.counts)
    assert error.kind is ErrorKind.TLS
    assert "another name" in error.why


def test_a_silent_server_is_a_time_out(profile: Profile, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("console.gateways.registry.CONNECT_TIMEOUT", 0.2)
    monkeypatch.setattr("console.gateways.registry.READ_TIMEOUT", 0.2)
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen()
        port = deaf.getsockname()[1]
        silent = replace(profile, endpoints=replace(profile.endpoints, hub=f"https://localhost:{port}"))
        error = trouble(impatient(silent).fleet.counts)
    assert error.kind is ErrorKind.TIMEOUT
    assert "did not answer in time" in error.why


def test_a_proxy_that_does_not_let_us_through_is_named(profile: Profile, local_hub: HubRunner) -> None:
    blocked = replace(
        profile, proxy=local_hub.ready["proxy"], endpoints=replace(profile.endpoints, hub=""), hub_host="x.example"
    )
    error = trouble(impatient(blocked).fleet.counts)
    assert error.kind is ErrorKind.NETWORK
    assert local_hub.ready["proxy"] in error.why


# -- who we are --------------------------------------------------------------------------------------------------------


def test_a_wrong_secret(profile: Profile, tmp_path: Path) -> None:
    secret = private_file(tmp_path / "wrong", "not the secret")
    wrong = replace(profile, credential=replace(profile.credential, secret_from=f"file:{secret}"))
    services = impatient(wrong)
    for call in (services.session.whoami, services.session.hub, services.fleet.counts):
        error = trouble(call)
        assert (error.kind, error.code) == (ErrorKind.AUTHENTICATION, "AADSTS7000215")
        assert "secret is wrong" in error.why
    assert report(wrong).state is LogState.FAILED


def test_an_expired_secret(profile: Profile, faults: Faults) -> None:
    faults.add("expired-secret")
    error = trouble(impatient(profile).session.hub)
    assert (error.kind, error.code) == (ErrorKind.AUTHENTICATION, "AADSTS7000222")
    assert "has expired" in error.why


def test_a_secret_file_that_others_can_read_is_refused_at_the_first_call(profile: Profile) -> None:
    Path(profile.credential.secret_from.removeprefix("file:")).chmod(0o644)
    error = trouble(impatient(profile).session.whoami)
    assert error.kind is ErrorKind.BAD_INPUT
    assert "chmod 600" in error.hint


def test_nobody_signed_in_lists_what_was_tried(profile: Profile, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AZURE_CLIENT_ID", "AZURE_TENANT_ID", "AZURE_CLIENT_SECRET", "IDENTITY_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", f"http://127.0.0.1:{closed_port()}")
    error = trouble(impatient(replace(profile, credential=Credential())).session.whoami)
    assert error.kind is ErrorKind.AUTHENTICATION
    for way in ("Azure CLI:", "managed identity:", "environment:"):
        assert way in error.why
    assert "az login" in error.hint


def test_the_environment_is_the_last_way_for_a_person(
    profile: Profile, local_hub: HubRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    operator = local_hub.ready["principals"]["operator"]
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", f"http://127.0.0.1:{closed_port()}")
    monkeypatch.setenv("AZURE_CLIENT_ID", operator["client_id"])
    monkeypatch.setenv("AZURE_TENANT_ID", profile.tenant_id)
    monkeypatch.setenv("AZURE_CLIENT_SECRET", operator["client_secret"])
    who = impatient(replace(profile, credential=Credential())).session.whoami()
    assert (who.source, who.object_id) == ("environment", operator["object_id"])


@pytest.mark.parametrize("skew", [600, -600])
def test_clocks_ten_minutes_apart_are_found_on_a_refusal(
    local_hub: HubRunner, tmp_path: Path, faults: Faults, skew: int
) -> None:
    wrong_key = local_hub.ready["hub_connection_string"].rpartition("SharedAccessKey=")[0] + "SharedAccessKey=AAAA"
    services = impatient(by_connection_string(local_hub.ready, tmp_path, wrong_key))
    assert trouble(services.fleet.counts).kind is ErrorKind.AUTHENTICATION
    faults.add("clock-skew", seconds=skew)
    error = trouble(services.fleet.counts)
    assert error.kind is ErrorKind.CLOCK
    assert "10 min" in error.why
    assert ("behind" if skew > 0 else "ahead") in error.why


# -- what we may -------------------------------------------------------------------------------------------------------


def test_without_roles_each_service_names_the_one_that_is_missing(local_hub: HubRunner, tmp_path: Path) -> None:
    services = impatient(profile_of(local_hub.ready, tmp_path, "nobody"))
    assert services.session.whoami().object_id == local_hub.ready["principals"]["nobody"]["object_id"]
    hub = trouble(services.session.hub)
    fleet = trouble(services.fleet.counts)
    assert (hub.kind, fleet.kind) == (ErrorKind.PERMISSION, ErrorKind.PERMISSION)
    assert "Reader" in hub.why
    assert "IoT Hub Data Reader" in fleet.why
    logs = services.connections.report(HOUR, MINUTE, Grouping.CAUSE)
    assert logs.state is LogState.NO_PERMISSION
    assert logs.error is not None
    assert "Log Analytics Reader" in logs.error.why


def test_the_reader_reads_everything(local_hub: HubRunner, tmp_path: Path) -> None:
    snapshot = impatient(profile_of(local_hub.ready, tmp_path, "reader")).overview.load(lambda _: None)
    for part in ("hub", "failures", "counts", "certificates", "last_change", "identity"):
        assert getattr(snapshot, part).ready, part


def test_a_wrong_key_lists_what_to_check_because_the_hub_does_not_say(local_hub: HubRunner, tmp_path: Path) -> None:
    text = local_hub.ready["hub_connection_string"].rpartition("SharedAccessKey=")[0] + "SharedAccessKey=AAAA"
    error = trouble(impatient(by_connection_string(local_hub.ready, tmp_path, text)).fleet.counts)
    assert (error.kind, error.status) == (ErrorKind.AUTHENTICATION, 401)
    for cause in ("key is wrong", "IP rule", "public access"):
        assert cause in error.why


@pytest.mark.parametrize(
    "text", ["nonsense", "HostName=h;SharedAccessKeyName=p", "HostName=h;SharedAccessKeyName=p;SharedAccessKey=%%%"]
)
def test_what_is_no_connection_string_is_refused_before_any_call(
    local_hub: HubRunner, tmp_path: Path, text: str
) -> None:
    error = trouble(impatient, by_connection_string(local_hub.ready, tmp_path, text))
    assert error.kind is ErrorKind.BAD_INPUT
    assert "connection string" in error.what


def test_a_hub_that_is_not_there(profile: Profile) -> None:
    wrong_id = profile.arm_id.replace("contoso-plants", "nowhere")
    by_id = trouble(impatient(replace(profile, arm_id=wrong_id, hub_name="nowhere")).session.hub)
    assert by_id.kind is ErrorKind.NOT_FOUND
    by_name = trouble(impatient(replace(profile, arm_id="", hub_name="nowhere")).session.hub)
    assert by_name.kind is ErrorKind.NOT_FOUND
    assert "has this name" in by_name.why


# -- services in trouble -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("endpoint", ["arm", "hub", "logs"])
def test_throttling_without_retry_after_is_told(profile: Profile, faults: Faults, endpoint: str) -> None:
    services = impatient(profile)
    services.session.whoami()
    faults.add("throttle", endpoint=endpoint)
    if endpoint == "logs":
        assert services.connections.report(HOUR, MINUTE, Grouping.CAUSE).state is LogState.THROTTLED
    else:
        error = trouble(services.session.hub if endpoint == "arm" else services.fleet.counts)
        assert (error.kind, error.status) == (ErrorKind.THROTTLED, 429)
        assert "does not say how long" in error.why
    assert services.meter.throttled >= 1


@pytest.mark.parametrize("kind", ["throttle", "server-error", "drop"])
@pytest.mark.parametrize("endpoint", ["arm", "hub", "token"])
def test_one_passing_trouble_is_ridden_out(profile: Profile, faults: Faults, endpoint: str, kind: str) -> None:
    services = services_for(profile)
    if endpoint != "token":
        services.session.whoami()
    faults.add(kind, endpoint=endpoint, count=1)
    call = {"arm": services.session.hub, "hub": services.fleet.counts, "token": services.session.whoami}[endpoint]
    assert call()
    assert (services.meter.retries, services.meter.note) == (1, "")


def test_retry_after_beyond_the_budget_is_not_waited_for(profile: Profile, faults: Faults) -> None:
    services = services_for(profile)
    faults.add("throttle", endpoint="arm", retry_after=120)
    error = trouble(services.session.hub)
    assert error.kind is ErrorKind.THROTTLED
    assert "wait 120 s" in error.why
    assert services.meter.retries == 0


def test_a_waiting_retry_is_shown_and_can_be_cancelled(profile: Profile, faults: Faults) -> None:
    services = services_for(profile)
    services.session.whoami()
    faults.add("throttle", endpoint="arm", retry_after=8)
    cancel, seen = Cancel(), threading.Event()
    caught: list[ConsoleError] = []

    def read() -> None:
        try:
            services.session.hub(cancel)
        except ConsoleError as error:
            caught.append(error)

    thread = threading.Thread(target=read)
    thread.start()
    while thread.is_alive() and not seen.is_set():
        if services.meter.note:
            assert "try 2 of 3 in 8 s" in services.meter.note
            seen.set()
            cancel.cancel()
    thread.join(timeout=5)
    assert not thread.is_alive()
    assert [error.kind for error in caught] == [ErrorKind.CANCELLED]
    assert services.meter.note == ""


@pytest.mark.parametrize("endpoint", ["arm", "hub", "logs", "token"])
@pytest.mark.parametrize("kind", ["server-error", "html"])
def test_server_errors_and_web_pages_are_told_apart(profile: Profile, faults: Faults, endpoint: str, kind: str) -> None:
    services = impatient(profile)
    if endpoint != "token":
        services.session.whoami()
    faults.add(kind, endpoint=endpoint, **({"status": 503} if kind == "server-error" else {}))
    now = datetime.now(UTC)
    calls = {
        "arm": services.session.hub,
        "hub": services.fleet.counts,
        "logs": lambda: services.session.logs().query("print 1", now, now),
        "token": services.session.whoami,
    }
    error = trouble(calls[endpoint])
    assert error.kind is (ErrorKind.SERVICE if kind == "server-error" else ErrorKind.BAD_ANSWER)
    if kind == "server-error":
        assert error.status == 503


# -- the log's own states ----------------------------------------------------------------------------------------------


def test_no_diagnostic_setting_comes_with_the_fix(profile: Profile, local_hub: HubRunner) -> None:
    settings = local_hub.hub.diagnostic_settings
    kept = dict(settings)
    settings.clear()
    try:
        for one in (profile, replace(profile, workspace_id="")):
            found = report(one)
            assert found.state is LogState.NO_SETTING
            assert found.error is not None
            assert "az monitor diagnostic-settings create" in found.error.hint
    finally:
        settings.update(kept)
    assert report(profile).state is LogState.READY


def test_an_empty_log_and_a_missing_table_look_different(profile: Profile, faults: Faults) -> None:
    fault = faults.add("empty-logs")
    assert report(profile).state is LogState.NO_ROWS
    faults.remove(fault.id)
    faults.add("no-table")
    found = report(profile)
    assert found.state is LogState.NO_TABLE
    assert found.error is not None
    assert "no resource log yet" in found.error.what


def test_a_quiet_window_is_the_good_news(profile: Profile) -> None:
    services = impatient(profile)
    far = services.session.now() - timedelta(hours=30)
    assert services.connections.report(HOUR, MINUTE, Grouping.CAUSE, end=far).state is LogState.NO_ROWS
    events = services.connections.events(far + timedelta(hours=29), services.session.now(), limit=5000, renewals=True)
    stamps = sorted(event.time for event in events)
    gap = max(itertools.pairwise(stamps), key=lambda pair: pair[1] - pair[0])
    width = (gap[1] - gap[0]) / 3
    quiet = services.connections.report(width, width, Grouping.CAUSE, end=gap[1] - width / 2)
    assert (quiet.total, quiet.state in {LogState.EMPTY, LogState.NO_ROWS}) == (0, True)


def test_a_partial_result_says_so(profile: Profile, faults: Faults) -> None:
    faults.add("partial-result", endpoint="logs")
    found = report(profile)
    assert found.state is LogState.READY
    assert found.partial


def test_nothing_of_the_sdks_reaches_stderr(
    profile: Profile, faults: Faults, capfd: pytest.CaptureFixture[str]
) -> None:
    services = impatient(replace(profile, endpoints=Endpoints(arm=f"https://localhost:{closed_port()}")))
    trouble(services.session.hub)
    faults.add("server-error", endpoint="hub")
    trouble(impatient(profile).fleet.counts)
    assert capfd.readouterr().err == ""


def test_the_fault_alone_shows_that_no_setting_sends_the_log_anywhere(profile: Profile, faults: Faults) -> None:
    faults.add(kind="no-diagnostic-setting")
    told = report(replace(profile, workspace_id=""))
    assert told.state is LogState.NO_SETTING
    assert told.error is not None
    assert "diagnostic-settings create" in told.error.hint
