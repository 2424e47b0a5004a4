"""`complaints meter` and `complaints override`: how good our complaints were, and who lets more leave all the same."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any

import typer

from monitor.commands.common import AsJson, UsageProblem, say, show, with_parts
from monitor.complaints.packs import platforms
from monitor.desk import meter
from monitor.desk.meter import By, Reading


def hang_into(complaints: typer.Typer) -> None:
    """Hang the commands into the group."""
    complaints.command("meter")(show_meter)
    complaints.command()(override)


def show_meter(
    ctx: typer.Context,
    by: Annotated[By, typer.Option(help="What to count by; the gate goes by reason.")] = By.REASON,
    as_json: AsJson = False,
) -> None:
    """Show what became of the listings complained of: platforms grade the complainant, and so do we, first."""
    rows = [_row(one, by) for one in with_parts(ctx, lambda parts: meter.readings(parts, by))]
    show(rows, as_json, "nothing that was handed in is decided yet", hide=["withdrawn", "gone", "account"])


def _row(one: Reading, by: By) -> dict[str, Any]:
    read = one.meter
    return {
        "platform": one.platform,
        "account": one.account,
        by.value: one.of,
        "decided": read.decided,
        "upheld": read.upheld,
        "refused": read.rejected,
        "countered": read.countered,
        "withdrawn": read.withdrawn,
        "gone": read.gone,
        "success": _share(read.success_rate),
        "counter": _share(read.counter_rate),
        "standing": one.standing.value,
        "let_through_by": one.override and f"{one.override.person} until {one.override.until:%Y-%m-%d}",
    }


def _share(rate: float | None) -> str | None:
    return None if rate is None else f"{rate:.1%}"


def override(
    ctx: typer.Context,
    platform: Annotated[str, typer.Argument(help="The complaint platform.")],
    reason: Annotated[str, typer.Argument(help="Our code of the reason, as `complaints meter` shows it.")],
    person: Annotated[str, typer.Option("--as", help="The person who answers for it, by name.")],
    why: Annotated[str, typer.Option(help="Why more of them may leave.")],
    account: Annotated[str, typer.Option(help="The account's label, where there is one.")] = "",
    days: Annotated[int, typer.Option(help="For how many days.")] = 14,
) -> None:
    """Let complaints leave that the meter holds back, for some days, on a named person's word."""
    if platform not in (known := platforms(ctx.obj.data_dir / "policies")):
        raise UsageProblem(f"no complaint platform {platform!r}; known: {', '.join(known)}")
    if not (person.strip() and why.strip()):
        raise UsageProblem("--as and --why: say who answers for it, and why")
    length = timedelta(days=days)
    until = with_parts(
        ctx, lambda parts: meter.override(parts, platform, account, reason, person.strip(), why.strip(), length)
    )
    say(f"complaints over {reason} may leave until {until:%Y-%m-%d}; `bazaarwatch complaints meter` shows the rates")
