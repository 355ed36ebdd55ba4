"""The error codes of provisioning services, as far as their SDKs' tests and published captures tell them."""

from __future__ import annotations

REQUEST = "Correct the request; the message in the event names the part that is wrong."

TABLE: dict[str, tuple[str, str, str]] = {
    "400207": (
        "CustomAllocationFailed",
        "The webhook of a custom allocation could not be called, or its answer named no linked hub.",
        "Look at the function's own log; its answer must name a hub that the service links.",
    ),
    "401000": (
        "Unauthorized",
        "No enrollment fits the registration id, or the device showed no credential.",
        "Create the enrollment; look at the id scope and at the registration id's spelling.",
    ),
    "401002": (
        "Unauthorized",
        "The credential fits no enrollment: another key, a certificate without an enrollment, expired, or without its "
        "whole chain. An IP filter that rejects the address is answered like this, too. At the end of a registration: "
        "the linked hub refused the service's key.",
        "Compare key or certificate with the enrollment; send the whole chain; look at the filters and the link's key.",
    ),
    "404201": (
        "EnrollmentNotFound",
        "There is no enrollment of this registration id, or none for this endorsement key.",
        "Create the enrollment with the endorsement key of this TPM.",
    ),
    "404202": ("NotFound", "What was asked for does not exist.", REQUEST),
    "404204": ("NotFound", "What was asked for does not exist.", REQUEST),
    "429001": (
        "TooManyRequests",
        "More registrations or operations per minute than the service takes.",
        "Spread registrations over time; register at first start and after a refusal, not at each connect.",
    ),
}
"""Number: name, meaning, fix. The names of 400207 and 404201 are ours."""
