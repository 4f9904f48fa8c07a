"""Verification of saved evidence, offline."""

from __future__ import annotations

import base64
import json
from typing import Any

from . import _native
from .errors import VerificationError


def verify(*evidence: Any) -> str:
    """Verifies a revision or a block against a digest. Returns what was checked, a line for each step.

    Evidence is what `get_digest`, `get_revision` and `get_block` of boto3 return, or what the AWS CLI or somebody else saved of
    them: dictionaries, or the bytes or text of a file. Together they must hold a digest, a proof, and a revision or a block.

    Raises `VerificationError` if something does not hold, and `ValueError` if something is missing or unreadable.
    """
    holds, report = _native.verify([(f"part {number}", _bytes_of(part)) for number, part in enumerate(evidence, 1)])
    if not holds:
        raise VerificationError(report)
    return report


def verify_revision(control: Any, ledger_name: str, revision: Any, digest: dict | None = None) -> str:
    """Fetches a revision with its proof, and verifies both under a digest, by default the present one. Returns what was checked.

    `control` is a client `qldb` of boto3, embedded or of a server. `revision` is a row of a committed view, such as
    `SELECT * FROM _ql_committed_Car`; what counts of it are its `blockAddress`, the id in its `metadata`, and its `hash`. A digest
    that was saved elsewhere shows that nothing before it was changed since; the present one shows that the ledger agrees with itself.

    Raises `VerificationError` if something does not hold.
    """
    digest = digest or control.get_digest(Name=ledger_name)
    address = revision["blockAddress"]
    found = control.get_revision(
        Name=ledger_name,
        DocumentId=str(revision["metadata"]["id"]),
        BlockAddress={"IonText": f'{{strandId: "{address["strandId"]}", sequenceNo: {int(address["sequenceNo"])}}}'},
        DigestTipAddress=digest["DigestTipAddress"],
    )
    report = verify(digest, found)
    if base64.b64encode(bytes(revision["hash"])).decode() not in found["Revision"]["IonText"]:
        raise VerificationError(f"the ledger's revision has another hash than the row\n{found['Revision']['IonText']}")
    return report


def _bytes_of(part: Any) -> bytes:
    if isinstance(part, str):
        return part.encode()
    if isinstance(part, dict):
        answer = {name: value for name, value in part.items() if name != "ResponseMetadata"}
        return json.dumps(answer, default=lambda value: base64.b64encode(value).decode()).encode()
    return bytes(part)
