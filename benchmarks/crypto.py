"""P11 to P15: certificates, verification, tokens, the token command."""

from __future__ import annotations

from benchmarks import certificates, processes, tokens, verify
from benchmarks.rows import Found, Missing, Row, in_turns


def measure() -> Found:
    """Return the rows."""
    shell = "openssl in a shell loop"
    found: Found = []
    ours, theirs = in_turns(certificates.ec_in_files, certificates.ec_by_shell, 5)
    found.append(Row("P11", "EC certificates in files", "/s", ours, shell, theirs, least=100))
    ours, theirs = in_turns(certificates.in_memory, certificates.ec_by_shell, 5)
    found.append(Row("P11", "EC certificates in memory", "/s", ours, shell, theirs, least=300))
    ours, theirs = in_turns(certificates.rsa_in_files, certificates.rsa_by_shell, 3)
    found.append(Row("P12", "RSA-2048 certificates in files", "/s", ours, shell, theirs, least=5))
    if verify.available():
        peer = "openssl verify, one process each"
        ours, theirs = in_turns(verify.ours, verify.openssl, 5)
        found.append(Row("P13", "chains verified, CAs read once", "/s", ours, peer, theirs, least=20))
        ours, theirs = in_turns(verify.ours_cold, verify.openssl, 5)
        found.append(Row("P13", "chains verified, all read anew", "/s", ours, peer, theirs))
    else:
        found.append(Missing("P13", "chains verified", "openssl is not installed"))
    ours, theirs = in_turns(tokens.ours, tokens.sdk)
    found.append(Row("P14", "SAS tokens minted", "/s", ours, "azure-iot-hub's SasToken", theirs, least=1.2))
    ours, theirs = in_turns(processes.ours, processes.bare, 11)
    over = [mine - bare for mine, bare in zip(ours, theirs, strict=True)]
    found.append(Row("P15", "sas device, over bare Python", "ms", over, most_ours=100))
    az = processes.az_peer()
    if az is None:
        found.append(Missing("P15", "sas device beside az", "az with its extension azure-iot is not installed"))
    else:
        ours, theirs = in_turns(processes.ours, az)
        found.append(Row("P15", "sas device, whole process", "ms", ours, "az generate-sas-token", theirs, most=0.4))
    return found
