"""XARF v4 reports: what a host's abuse desk reads by program, beside the mail to a person. Pure."""

from __future__ import annotations

import hashlib
import re
import uuid
from typing import Any
from urllib.parse import urlsplit

from detectors.rights import RightKind
from monitor.complaints.base import Draft, Target
from monitor.errors import NoticeRefused

_COPYRIGHTS = frozenset({RightKind.COPYRIGHT_REGISTERED, RightKind.COPYRIGHT_UNREGISTERED})
_BRAND_TYPES = {"tm_counterfeit": "counterfeit", "tm_in_listing": "trademark_violation", "tm_in_shop": "logo_misuse"}


def abuse_report(draft: Draft, target: Target, at: str, content_sha256: str) -> dict[str, Any] | None:
    """One target as an XARF report, checked against the schemas that its package holds.

    Args:
        at: The time as 2026-11-21T12:00:00Z.
        content_sha256: The draft's, which takes long to tell of many targets: told once for all of them.

    Returns:
        The report, or None where the format has no place for such a right (a design, a patent) or wants the owner's
        own site and the right names none.

    Raises:
        NoticeRefused: A value does not pass the schema; the message names the field.
    """
    from xarf import create_report  # a second of schemas, for hosts alone

    facts = _copyright(draft, target) if draft.right.kind in _COPYRIGHTS else _brand(draft, target)
    if facts is None:
        return None
    contact = {
        "org": draft.owner.legal_name,
        "contact": draft.owner.email_public,
        "domain": draft.owner.email_public.rpartition("@")[2],
    }
    result = create_report(
        source_identifier=urlsplit(target.url).hostname or "",
        reporter=contact,
        sender=contact,
        evidence_source="manual_analysis",
        tags=[f"complaint:{re.sub(r'[^a-z0-9_+-]', '-', draft.number.lower())}"],
        description=draft.explanation,
        strict=False,
        **facts,
    )
    if result.errors or result.report is None:
        found = "; ".join(f"{one.field}: {one.message}" for one in result.errors)
        raise NoticeRefused(f"{target.url}: no XARF report: {found}")
    report: dict[str, Any] = result.report.model_dump(mode="json", by_alias=True, exclude_none=True)
    seed = hashlib.sha256(f"{content_sha256} {target.url}".encode()).digest()[:16]
    return report | {"report_id": str(uuid.UUID(bytes=seed, version=4)), "timestamp": at}


def _copyright(draft: Draft, target: Target) -> dict[str, Any]:
    first = draft.right.first_publication
    facts: dict[str, Any] = {
        "category": "copyright",
        "type": "copyright",
        "infringing_url": target.url,
        "work_title": draft.right.title[:500],
        "rights_holder": draft.right.holder[:200],
        "infringement_type": "direct_copy" if target.match.distance_bits in {0, 1, 2} else "modified_copy",
    }
    return facts | ({"original_url": first.url} if first and first.url else {})


def _brand(draft: Draft, target: Target) -> dict[str, Any] | None:
    first = draft.right.first_publication
    if draft.right.kind is not RightKind.TRADEMARK or first is None or not first.url:
        return None
    return {
        "category": "content",
        "type": "brand_infringement",
        "url": target.url,
        "infringement_type": _BRAND_TYPES.get(draft.reason, "other"),
        "legitimate_site": first.url,
        "trademark_details": {
            "registration_number": draft.right.number or "",
            "jurisdiction": ", ".join(draft.right.jurisdictions),
            "category": list(draft.right.nice_classes),
        },
    }
