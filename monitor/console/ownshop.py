"""Making one's own shop known from the console: read in the background, for a shop is asked slowly."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field
from datetime import datetime

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from monitor.console.access import PartsOf, WholeApprover, WholeViewer, form_of
from monitor.console.fields import text_field, whole_number
from monitor.console.guard import Problem
from monitor.console.view import back_to, page
from monitor.console.works import owner_of, owners_of
from monitor.daemon import Parts
from monitor.errors import MonitorError
from monitor.registry.ownshop import SHOPS, Taken, Wish, read_shop, take_in_shop
from monitor.text import safe_link
from storage import tables
from storage.errors import StorageError

router = APIRouter(include_in_schema=False)
_logger = logging.getLogger(__name__)


@dataclass(slots=True)
class Reading:
    """One reading of a shop, and how far it is."""

    address: str
    began_at: datetime
    task: asyncio.Task[None] | None = None
    products: int | None = None  # none: its lists are still being read
    taken: list[Taken] = field(default_factory=list)
    problem: str = ""

    @property
    def is_over(self) -> bool:
        """Whether nothing more will come of it."""
        return self.task is not None and self.task.done()


@router.get("/works/shop")
async def shop(request: Request, parts: PartsOf, person: WholeViewer) -> Response:
    """What to say of one's own shop, and how far the newest reading is."""
    async with parts.database.read(brief=True) as session:
        owners = await owners_of(session, person)
    reading: Reading | None = request.app.state.shop
    return await page(
        request, "shop.html", person, owners=owners, reading=reading, shops=SHOPS, contact=parts.settings.fetch.contact
    )


@router.post("/works/shop")
async def read(request: Request, parts: PartsOf, person: WholeApprover) -> Response:
    """Begin to read a shop; its goods become works, and the shop itself is allowed."""
    form = await form_of(request)
    address = text_field(form, "address", 2000)
    address = address if "://" in address else f"https://{address}"
    name, currency = text_field(form, "marketplace", 40), text_field(form, "currency", 3).upper()
    if safe_link(address) is None or "." not in address:
        raise Problem(422, "address: write it as https://shop.example")
    if name and name not in SHOPS:
        raise Problem(422, f"a shop runs on one of {', '.join(SHOPS)}")
    if currency and not (len(currency) == 3 and currency.isascii() and currency.isalpha()):
        raise Problem(422, "currency: write it as EUR")
    present: Reading | None = request.app.state.shop
    if present and not present.is_over:
        raise Problem(409, f"{present.address} is being read; wait until that is done")
    async with parts.database.read(brief=True) as session:
        owner = await owner_of(session, person, whole_number(form, "owner"))
    wish = Wish(
        name or None, text_field(form, "shop_id", 40), currency=currency or None, rights=bool(form.get("rights"))
    )
    reading = Reading(address, parts.clock.now())
    reading.task = asyncio.create_task(_read(parts, reading, owner, wish, person.name))
    request.app.state.shop = reading
    return back_to("/works/shop")


async def _read(parts: Parts, reading: Reading, owner: tables.Owner, wish: Wish, actor: str) -> None:
    """Read the shop to its end; what stops it is said on the page."""
    try:
        goods = await read_shop(parts, reading.address, wish)
        reading.products = len(goods)
        async for one in take_in_shop(parts, owner, goods, wish, actor):
            reading.taken.append(one)
    except (MonitorError, StorageError) as error:
        reading.problem = str(error)
    except Exception:
        _logger.exception("own shop not read")
        reading.problem = "this is a fault of Bazaarwatch; its log says more"
