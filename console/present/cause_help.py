"""What each cause of failed connections means, and what to do about it."""

from __future__ import annotations

from console.model.connection import Cause

CAUSE_HELP: dict[Cause, tuple[str, str]] = {
    Cause.IP_RULES: (
        "One address range fails or fell silent together: no IP rule lets it in.",
        "See the last change of the IP rules; put the range back if it is yours.",
    ),
    Cause.CLONED: (
        "A second client connects with the same identity and throws the first one out, again and again.",
        "Find the second place by its address, rotate the key, one identity per client.",
    ),
    Cause.CERTIFICATE_EXPIRED: (
        'The device certificate is past its "not valid after".',
        "Issue new certificates; for thumbprints register the new one in the secondary slot first.",
    ),
    Cause.THUMBPRINT: (
        "The certificate that the device shows is not the one registered for it.",
        "Register the thumbprint of the certificate in use, or install the registered certificate on the device.",
    ),
    Cause.CERTIFICATE: (
        "An identity with X.509 showed no certificate that the hub takes: another name, no way to a verified CA, none.",
        "“hubwarden cert compare FILE DEVICE” says why; the whole chain must be sent, and its CA be verified.",
    ),
    Cause.WRONG_CREDENTIAL: (
        "The key or token does not fit this identity, and no good connection followed.",
        "Compare the key on the device with the registry; look at its clock if the token was just made.",
    ),
    Cause.DISABLED: (
        "The identity is disabled in the registry; the device still tries.",
        "Enable it if it should connect; otherwise find out who switched it off and why.",
    ),
    Cause.UNKNOWN_DEVICE: (
        "No such device in the registry: deleted, never created, or somebody is guessing ids.",
        "Register it, or trace the address if the id was never yours.",
    ),
    Cause.FILTERED: (
        "A provisioning service's IP filters reject this address; the service answers as to a wrong key.",
        "See the filters in the Network pane (their order decides); let the range in if it is yours.",
    ),
    Cause.NO_ENROLLMENT: (
        "The device asked to be provisioned, and no enrollment fits it: never made, deleted, or somebody is guessing.",
        "Create the enrollment, or trace the address if the registration id was never yours.",
    ),
    Cause.ENROLLMENT_DISABLED: (
        "The enrollment that fits this device is disabled; a disabled individual one blocks a device of a group.",
        "Enable it if the device should come in; it may still be enabled in a hub it was assigned to earlier.",
    ),
    Cause.ENROLLMENT_CERTIFICATE: (
        "The service took no certificate: expired, another name than the registration id, or no way to a verified CA.",
        "Send the whole chain up to a CA that is verified there; “hubwarden cert inspect FILE” shows name and dates.",
    ),
    Cause.ENROLLMENT_KEY: (
        "The signature fits no key of the enrollment or group; for a certificate: no enrollment has its CA.",
        "Compare the key with the enrollment's; derive a group's device key with exactly the id the device sends.",
    ),
    Cause.NOT_ASSIGNED: (
        "The device proved itself, but no hub took it: the link's key is old, no hub is linked, or a webhook failed.",
        "Check the linked hubs: was the policy's key rotated without the link? Look at the enrollment's allocation.",
    ),
    Cause.THROTTLED: (
        "The hub takes fewer new connections per second than are tried.",
        "Spread reconnects over time (back-off with jitter), or add units.",
    ),
    Cause.SERVICE: (
        "The service itself failed or moved the device to another node.",
        "Nothing if it passes; SDKs reconnect. If it stays, look at Azure's resource health.",
    ),
    Cause.NETWORK: (
        "The connection broke without a word: network, sleep, power, or a missed keep-alive.",
        "Normal now and then; many at once point to a site's uplink.",
    ),
    Cause.OTHER: ("A code outside the usual causes.", "Group by error code (b) to see what each says."),
    Cause.RENEWAL: (
        "A token ran out and the device came back within minutes: normal life of SAS tokens, counted apart.",
        "Nothing. Longer token lifetimes make fewer of these.",
    ),
}
