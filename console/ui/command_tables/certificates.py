"""Commands of the Certificates tab and the screens below it."""

from __future__ import annotations

from console.ui.command_tables.entry import Command


def _tool(name: str, title: str, text: str, *words: str, writes: bool = False) -> Command:
    return Command(f"certificates.{name}", title, "certificates", help=text, words=words, writes=writes)


TABLE: tuple[Command, ...] = (
    Command("certificates.actions", "Actions …", "certificates", ("a",), "Make, read, check, upload", "actions", 10),
    Command(
        "certificates.filter",
        "Filter",
        "certificates",
        ("slash",),
        "Name, kind, thumbprint; !not",
        "filter",
        20,
        eager=True,
    ),
    Command(
        "certificates.source", "Made here, or at the hub", "certificates", ("s",), "Which CAs are shown", "source", 30
    ),
    _tool("issue-device", "Issue for a device …", "Its key is made here", "issue"),
    _tool("issue-many", "Issue for many devices …", "Marked ones, or ids in a file"),
    _tool("issue-module", "Issue for a module …", "Named deviceId/moduleId"),
    _tool("issue-server", "Issue for a server …", "A gateway, with host names"),
    _tool("root", "New root CA …", "Its key signs the others", "new-root"),
    _tool("intermediate", "New intermediate CA …", "Issues for devices", "new-intermediate"),
    _tool("request", "Make a request …", "A key and a CSR", "csr"),
    _tool("sign", "Sign a request …", "A CSR that was brought here"),
    _tool("inspect", "Inspect …", "What a file or host holds", "inspect"),
    _tool("verify", "Verify the chain …", "A root, or the hub's CAs", "verify-chain"),
    _tool("lint", "Look for faults …", "By the rules of IoT Hub", "lint"),
    _tool("compare", "Compare with a device …", "Would it authenticate?", "compare"),
    _tool("prove", "Prove possession …", "A CA's way to “verified”", "prove"),
    _tool("upload", "Upload a CA …", "The certificate, never a key", "upload", writes=True),
    _tool("register", "Register a thumbprint …", "Into the secondary slot", "register", writes=True),
    _tool("delete", "Delete a CA from the hub …", "Cuts its devices off", writes=True),
    Command("certificate.actions", "Actions …", "certificate", ("a",), "Everything for this one", "actions", 10),
    Command("issued.next", "Next step …", "issued", ("n",), "Register, or upload", "next step", 10),
    Command("bulk.stop", "Stop", "bulk", ("x",), "After the certificate under way", "stop", 8),
    Command("bulk.resume", "Go on", "bulk", ("n",), "What is there is not made again", "go on", 10),
    Command("proof.next", "Next step …", "proof", ("n",), "Upload, ask for a code, prove", "next step", 10),
    Command("proof.copy-lines", "Copy the lines", "proof", ("c",), "For the machine with the key", "copy lines", 12),
    Command("proof.save-lines", "Write the lines to a file …", "proof", ("w",), "To carry them there", "to a file", 14),
    Command("proof.new-code", "Ask for another code …", "proof", ("N",), "The one before becomes void"),
)
