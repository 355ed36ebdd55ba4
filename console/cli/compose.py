"""From a profile to services: the one place, with main.py, that knows gateways and services at once."""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import TYPE_CHECKING

from console.cli.later import later
from console.config import Profile
from console.config_secrets import Prompt
from console.model.clock import Clock, system_clock
from console.model.errors import ConsoleError, ErrorKind
from console.model.hub import arm_segment
from console.services.bundle import Services
from console.services.fleet import FleetService
from console.services.overview import OverviewService
from console.services.ports import CallMeter
from console.services.session import Session

if TYPE_CHECKING:
    from collections.abc import Callable

    from console.cli.wiring import Wiring
    from console.gateways.registry import RegistryGateway
    from console.services.access import Access
    from console.services.changes import Changes
    from console.services.connections import ConnectionsService
    from console.services.credentials import Credentials
    from console.services.fleet_store import FleetStore
    from console.services.hubs import Hubs
    from console.services.provisioning import Provisioning
    from console.services.registration import Registering
    from console.services.write_ports import WritePorts

    WritePortsFactory = Callable[[Wiring], WritePorts]

_LABELS = {"person": "not signed in yet", "connection-string": "connection string"}


def services_for(
    profile: Profile,
    *,
    clock: Clock = system_clock,
    state_dir: Path | None = None,
    prompt: Prompt | None = None,
    retry_budget: float | None = None,
    write_ports: WritePortsFactory | None = None,
) -> Services:
    """Return the services of a profile's hub; nothing of Azure is imported or asked yet, a connection string is read.

    Args:
        profile: the hub and the way to it.
        clock: the time that logs are asked by (the local hub's story may have its own).
        state_dir: where the Overview's last snapshot is kept; None keeps nothing.
        prompt: asks a person for a secret without echo; None when nobody can be asked.
        retry_budget: seconds that one reading may spend on repeating itself; None for the usual.
        write_ports: makes the ways to write, for the gate alone; None makes a console that cannot write at all.

    Raises ConsoleError when a connection string cannot be read or is not one.
    """
    meter = CallMeter()

    def wire() -> Wiring:
        from console.cli.wiring import Wiring

        return Wiring(profile, meter, prompt, retry_budget)

    def connect() -> ConnectionsService:
        from console.services.connections import ConnectionsService

        return ConnectionsService(session, later(lambda: wiring.provisioning) if entra else None)

    wiring = later(wire)
    name, host = _hub_of(profile, wiring)
    address = profile.hub_address or host
    entra = not profile.data_plane_only
    session = Session(
        hub_name=name,
        hub_host=host or address,
        arm_id=profile.arm_id,
        workspace_id=profile.workspace_id,
        hub_reader=later(lambda: wiring.hub) if entra else None,
        registry=later(lambda: _there(wiring.registry)) if address else None,
        logs_factory=(lambda workspace: wiring.logs(workspace)) if entra else None,
        identity=later(lambda: wiring.sign_in),
        meter=meter,
        clock=clock,
        profile_name=profile.name,
        protected=profile.protected,
        pinned=profile.readonly,
        credential_label=_LABELS.get(profile.credential.kind, profile.credential.kind.replace("-", " ")),
    )
    fleet = FleetService(session, later(lambda: _kept_fleet(session, profile, name, wiring, state_dir)))
    connections = later(connect)
    overview = OverviewService(session, fleet, connections, _cache_file(profile, name, state_dir))
    changes = later(lambda: _changes(session, profile, wiring, state_dir, prompt, write_ports, access))
    credentials = later(lambda: _credentials(session, changes, wiring, state_dir))
    dps = later(lambda: _provisioning(session, changes, wiring))
    registering = later(lambda: _registering(wiring))
    access = later(lambda: _access(session, changes, wiring))
    hubs = later(lambda: _hubs(session, wiring))
    return Services(
        session, fleet, connections, overview, meter, clock, changes, credentials, dps, registering, access, hubs
    )


