"""Tmall: item pages, old ones GBK-encoded."""

from __future__ import annotations

import re

from detectors.model import Seller
from monitor.marketplaces.base import Abilities
from monitor.marketplaces.document import Document, first_attribute, first_text, meta
from monitor.marketplaces.reading import seller
from monitor.marketplaces.tables import Item, TableSite
from monitor.marketplaces.taobao import DETAIL, DETAIL_SCRIPTS

_USER = re.compile(r"userid=(\d{4,15})", re.IGNORECASE)


class Tmall(TableSite):
    """Tmall."""

    def item_seller(self, page: Document, layout: Item) -> Seller | None:
        """The shop, under the account number that the page's own mark names."""
        name = first_text(page.tree, layout.seller) or first_attribute(page.tree, "[name=seller_nickname]", "value")
        number = _USER.search(meta(page, "microscope-data"))
        return seller(number[1] if number else None, name)


MARKETPLACE = Tmall(
    "tmall",
    abilities=Abilities(
        "", detail="rendered saved", language="zh", note="asks for a login; its items appear in Taobao's search"
    ),
    hosts=frozenset({"tmall.com", "tmall.hk"}),
    address=re.compile(
        r"(?:detail\.[a-z.]*tmall\.(?:com|hk)/[^?]*\?(?:[^#]*&)?id=|world\.tmall\.com/item/(?=\d+\.htm))(?P<id>\d{8,14})(?!\d)"
    ),
    template="https://detail.tmall.com/item.htm?id={id}",
    currency="CNY",
    records=(DETAIL,),
    scripts=DETAIL_SCRIPTS,
    items=(
        Item(
            name=".tb-detail-hd h1",
            title='.tb-detail-hd h1, [class*="mainTitle--"], [class*="ItemHeader--mainTitle"]',
            price='#J_StrPriceModBox .tm-price, .tm-promo-price .tm-price, [class*="highlightPrice--"]',
            pictures=("#J_ImgBooth", "#J_UlThumb img", "img[class*='mainPic--']", "img[class*='thumbnailPic--']"),
            seller='.slogo-shopname, [class*="shopName--"]',
        ),
    ),
)
