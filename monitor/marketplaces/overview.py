"""The table of what can be done where, for people and for the documentation."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from monitor.marketplaces.base import Marketplace


def overview(sites: Iterable[Marketplace]) -> list[dict[str, Any]]:
    """A row for each marketplace: name, hosts, the ways of each ability, and what to expect."""
    return [
        {
            "name": site.name,
            "keyword_search": site.abilities.keyword.split(),
            "picture_search": site.abilities.picture.split(),
            "detail": site.abilities.detail.split(),
            "seller": site.abilities.seller.split(),
            "language": site.abilities.language,
            "note": site.abilities.note,
            "hosts": sorted(site.hosts),
        }
        for site in sites
    ]


def markdown(sites: Iterable[Marketplace]) -> str:
    """The same as a Markdown table."""
    lines = [
        "| marketplace | hosts | keyword search | picture search | item page | seller | language | what to expect |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for row in overview(sites):
        hosts = ", ".join(row["hosts"][:3]) + (f" (+{len(row['hosts']) - 3})" if len(row["hosts"]) > 3 else "")
        ways = [", ".join(row[key]) or "–" for key in ("keyword_search", "picture_search", "detail", "seller")]
        lines.append(f"| {' | '.join([row['name'], hosts or 'any', *ways, row['language'], row['note']])} |")
    return "\n".join(lines) + "\n"
