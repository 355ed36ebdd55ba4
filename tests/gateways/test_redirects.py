"""No client follows a redirect, whoever sends it and wherever it leads; nor a next page or an operation elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from support.depth import trials
from support.villain import DPS, HUB, TENANT, Request, Villain, answer, authority, profile_at, wiring

from console.cli.localhub_control import call
from console.cli.wiring import Wiring
from console.config import Credential
from console.gateways.answers import Answer
from console.gateways.registration import RegistrarGateway
from console.model.enrollment import EnrollmentKind, ProvisioningInstance
from console.model.enrollment_target import enrollment_target
from console.model.errors import ConsoleError, ErrorKind
from console.model.secret import Secret
from console.services.ports import Cancel

NOW = datetime(2026, 3, 1, tzinfo=UTC)
KEYS = {"authentication": {"symmetricKey": {"primaryKey": "SECRET-OF-THE-DEVICE"}}}
INSTANCE = ProvisioningInstance(
    arm_id=DPS, name="dps", host="dps.azure-devices-provisioning.net", device_host="global.azure", id_scope="0ne1"
)
ENROLLMENT = enrollment_target(DPS, EnrollmentKind.INDIVIDUAL, "press-1")
STATUSES = (301, 302, 303, 307, 308)


def identity(kind: str) -> Callable[[Wiring], Any]:
    return lambda wired: wired.sign_in._build(kind).get_token("https://management.azure.com/.default")


def registrar(wired: Wiring) -> Any:
    place = wired._profile.endpoints.dps.removeprefix("https://")
    link = RegistrarGateway(ca_file=authority()[0]).reach(place)
    return link.register("0ne00000000", "press-1", {"secret": "SECRET-OF-THE-DEVICE"}, Secret("sas"), Cancel())


GATEWAYS: dict[str, Callable[[Wiring], Any]] = {
    "arm get": lambda w: w.arm.get("It failed", HUB, {}, Cancel()),
    "arm pages": lambda w: list(w.arm.pages("It failed", "/subscriptions", {}, Cancel())),
    "arm post": lambda w: w.arm.post("It failed", f"{HUB}/listkeys", {}, Cancel()),
    "arm put": lambda w: w.arm.send("It failed", "PUT", HUB, {}, Cancel(), body=KEYS),
    "arm delete": lambda w: w.arm.send("It failed", "DELETE", HUB, {}, Cancel()),
    "arm poll": lambda w: w.arm.poll("It failed", f"{w._profile.arm_endpoint}/operations/1", Cancel()),
    "hub": lambda w: w.hub.hub(),
    "hub put": lambda w: w.hub.put({"properties": {}}, "e", Cancel()),
    "hub certificates": lambda w: w.hub.certificates(),
    "metrics": lambda w: w.hub.metrics(["m"], NOW - timedelta(hours=1), NOW, timedelta(minutes=5)),
    "activity log": lambda w: w.hub.activity(NOW),
    "policies": lambda w: w.hub.policies(),
    "resource graph": lambda w: w.hubs._query(Cancel()),
    "roles": lambda w: w.access.definitions(HUB),
    "private endpoints": lambda w: w.network.private_endpoints(),
    "registry query": lambda w: w.registry.query("SELECT * FROM devices"),
    "registry page": lambda w: w.registry.fleet_page("", 10),
    "registry device": lambda w: w.registry.device("press-1"),
    "registry put": lambda w: w.registry.put_identity("press-1", KEYS, "e", Cancel()),
    "registry delete": lambda w: w.registry.delete_identity("press-1", "e", Cancel()),
    "logs": lambda w: w.logs(TENANT).query("print 1", NOW, NOW + timedelta(hours=1)),
    "dps list": lambda w: list(w.enrollments.enrollments(INSTANCE)),
    "dps keys": lambda w: w.enrollments.mechanism(INSTANCE, EnrollmentKind.INDIVIDUAL, "press-1"),
    "dps put": lambda w: w.enrollments._write("It failed", "PUT", ENROLLMENT, "e", Cancel(), KEYS),
    "dps device": registrar,
    "token service": lambda w: w.sign_in.whoami(),
    "managed identity": identity("managed-identity"),
}
PRIVILEGED = {"policies", "dps keys"}


@pytest.fixture
def traps() -> Iterator[tuple[Villain, Villain]]:
    def never(request: Request) -> bytes:
        return answer(200, {"value": [], "access_token": "x", "request": request.path})

    with Villain(never, tokens=False) as secure, Villain(never, tls=False, tokens=False) as plain:
        yield secure, plain


def failure(call_it: Callable[[Wiring], Any], wired: Wiring) -> ConsoleError:
    from console.gateways.errors import translate

    try:
        found = call_it(wired)
    except ConsoleError as error:
        return error
    except Exception as error:  # of the credential itself, as an SDK would meet it
        return translate(error, "Signing in failed", wired.sign_in.target, NOW).error
    pytest.fail(f"it was taken for an answer: {found}")


@pytest.mark.parametrize("gateway", GATEWAYS)
def test_no_client_follows_a_redirect(
    gateway: str, traps: tuple[Villain, Villain], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secure, plain = traps
    for status in STATUSES if trials(test=0, deep=1) else (302, 308):
        own: list[str] = []

        def redirect(request: Request, status: int = status, own: list[str] = own) -> bytes:
            return answer(status, b"", location=own[0]) if "/elsewhere" not in request.path else answer(200, {})

        imds = gateway == "managed identity"
        signing_in = gateway == "token service"
        with Villain(redirect, tls=not imds, tokens=not signing_in) as one:
            monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", one.url)
            wired = wiring(profile_at(one.url if not imds else "https://localhost:1", tmp_path))
            for target in (
                "/elsewhere",
                f"{one.url}/elsewhere",
                f"http://localhost:{one.port}/elsewhere",
                f"{secure.url}/elsewhere?sig=QUERY-SECRET",
                f"https://user:PASS-WORD@localhost:{secure.port}/elsewhere",
                f"{plain.url}/elsewhere",
                f"//localhost:{secure.port}/elsewhere",
                "https://evil.example/elsewhere?code=QUERY-SECRET",
                "http://[broken",
                "",
                "\x1b[31mred",
            ):
                own[:] = [target]
                error = failure(GATEWAYS[gateway], wired)
                text = error.sentence()
                assert "answered with a redirect to" in text and "which is not followed" in text, (status, target, text)
                assert error.kind is ErrorKind.BAD_ANSWER
                assert not any(word in text for word in ("QUERY-SECRET", "PASS-WORD", "\x1b", "\n")), text
                assert ("evil.example" in text) == ("evil.example" in target)
            assert not any("/elsewhere" in request.path for request in one.heard)
    assert (secure.connections, plain.connections) == (0, 0)


@pytest.mark.parametrize("status", STATUSES)
def test_the_control_service_of_a_local_hub_is_no_exception(
    status: int, traps: tuple[Villain, Villain], tmp_path: Path
) -> None:
    with Villain(lambda _: answer(status, b"", location=f"{traps[1].url}/elsewhere"), tokens=False) as one:
        ready = tmp_path / "ready.json"
        ready.write_text(f'{{"ca_file": "{authority()[0]}", "faults_endpoint": "{one.url}", "faults_token": "SECRET"}}')
        with pytest.raises(ConsoleError, match=r"answered with a redirect to http://localhost:.* is not followed"):
            call(ready, "POST", "/load", {"devices": []})
    assert traps[1].connections == 0


@pytest.mark.parametrize("kind", ["nextLink", "azure-asyncoperation", "location"])
@pytest.mark.parametrize("where", ["other host", "plain", "userinfo", "look-alike", "other port"])
def test_pages_and_operations_lead_to_the_same_host_alone(
    kind: str, where: str, traps: tuple[Villain, Villain], tmp_path: Path
) -> None:
    secure, plain = traps

    def link(own: Villain) -> str:
        return {
            "other host": "https://evil.example/next?token=QUERY-SECRET",
            "plain": f"http://localhost:{own.port}/next",
            "userinfo": f"{own.url}@localhost:{secure.port}/next",
            "look-alike": f"{own.url}.evil.example/next",
            "other port": f"{secure.url}/next",
        }[where]

    def reply(request: Request) -> bytes:
        return answer(200, {"value": [{"a": 1}], "nextLink": link(one)})

    with Villain(reply) as one:
        arm = wiring(profile_at(one.url, tmp_path), budget=1.0).arm
        if kind == "nextLink":
            with pytest.raises(ConsoleError) as caught:
                list(arm.pages("The list could not be read", "/subscriptions", {}, Cancel()))
            assert "for the next page, which is not asked" in caught.value.why
            assert "QUERY-SECRET" not in caught.value.why and caught.value.kind is ErrorKind.BAD_ANSWER
        else:
            from console.gateways.operations import watch

            receipt = watch(arm, "It failed", Answer(201, {kind: link(one)}, ""), {}, Cancel())
            assert "to ask for the operation, which is not asked" in receipt.pending
            assert "QUERY-SECRET" not in receipt.pending
    assert (secure.connections, plain.connections) == (0, 0)


def test_a_client_asks_no_other_service_whoever_names_it(traps: tuple[Villain, Villain], tmp_path: Path) -> None:
    def reply(request: Request) -> bytes:
        return answer(
            200, {"token_endpoint": f"{traps[0].url}/t", "authorization_endpoint": "https://a", "issuer": "i"}
        )

    with Villain(reply, tokens=False) as one:
        with pytest.raises(ConsoleError) as caught:
            wiring(profile_at(one.url, tmp_path)).sign_in.whoami()
        assert "not the service of the profile" in caught.value.why
    assert traps[0].connections == 0


def test_the_same_host_in_another_writing_is_the_same(tmp_path: Path) -> None:
    def reply(request: Request) -> bytes:
        following = f"https://LOCALHOST:{one.port}/second" if "second" not in request.path else None
        return answer(200, {"value": [1], "nextLink": following})

    with Villain(reply) as one:
        found = wiring(profile_at(one.url, tmp_path)).arm.pages("It failed", "/first", {}, Cancel())
        assert list(found) == [1, 1]


def test_credentials_of_kinds_that_sign_in_elsewhere_do_not_follow_either(
    traps: tuple[Villain, Villain], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AZURE_CLIENT_ID", "AZURE_TENANT_ID", "AZURE_CLIENT_SECRET"):
        monkeypatch.setenv(name, TENANT)
    with Villain(lambda _: answer(307, b"", location=f"{traps[0].url}/t"), tokens=False) as one:
        for credential in (Credential("environment"),):
            wired = wiring(profile_at(one.url, tmp_path, credential=credential))
            assert "is not followed" in failure(lambda w: w.sign_in.whoami(), wired).why
    with Villain(lambda _: answer(307, b"", location=f"{traps[1].url}/t"), tls=False, tokens=False) as app_service:
        monkeypatch.setenv("IDENTITY_ENDPOINT", f"{app_service.url}/msi/token")
        monkeypatch.setenv("IDENTITY_HEADER", "SECRET-OF-THE-APP")
        wired = wiring(profile_at("https://localhost:1", tmp_path, credential=Credential("managed-identity")))
        assert "is not followed" in failure(lambda w: w.sign_in.whoami(), wired).why
        assert app_service.heard
    assert (traps[0].connections, traps[1].connections) == (0, 0)
