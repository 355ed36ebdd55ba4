"""A signing request and its key as files: both of them or none."""

from __future__ import annotations

from pathlib import Path

from console.services.issuing import link_all
from console.services.private_files import PUBLIC, exists, refused, sync_folder, write_file
from console.services.staging import Staging, clear_abandoned


def write_request(folder: Path, stem: str, request: bytes, key: bytes) -> tuple[tuple[str, Path], ...]:
    """Write STEM.csr.pem and STEM.key.pem (0600); return (what it is, where).

    Raises ConsoleError BAD_INPUT (code "exists") when one is there, NOT_CONFIGURED when the disk refuses.
    """
    asks, secret = folder / f"{stem}.csr.pem", folder / f"{stem}.key.pem"
    clear_abandoned(folder)
    staging = Staging.make(folder)
    try:
        write_file(staging.path / secret.name, key)
        write_file(staging.path / asks.name, request, mode=PUBLIC)
        link_all([(str(staging.path / one.name), str(one)) for one in (secret, asks)])
        sync_folder(folder)
    except FileExistsError as error:
        raise exists(Path(str(error))) from None
    except OSError as error:
        raise refused(f"The file {asks} cannot be written", error) from None
    finally:
        staging.remove()
    return ("request", asks), ("key", secret)
