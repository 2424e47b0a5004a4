"""`policies`: what each complaint platform decides, where that was read, and how sure it is."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import BaseModel

from detectors.rights import RightKind
from monitor.clock import SystemClock
from monitor.commands.common import AsJson, UsageProblem, print_json, say, show
from monitor.complaints.errors import PolicyError
from monitor.complaints.packs import changes, platforms, policy, read_policy
from monitor.complaints.policy import Fact, Policy
from monitor.complaints.routing import Infringement, options

policies = typer.Typer(no_args_is_help=True, help="What each complaint platform decides, with source and date.")

_OWN_FOLDER = "policies"
_Name = Annotated[str, typer.Argument(help="A platform, as `policies list` shows it.")]
_Either = Annotated[str, typer.Argument(help="A platform's name, a pack's file, or the policy.json of an export.")]


def register(app: typer.Typer) -> None:
    """Hang the commands into the program."""
    app.add_typer(policies, name="policies")


@policies.command("list")
def list_(ctx: typer.Context, as_json: AsJson = False) -> None:
    """Show every policy pack: its version, when its sources were read, and how much of it is unconfirmed."""
    folder = ctx.obj.data_dir / _OWN_FOLDER
    rows = []
    for name in platforms(folder):
        pack = policy(name, folder)
        rows.append(
            {
                "platform": name,
                "title": pack.title,
                "version": pack.version,
                "own": (folder / f"{name}.yaml").is_file(),
                "read_on": pack.read_on(),
                "stale": pack.is_stale(_today()),
                "sites": list(pack.sites),
                "routes": {key: route.channel.value for key, route in pack.routes.items()},
                "values": sum(1 for _ in pack.facts()),
                "unconfirmed": len(pack.unconfirmed()),
            }
        )
    show(rows, as_json, "no policy packs", hide=["sites", "title"])
    for row in rows:
        if row["stale"]:
            say(f"{row['platform']}: read on {row['read_on']}, more than a year ago; check it against the portal")


@policies.command("show")
def show_one(
    ctx: typer.Context,
    name: _Name,
    part: Annotated[str, typer.Argument(help="Only values whose path begins so, such as windows or routes.portal.")] = (
        ""
    ),
    only_unconfirmed: Annotated[
        bool, typer.Option("--unconfirmed", help="Only values that nobody saw at the platform itself.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show a pack value by value, each with its source, the day it was read and how sure it is."""
    pack = _named(name, ctx.obj.data_dir / _OWN_FOLDER)
    rows = [
        {
            "path": path,
            "value": _plain(fact),
            "confidence": "seen" if not fact.unconfirmed else f"unconfirmed ({fact.confidence})",
            "read_on": pack.sources[fact.source].read_on,
            "source": pack.sources[fact.source].url or pack.sources[fact.source].title,
            "note": fact.note,
        }
        for path, fact in pack.facts()
        if (path == part or not part or path.startswith(f"{part}.")) and (fact.unconfirmed or not only_unconfirmed)
    ]
    show(rows, as_json, f"{pack.label} has no such values; `bazaarwatch policies show {name}` shows all")
    if not rows:
        raise typer.Exit(1)


@policies.command()
def check(
    ctx: typer.Context,
    what: Annotated[str, typer.Argument(help="A pack's file or a platform's name; without it, every pack.")] = "",
    as_json: AsJson = False,
) -> None:
    """Check policy packs, an operator's own file before it is used too. Exit code 1 if one does not hold.

    A file of yours goes to DATA/policies/NAME.yaml; with `extends: NAME` it says only what differs.
    """
    folder = ctx.obj.data_dir / _OWN_FOLDER
    findings: list[dict[str, Any]] = []
    for name in [what] if what else platforms(folder):
        try:
            findings.append(_finding(name, _named(name, folder)))
        except PolicyError as error:
            findings.append({"pack": name, "holds": False, "problem": str(error), "stale": False, "unconfirmed": []})
    if as_json:
        print_json(findings)
    for one in findings if not as_json else ():
        _tell(one)
    if not all(one["holds"] for one in findings):
        raise typer.Exit(1)


@policies.command()
def diff(ctx: typer.Context, before: _Either, after: _Either, as_json: AsJson = False) -> None:
    """Show what changed between two packs: two files, a file and an installed pack, an export and today's rules."""
    folder = ctx.obj.data_dir / _OWN_FOLDER
    one, other = _named(before, folder), _named(after, folder)
    rows = [
        {"path": change.path, "before": _told(change.before), "after": _told(change.after)}
        for change in changes(one, other)
    ]
    show(rows, as_json, f"{one.label} and {other.label} say the same")


@policies.command()
def reasons(
    ctx: typer.Context,
    name: _Name,
    infringement: Annotated[Infringement, typer.Argument(help="What was done.")],
    right: Annotated[
        list[RightKind] | None, typer.Option(help="A kind of right you have; may be repeated. Else every kind.")
    ] = None,
    kind: Annotated[str, typer.Option(help="What is complained of: listing or storefront.")] = "listing",
    site: Annotated[str, typer.Option(help="The platform's site; else its first.")] = "",
    as_json: AsJson = False,
) -> None:
    """Show which rights and reasons a platform takes against a kind of infringement, the fittest first."""
    pack = _named(name, ctx.obj.data_dir / _OWN_FOLDER)
    where = site or next(iter(pack.sites))
    if where not in pack.sites:
        raise UsageProblem(f"{pack.title} has no site {where!r}; it has {', '.join(pack.sites)}")
    rows = [asdict(one) for one in options(infringement, pack, where, kinds=right or RightKind, target_kind=kind)]
    what = infringement.value.replace("_", " ")
    show(rows, as_json, f"{pack.title} takes no complaint about a {kind} for {what} over such rights")
    if not rows:
        raise typer.Exit(1)


def _named(text: str, folder: Path) -> Policy:
    file = Path(text)
    if file.suffix in {".yaml", ".yml", ".json"} or file.is_file():
        return read_policy(file)
    if text not in platforms(folder):
        raise UsageProblem(f"no policy pack {text!r}; known: {', '.join(platforms(folder))}")
    return policy(text, folder)


def _finding(name: str, pack: Policy) -> dict[str, Any]:
    return {
        "pack": name,
        "holds": True,
        "problem": "",
        "label": pack.label,
        "stale": pack.is_stale(_today()),
        "read_on": pack.read_on(),
        "values": sum(1 for _ in pack.facts()),
        "unconfirmed": sorted(pack.unconfirmed()),
    }


def _tell(one: dict[str, Any]) -> None:
    if not one["holds"]:
        for line in one["problem"].splitlines():
            say(line)
        return
    say(f"{one['label']} holds: {one['values']} values, {len(one['unconfirmed'])} unconfirmed, read {one['read_on']}")
    if one["stale"]:
        say(f"  read more than a year ago: check it against the portal and note the day in {one['pack']}")


def _told(value: Any) -> Any:
    """A changed value in a line: a fact's value with its confidence, whatever else it is."""
    if isinstance(value, dict) and {"value", "confidence"} <= set(value):
        return f"{value['value']} ({value['confidence']})"
    return value


def _plain(fact: Fact[Any]) -> Any:
    value = fact.value
    return (
        value.model_dump(mode="json", exclude_defaults=True, by_alias=True) if isinstance(value, BaseModel) else value
    )


def _today() -> date:
    return SystemClock().now().date()