def _kept_fleet(session: Session, profile: Profile, name: str, wiring: Wiring, state_dir: Path | None) -> FleetStore:
    from console.services.fleet_folder import folder_for
    from console.services.fleet_store import FleetStore, fleet_path

    folder, note = folder_for(state_dir)
    path = fleet_path(folder, name, _identity(profile, name))
    return FleetStore(session, path, later(lambda: _there(wiring.registry)), note)


def _hubs(session: Session, wiring: Wiring) -> Hubs:
    from console.services.hubs import Hubs

    return Hubs(session, None if session.data_plane_only else later(lambda: wiring.hubs))


def _access(session: Session, changes: Changes, wiring: Wiring) -> Access:
    from console.services.access import Access

    return Access(session, changes, later(lambda: wiring.access), session.clock)


def _registering(wiring: Wiring) -> Registering:
    from console.gateways.tpm import Tpm
    from console.services.registration import Registering

    return Registering(later(lambda: wiring.registrar), Tpm)  # a device goes by the machine's clock


def _provisioning(session: Session, changes: Changes, wiring: Wiring) -> Provisioning:
    from console.services.provisioning import Provisioning

    return Provisioning(session, changes, later(lambda: wiring.enrollments), session.clock)


def _credentials(session: Session, changes: Changes, wiring: Wiring, state_dir: Path | None) -> Credentials:
    from console.services.credentials import Credentials

    return Credentials(session, changes, later(lambda: wiring.remote), state_dir, session.clock)


def _changes(
    session: Session,
    profile: Profile,
    wiring: Wiring,
    state_dir: Path | None,
    prompt: Prompt | None,
    write_ports: WritePortsFactory | None,
    access: Access,
) -> Changes:
    """Return what plans and makes changes: imported and made when it is first asked for."""
    from console.cli.vault import vault_for
    from console.services.changes import Changes
    from console.services.gate import WriteGate
    from console.services.journal import Journal

    if state_dir is None:
        why = "this console was opened without a state folder"
        raise ConsoleError(ErrorKind.NOT_CONFIGURED, "Changes are not possible", why, "Set HUBWARDEN_STATE_DIR")
    reader = later(lambda: wiring.documents)
    journal = Journal(state_dir, session.clock)
    vault = vault_for(profile, prompt)
    ports = later(lambda: write_ports(wiring)) if write_ports is not None else None
    gate = WriteGate(session, reader, ports, journal, vault.seal if vault else None)
    provisioning = later(lambda: wiring.provisioning)
    network = later(lambda: wiring.network)
    ways = (provisioning, network, access)
    return Changes(session, reader, gate, journal, vault, profile.my_ip, profile.max_cut_percent, *ways)


def _there(registry: RegistryGateway | None) -> RegistryGateway:
    assert registry is not None, "asked for only where there is an address"
    return registry


def _hub_of(profile: Profile, wiring: Wiring) -> tuple[str, str]:
    name = profile.hub_name or arm_segment(profile.arm_id, "IotHubs")
    host = profile.hub_host
    if profile.data_plane_only and not host:
        host = wiring.sign_in.connection_string().host
    if not host and name:
        host = f"{name}.{profile.azure.hub_suffix}"
    return name or host.partition(".")[0], host


def _cache_file(profile: Profile, name: str, state_dir: Path | None) -> Path | None:
    if state_dir is None:
        return None
    text = _identity(profile, name).casefold().encode()
    # a name of its own for each hub; hashlib would cost the first frame three milliseconds for OpenSSL
    return state_dir / "overview" / f"{zlib.crc32(text):08x}{zlib.crc32(text[::-1]):08x}.json"


def _identity(profile: Profile, name: str) -> str:
    """Return what tells hubs of one name apart."""
    return f"{profile.cloud}|{profile.arm_endpoint}|{profile.arm_id}|{name}"
