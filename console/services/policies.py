"""Who holds a key to the hub: shared access policies read when asked for, and plans to change them."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from console.model.change import Change, Risk, Severity
from console.model.document import Document, Json, Target, TargetKind
from console.model.errors import ConsoleError, ErrorKind
from console.model.policy import (
    AuthScope,
    Links,
    LocalAuth,
    PoliciesOverview,
    PoliciesReading,
    PolicyView,
    RotationState,
    Slot,
    Stage,
)
from console.model.provisioning import links_to
from console.model.secret import Secret
from console.model.shell import command_line
from console.model.text import clean
from console.rules import policy_risks
from console.rules.keys import new_key
from console.rules.planning import change_of, copied
from console.rules.policies import breadth, check_name, parse_rights, rights_text
from console.rules.rotation import KeyEvent, rotation_of, swapped
from console.services.journal import Journal
from console.services.policy_bodies import (
    accepts_policies,
    find_policy,
    host_of,
    hub_of,
    local_auth_of,
    policies_of,
    steps_after,
    view_of,
)
from console.services.policy_history import READ_KEYS, READ_STRING, key_events, last_read, spelled
from console.services.ports import NEVER_CANCELLED, Cancel, DocumentReader, ProvisioningReader
from console.services.session import Session

_MASK = "provisioning services of other subscriptions, or not visible to you, are not seen"


def name_problem(name: str, taken: Iterable[str] = ()) -> str:
    """Return why a new policy cannot have a name, in one sentence; empty when it can."""
    if not name:
        return "give it one"
    try:
        check_name(name, taken)
    except ConsoleError as error:
        return error.why
    return ""


class PoliciesService:
    """Plans changes of the session's policies. Whatever needs their keys is a privileged read, journalled first.

    `provisioning` None: links of provisioning services are not known. `sealed`: destroyed keys are kept in the journal
    under a passphrase.
    """

    def __init__(
        self,
        session: Session,
        reader: DocumentReader,
        journal: Journal,
        provisioning: ProvisioningReader | None = None,
        *,
        sealed: bool = False,
    ) -> None:
        self._session = session
        self._reader = reader
        self._journal = journal
        self._provisioning = provisioning
        self._sealed = sealed

    # --- reading ------------------------------------------------------------------------------------------------

    def overview(self, cancel: Cancel = NEVER_CANCELLED) -> PoliciesOverview:
        """Return what can be told without a key: switches, links, and rotations as the journal has them.

        Raises ConsoleError.
        """
        self._require_entra("The hub's shared access policies could not be read")
        hub = self._session.hub(cancel, fresh=True)
        exposure = hub.exposure
        switches = [
            exposure.local_auth_disabled,
            exposure.device_sas_disabled,
            exposure.module_sas_disabled,
        ]
        on = LocalAuth(*(None if switch is None else not switch for switch in switches))
        return self._overview(on, self.links(hub.host, cancel))

    def read_keys(self, cancel: Cancel = NEVER_CANCELLED, reason: str = "") -> PoliciesReading:
        """Read all policies with their keys, note it in the journal first, and return them without the keys.

        Raises ConsoleError; when the journal cannot be written nothing is read.
        """
        document = self._document("policies and keys", cancel, reason)
        hub = hub_of(document)
        links = self.links(host_of(hub), cancel)
        overview = self._overview(local_auth_of(hub), links)
        return PoliciesReading(self._session.now(), tuple(self._views(document, links)), overview)

    def after(self, change: Change, overview: PoliciesOverview) -> PoliciesReading:
        """Return the policies as a change left them, which was read back as planned: no key is read again.

        Raises ConsoleError when the journal cannot be read.
        """
        document = Document(change.after or {})
        views = self._views(document, overview.links)
        now = self._overview(local_auth_of(hub_of(document)), overview.links)
        return PoliciesReading(self._session.now(), tuple(views), now)

    def links(self, host: str = "", cancel: Cancel = NEVER_CANCELLED) -> Links:
        """Return the provisioning services that link the hub; why they could not be listed is part of the answer."""
        if self._provisioning is None:
            return Links(None, "this console was opened without a way to list them")
        try:
            found = links_to(tuple(self._provisioning.links(cancel)), host or self._session.hub(cancel).host)
        except ConsoleError as error:
            if error.kind is ErrorKind.CANCELLED:
                raise
            return Links(None, error.why or error.what)
        return Links(found)

    def rotation_state(self, name: str) -> RotationState:
        """Return how far a rotation has come as the journal tells, without reading a key. Raises ConsoleError."""
        return rotation_of(name, self._events().get(name.casefold(), []))

    def views(self, items: Iterable[Json], links: Links) -> list[PolicyView]:
        """Return policies of a document without their keys."""
        events = self._events()
        return [view_of(item, links, events, self._journal.fingerprint) for item in items]

    def connection_string(self, name: str, slot: Slot = Slot.PRIMARY, cancel: Cancel = NEVER_CANCELLED) -> Secret:
        """Read a policy's key, noted in the journal first, and return its connection string.

        Raises ConsoleError NOT_FOUND when there is no such policy.
        """
        self._require_entra(f"The connection string of {name} could not be read")
        target = self._target(cancel)
        self._note(READ_STRING, f"connection string of policy {name} ({slot} key)", target, cancel)
        document = self._read(target, cancel)
        policy = find_policy(document.body, name)
        key = policy.get(slot.field)
        if not isinstance(key, Secret):
            raise ConsoleError(ErrorKind.NOT_FOUND, f"The policy {name} has no {slot} key", "", "Rotate it first")
        host = host_of(hub_of(document))
        return Secret(f"HostName={host};SharedAccessKeyName={policy['keyName']};SharedAccessKey={key.reveal()}")

    # --- planning -----------------------------------------------------------------------------------------------

    def plan_create(
        self, name: str, rights: str | Iterable[str], reason: str = "", cancel: Cancel = NEVER_CANCELLED
    ) -> Change:
        """Plan a new policy with two new keys.

        Raises ConsoleError BAD_INPUT when the service would refuse its name or rights, or has such a policy.
        """
        check_name(name)
        chosen = parse_rights(rights)
        document = self._document(f"keys, to plan the policy {name}", cancel)
        check_name(name, (str(item["keyName"]) for item in policies_of(document)))
        made = {"keyName": name, "rights": rights_text(chosen)}
        made_keys = {slot.field: Secret(new_key()) for slot in Slot}
        after = copied(document)
        after["authorizationPolicies"].append({**made, **made_keys})
        return self._change(
            "policy.create",
            f"new policy {name}",
            document,
            after,
            risks=[*policy_risks.creation(name, chosen), *self._switched_off(document)],
            effect=[("rights", rights_text(chosen)), ("opens", breadth(chosen).value)],
            notes=[
                "both keys are made here, of 32 random bytes each",
                f"copy them with: {command_line('policy', 'connection-string', operands=[name])}",
            ],
            reason=reason,
        )

    def plan_rights(
        self, name: str, rights: str | Iterable[str], reason: str = "", cancel: Cancel = NEVER_CANCELLED
    ) -> Change:
        """Plan other rights for a policy; both of its keys stay. Raises ConsoleError BAD_INPUT, NOT_FOUND."""
        chosen = parse_rights(rights)
        document, view, views, links = self._policy(name, "keys, to plan rights", cancel)
        after = copied(document)
        if set(view.rights) != set(chosen) or view.other_rights:
            find_policy(after, name)["rights"] = rights_text(chosen)
        added = [right for right in chosen if right not in view.rights]
        removed = [right for right in view.rights if right not in chosen]
        losing = ", ".join([*(right.value for right in removed), *view.other_rights])
        effect = [(word, text) for word, text in (("gains", rights_text(added)), ("loses", losing)) if text]
        return self._change(
            "policy.rights",
            f"rights of policy {view.name}",
            document,
            after,
            risks=policy_risks.new_rights(view, chosen, views, links, local_auth=accepts_policies(document)),
            effect=effect,
            notes=["keys unchanged: clients keep the ones they have"],
            reason=reason,
        )

    def plan_delete(self, name: str, reason: str = "", cancel: Cancel = NEVER_CANCELLED) -> Change:
        """Plan to delete a policy. Raises ConsoleError NOT_FOUND."""
        document, view, views, links = self._policy(name, "keys, to plan a deletion", cancel)
        after = copied(document)
        after["authorizationPolicies"].remove(find_policy(after, name))
        return self._change(
            "policy.delete",
            f"deletion of policy {view.name}",
            document,
            after,
            risks=policy_risks.deletion(view, views, links, local_auth=accepts_policies(document)),
            effect=[("loses", rights_text(view.rights))],
            notes=[self._where_keys_stay("both keys")],
            reason=reason,
        )

    def plan_rotate(
        self, name: str, slot: Slot | None = None, reason: str = "", cancel: Cancel = NEVER_CANCELLED
    ) -> Change:
        """Plan a new key for a policy; None is the key that comes next in its rotation.

        The notes say what to see to before the step after this one. Raises ConsoleError NOT_FOUND.
        """
        document, view, _, links = self._policy(name, "keys, to plan a rotation", cancel)
        chosen = slot or view.rotation.next_slot
        after = copied(document)
        find_policy(after, name)[chosen.field] = Secret(new_key())
        return self._change(
            "policy.rotate",
            f"{chosen} key of policy {view.name}",
            document,
            after,
            risks=[
                *policy_risks.replacement(view, chosen, view.rotation, links),
                *self._switched_off(document),
            ],
            effect=[("new key", str(chosen)), ("stays", f"the {chosen.other} key, and the rights")],
            notes=[self._where_keys_stay(f"the old {chosen} key"), *steps_after(view, chosen, links)],
            reason=reason,
        )

    def plan_swap(self, name: str, reason: str = "", cancel: Cancel = NEVER_CANCELLED) -> Change:
        """Plan to exchange the two keys of a policy: both stay valid. Raises ConsoleError NOT_FOUND."""
        document, view, _, _ = self._policy(name, "keys, to plan an exchange", cancel)
        after = copied(document)
        policy = find_policy(after, name)
        policy.update(swapped(policy))
        return self._change(
            "policy.swap",
            f"primary and secondary key of policy {view.name}",
            document,
            after,
            effect=[("cut off", "nobody: both keys stay valid")],
            notes=["tools that fetch the primary key get the other one from now on"],
            reason=reason,
        )

    def plan_local_auth(self, scope: AuthScope, on: bool, reason: str = "", cancel: Cancel = NEVER_CANCELLED) -> Change:
        """Plan to accept or to refuse the shared access signatures of the hub's policies, of devices or of modules.

        No key is read. Raises ConsoleError.
        """
        from console.services.local_auth import plan

        self._require_entra("Local authentication cannot be changed")
        return plan(self._session, self._reader, partial(self.links, cancel=cancel), scope, on, reason, cancel)

    # --- inside -------------------------------------------------------------------------------------------------

    def _require_entra(self, what: str) -> None:
        if self._session.data_plane_only:
            raise ConsoleError(
                ErrorKind.NOT_CONFIGURED,
                what,
                "the profile's credential is a connection string, which opens the registry only",
                "Add a credential of kind person, client-secret or managed-identity (role: Contributor on the hub)",
            )

    def _target(self, cancel: Cancel) -> Target:
        return Target(TargetKind.POLICIES, self._session.arm_id(cancel))

    def _note(self, kind: str, title: str, target: Target, cancel: Cancel, reason: str = "") -> None:
        identity = self._session.whoami(cancel)
        who = f"{identity.name} ({identity.source})" if identity.source else identity.name
        self._journal.note_read(kind, title, target, hub=self._session.hub_name, who=who, reason=reason)

    def _document(self, title: str, cancel: Cancel, reason: str = "") -> Document:
        self._require_entra("The shared access policies could not be read")
        target = self._target(cancel)
        self._note(READ_KEYS, title, target, cancel, reason)
        return self._read(target, cancel)

    def _read(self, target: Target, cancel: Cancel) -> Document:
        document = self._reader.read(target, cancel)
        if document is None:
            raise ConsoleError(ErrorKind.NOT_FOUND, f"The hub {target.name} was not found", "it is gone", "Look again")
        return document

    def _policy(self, name: str, title: str, cancel: Cancel) -> tuple[Document, PolicyView, list[PolicyView], Links]:
        document = self._document(f"{title} of policy {name}", cancel)
        find_policy(document.body, name)
        links = self.links(host_of(hub_of(document)), cancel)
        views = self._views(document, links)
        view = next(one for one in views if one.name.casefold() == name.casefold())
        return document, view, views, links

    def _events(self) -> dict[str, list[KeyEvent]]:
        return key_events(self._journal.entries(self._session.hub_name, images=False))

    def _overview(self, local_auth: LocalAuth, links: Links) -> PoliciesOverview:
        entries = self._journal.entries(self._session.hub_name, images=False)
        names = spelled(entries)
        states = {
            name: rotation_of(clean(names.get(name, name)), events, None, links.instances(name) or ())
            for name, events in key_events(entries).items()
        }
        known = {name: state for name, state in states.items() if state.stage is not Stage.NONE or state.note}
        rotations = tuple((clean(names.get(name, name)), state) for name, state in sorted(known.items()))
        hub = self._session.hub_name
        return PoliciesOverview(hub, self._session.now(), local_auth, links, rotations, last_read(entries))

    def _views(self, document: Document, links: Links) -> list[PolicyView]:
        events = self._events()
        return [view_of(item, links, events, self._journal.fingerprint) for item in policies_of(document)]

    def _change(
        self,
        kind: str,
        title: str,
        document: Document,
        after: Json,
        *,
        risks: Iterable[Risk] = (),
        effect: Iterable[tuple[str, str]] = (),
        notes: Iterable[str] = (),
        reason: str = "",
    ) -> Change:
        target = Target(TargetKind.POLICIES, self._session.arm_id())
        named = f"{title} of {self._session.hub_name}"
        risks = list(risks)
        kept = [*notes, "all other policies are sent again with the keys they have"]
        if any(risk.id.startswith("dps-") for risk in risks):
            kept.append(_MASK)
        return change_of(kind, named, target, document, after, risks=risks, effect=effect, notes=kept, reason=reason)

    def _where_keys_stay(self, which: str) -> str:
        plural = "come" if which.startswith("both") else "comes"
        if self._sealed:
            return f"{which} {plural} back by undo: sealed in the journal under your passphrase"
        return (
            f"{which} {plural} back by undo only while this console stays open "
            "(set seal_from in the profile to keep destroyed keys)"
        )

    @staticmethod
    def _switched_off(document: Document) -> list[Risk]:
        if accepts_policies(document):
            return []
        message = "the hub refuses all shared access policies at present: the key opens nothing until that is changed"
        return [Risk("local-auth-off", Severity.LOW, message, hint="policy local-auth hub on")]
