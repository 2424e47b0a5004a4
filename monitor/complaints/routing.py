"""From what was done to the rights and reasons that a platform takes against it. Pure.

The kind of infringement decides: goods that look alike but bear no mark are no matter of trade marks, and a match of
pictures proves a copy, never a counterfeit.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from detectors.rights import RightKind
from monitor.complaints.policy import Policy


class Infringement(StrEnum):
    """What was done, as a person sees it."""

    COPIED_ARTWORK = "copied_artwork"  # the goods carry a copy of the work
    COPIED_PICTURE = "copied_picture"  # the listing uses our photo or drawing
    COPIED_TEXT = "copied_text"
    LOOKALIKE = "lookalike"  # the goods look like ours and bear no mark of ours
    USED_INVENTION = "used_invention"
    MARK_IN_LISTING = "mark_in_listing"  # in title, text or pictures
    MARK_IN_SHOP = "mark_in_shop"  # in the shop's name or logo
    COUNTERFEIT = "counterfeit"  # bought, examined, and not made by or for the owner
    UNLAWFUL_IMPORT = "unlawful_import"
    LIKENESS = "likeness"  # a person's picture or name
    OTHER = "other"


_REASONS: dict[Infringement, tuple[str, ...]] = {  # our codes, the fittest first; complaint-platforms.md, A.5
    Infringement.COPIED_ARTWORK: ("cr_pirated_product", "cr_character", "cr_image_copied"),
    Infringement.COPIED_PICTURE: ("cr_image_copied", "cr_pirated_product"),
    Infringement.COPIED_TEXT: ("cr_text_copied",),
    Infringement.LOOKALIKE: ("design_product", "cr_pirated_product", "patent_product"),
    Infringement.USED_INVENTION: ("patent_product",),
    Infringement.MARK_IN_LISTING: ("tm_in_listing",),
    Infringement.MARK_IN_SHOP: ("tm_in_shop", "tm_impersonation"),
    Infringement.COUNTERFEIT: ("tm_counterfeit",),
    Infringement.UNLAWFUL_IMPORT: ("import_unlawful",),
    Infringement.LIKENESS: ("publicity",),
    Infringement.OTHER: ("other",),
}


@dataclass(frozen=True, slots=True)
class Option:
    """One way to complain: a kind of right, our reason and the platform's words for it, the route it takes."""

    right_kind: RightKind
    reason: str
    label: str
    route: str
    needs: tuple[str, ...]  # what must be stated, such as every fact of a test purchase
    evidence: tuple[str, ...]
    unconfirmed: bool


def options(
    infringement: Infringement,
    policy: Policy,
    site: str,
    *,
    kinds: Iterable[RightKind] = RightKind,
    target_kind: str = "listing",
) -> tuple[Option, ...]:
    """Every way a platform takes such an infringement, the fittest first; empty if it takes none.

    Args:
        site: A key of the policy's sites.
        kinds: The kinds of right that one has.
        target_kind: What is complained of: listing, storefront, ...
    """
    own = set(kinds)
    found = []
    for code in _REASONS[infringement]:
        fact = policy.reasons.get(code)
        if fact is None or target_kind not in fact.value.target_kinds:
            continue
        for kind in fact.value.right_kinds:
            route = next(
                (
                    name
                    for name, way in policy.routes.items()
                    if way.takes(site, kind, target_kind) and (not fact.value.routes or name in fact.value.routes)
                ),
                None,
            )
            if kind in own and kind in policy.rights and route is not None:
                rule = fact.value
                found.append(Option(kind, code, rule.label, route, rule.needs, rule.evidence, fact.unconfirmed))
    return tuple(found)
