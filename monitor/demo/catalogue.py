"""What the demo bazaar sells, by seed: works of an artist, sellers, and listings whose truth is known."""

from __future__ import annotations

import io
import threading
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum
from random import Random

from PIL import Image

from monitor.demo.drawings import MOTIFS, PRODUCTS, WORDS, Design, draw, plan
from monitor.demo.edits import EDITS

BRAND = "Mossmoon"
KEYWORDS = PRODUCTS  # searching for all of them finds every listing
REFERENCE_PRICES = {  # EUR, of the genuine article
    "enamel pin": Decimal("12.00"),
    "patch": Decimal("9.50"),
    "sticker": Decimal("4.50"),
    "art print": Decimal("22.00"),
}
_CURRENCIES = {"EUR": Decimal("1"), "USD": Decimal("1.10"), "GBP": Decimal("0.86")}
_AUTHORISED, _PIRATES = 3, 11  # of 40 sellers
_LOOKS = (
    "Cute",
    "Kawaii",
    "Vintage",
    "Cottagecore",
    "Witchy",
    "Cartoon",
    "Funny",
    "Retro",
    "Mystic",
    "Fashion",
    "Gothic",
)
_TAILS = {
    "enamel pin": ("Brooch Lapel Badge", "Backpack Badge Gift", "Jewelry for Jacket", "Hard Enamel Metal Badge"),
    "patch": ("Iron On Embroidered Badge", "for Jeans Jacket", "Sew On Applique", "Embroidery Clothing Stripe"),
    "sticker": ("Vinyl Waterproof Decal", "for Laptop Bottle", "Die Cut Scrapbook", "Journal Decoration"),
    "art print": ("Wall Poster A4", "Home Decor Unframed", "Bedroom Wall Art", "Gift Poster Giclee"),
}
_SHOP_NAMES = (
    "Tiny", "Happy", "Golden", "Blue", "Lucky", "Cosy", "Star", "Silver", "Wild", "Paper",
    "Pin", "Badge", "Craft", "Gift", "Fern", "Bear", "Corner", "Maker", "Bazaar", "Attic",
)  # fmt: skip
_FULL_QUALITY, _THUMB_PX = 86, 220
_KEPT_DESIGNS = 80  # 1.4 MB each


class Kind(StrEnum):
    """What a listing is in truth."""

    COPY = "copy"
    LICENSED = "licensed"  # shows a work, sold by an authorised seller
    INNOCENT = "innocent"
    SHARES_MOTIF = "shares_motif"  # innocent, but with a work's motif in other hands, or with the same clip art


@dataclass(frozen=True, slots=True)
class DemoWork:
    """A creation of the artist's: ``draw(design)`` is its reference picture."""

    work_id: str
    title: str
    design: Design


@dataclass(frozen=True, slots=True)
class DemoSeller:
    """An account at the demo bazaar. Authorised sellers may sell the works: they belong on the allow list."""

    seller_id: str
    name: str
    currency: str
    authorised: bool = False


@dataclass(frozen=True, slots=True)
class DemoPicture:
    """A listing's picture, not rendered yet: a design and what was done to it (``None``: nothing)."""

    picture_id: str
    design: Design
    edit: str | None
    seed: int


@dataclass(frozen=True, slots=True)
class DemoListing:
    """One listing with its truth: one of its pictures shows ``work`` (an id), changed by ``edit``."""

    listing_id: str
    title: str
    price: Decimal
    currency: str
    seller: DemoSeller
    pictures: tuple[DemoPicture, ...]
    kind: Kind
    work: str | None = None
    edit: str | None = None


@dataclass(frozen=True)
class Catalogue:
    """Everything on sale, and what is true about it. Pictures are rendered when asked for, then kept."""

    works: tuple[DemoWork, ...]
    sellers: tuple[DemoSeller, ...]
    listings: tuple[DemoListing, ...]
    renderer: Renderer

    def reference(self, work: DemoWork) -> bytes:
        """The work's reference picture: a PNG, RGBA, 600 x 600 px, transparent outside the die-line."""
        data = io.BytesIO()
        self.renderer.design(work.design).save(data, "PNG", compress_level=3)
        return data.getvalue()

    def full(self, picture_id: str) -> bytes | None:
        """A listing's picture as its seller uploaded it, a JPEG of up to 800 px; None if there is none of that id."""
        return self.renderer.picture(picture_id)

    def thumb(self, picture_id: str) -> bytes | None:
        """The same as a JPEG of at most 220 px a side."""
        full = self.renderer.picture(picture_id)
        return _thumbnail(full) if full else None


class Renderer:
    """Renders pictures once, in whatever thread asks; one at a time."""

    def __init__(self, pictures: Iterator[DemoPicture]) -> None:
        self._pictures = {picture.picture_id: picture for picture in pictures}
        self._designs: OrderedDict[Design, Image.Image] = OrderedDict()
        self._rendered: dict[str, bytes] = {}
        self._busy = threading.Lock()

    def design(self, design: Design) -> Image.Image:
        """The drawn design; the latest ones are kept."""
        drawn = self._designs.pop(design, None) or draw(design)
        self._designs[design] = drawn
        if len(self._designs) > _KEPT_DESIGNS:
            self._designs.popitem(last=False)
        return drawn

    def picture(self, picture_id: str) -> bytes | None:
        """The picture as a JPEG; None if there is none of that id."""
        picture = self._pictures.get(picture_id)
        if picture is None:
            return None
        with self._busy:
            if picture_id not in self._rendered:
                shown = _shown(self.design(picture.design), picture)
                self._rendered[picture_id] = _jpeg(shown, _FULL_QUALITY)
            return self._rendered[picture_id]


def _shown(design: Image.Image, picture: DemoPicture) -> Image.Image:
    if picture.edit:
        return EDITS[picture.edit](design, Random(f"edit {picture.seed}"))
    plain = Image.new("RGB", (800, 800), "white")
    large = design.resize((760, 760), Image.Resampling.BILINEAR)
    plain.paste(large, (20, 20), large)
    return plain


def _thumbnail(full: bytes) -> bytes:
    picture = Image.open(io.BytesIO(full))
    picture.thumbnail((_THUMB_PX, _THUMB_PX))  # decodes no larger than it must
    return _jpeg(picture, 78)


def _jpeg(picture: Image.Image, quality: int) -> bytes:
    data = io.BytesIO()
    picture.save(data, "JPEG", quality=quality)
    return data.getvalue()


def make_catalogue(seed: int = 1, works: int = 12, listings: int = 320, sellers: int = 40) -> Catalogue:
    """A catalogue by seed: 3 in 16 listings are copies, 1 in 21 licensed, 1 in 20 shares a motif, the rest is innocent.

    With the default sizes each kind of edit makes at least three copies.

    Raises:
        ValueError: There are no works, or fewer than three sellers.
    """
    if works < 1 or sellers < 3:  # one authorised, one pirate, one honest
        raise ValueError("a catalogue needs at least one work and three sellers")
    maker = _Maker(seed, works, sellers)
    copies, licensed, sharing = round(listings * 3 / 16), round(listings / 21), round(listings / 20)
    made = [maker.copy(k) for k in range(copies)]
    made += [maker.licensed(k) for k in range(licensed)]
    made += [maker.sharing(k) for k in range(sharing)]
    made += [maker.innocent() for _ in range(listings - len(made))]
    maker.rng.shuffle(made)
    numbered = tuple(maker.numbered(k, listing) for k, listing in enumerate(made))
    renderer = Renderer(picture for listing in numbered for picture in listing.pictures)
    return Catalogue(tuple(maker.works), tuple(maker.sellers), numbered, renderer)


@dataclass(frozen=True, slots=True)
class _Draft:
    """A listing without id: its designs, each with its edit."""

    title: str
    price_eur: Decimal
    seller: DemoSeller
    shown: tuple[tuple[Design, str | None], ...]
    kind: Kind
    work: str | None = None
    edit: str | None = None


class _Maker:
    def __init__(self, seed: int, works: int, sellers: int) -> None:
        self.seed = seed
        self.rng = rng = Random(f"catalogue {seed}")
        motifs = rng.sample(sorted(MOTIFS), len(MOTIFS))
        self.words = rng.sample(WORDS, len(WORDS))
        taken = min(works, len(motifs) - 6)
        self.free_motifs = motifs[taken:]
        self.works = [self._work(k, motifs[k % taken]) for k in range(works)]
        few = max(1, round(sellers * _AUTHORISED / 40))
        self.sellers = [self._seller(k, authorised=k < few) for k in range(sellers)]
        self.authorised = self.sellers[:few]
        self.pirates = self.sellers[few : few + max(1, round(sellers * _PIRATES / 40))]
        self.others = self.sellers[few + len(self.pirates) :]
        self.edits = list(EDITS)
        self.stall: list[Design] = []  # innocent designs already on sale somewhere

    def _work(self, k: int, motif: str) -> DemoWork:
        stock = (self.free_motifs[k // 4 % len(self.free_motifs)], k) if k % 4 == 2 else None
        design = plan(self.seed * 1_000_000 + k, product=PRODUCTS[k % len(PRODUCTS)], motif=motif, stock=stock)
        design = replace(design, words=self.words[k % len(self.words)])
        return DemoWork(f"w{k + 1:02d}", f"{design.words.title()} {motif.title()} {design.product.title()}", design)

    def _seller(self, k: int, *, authorised: bool) -> DemoSeller:
        name = " ".join(self.rng.sample(_SHOP_NAMES, 2)) + self.rng.choice(
            (" Store", " Co", " Studio", "", f" {10 + k}")
        )
        return DemoSeller(f"s{k + 1:02d}", name, self.rng.choice(sorted(_CURRENCIES)), authorised)

    def copy(self, k: int) -> _Draft:
        """A copy of a work by the edit whose turn it is; some hide it among other pictures."""
        rng, work, edit = self.rng, self.works[k % len(self.works)], self.edits[k % len(self.edits)]
        shown: list[tuple[Design, str | None]] = [(work.design, edit)]
        if k % 10 == 4:
            shown.insert(k // 10 % 2, (self._stranger(), rng.choice(self.edits)))
        if k % 20 == 4:
            shown.append((self._stranger(), rng.choice(self.edits)))
        brand = f"{BRAND} " if rng.random() < 0.3 else ""
        price = REFERENCE_PRICES[work.design.product] * Decimal(rng.randint(15, 62)) / 100
        seller = rng.choice(self.pirates if rng.random() < 0.85 else self.others)
        return _Draft(self._title(work.design, brand), price, seller, tuple(shown), Kind.COPY, work.work_id, edit)

    def licensed(self, k: int) -> _Draft:
        """A work at its own price from an authorised seller, shown plainly or as a shop would."""
        work, edit = self.works[k * 5 % len(self.works)], (None, "pad", None, "photographed")[k % 4]
        title = f"Official {self._title(work.design, BRAND + ' ')}"
        price, seller = REFERENCE_PRICES[work.design.product], self.authorised[k % len(self.authorised)]
        return _Draft(title, price, seller, ((work.design, edit),), Kind.LICENSED, work.work_id, edit)

    def sharing(self, k: int) -> _Draft:
        """Another artist's design with a work's motif, or with the clip art that a work uses too."""
        clip_arts = [work.design.stock for work in self.works if work.design.stock]
        if k % 2 and clip_arts:
            design = self._new(motif=self.rng.choice(self.free_motifs), stock=self.rng.choice(clip_arts))
        else:
            design = self._new(motif=self.works[k // 2 % len(self.works)].design.motif)
        return self._honest(design, Kind.SHARES_MOTIF)

    def innocent(self) -> _Draft:
        """Something that has nothing to do with any work."""
        return self._honest(self._stranger(), Kind.INNOCENT)

    def numbered(self, k: int, draft: _Draft) -> DemoListing:
        """The draft as the ``k``-th listing on sale."""
        pictures = tuple(self._picture(k, i, draft) for i in range(len(draft.shown)))
        currency = draft.seller.currency
        price = (draft.price_eur * _CURRENCIES[currency]).quantize(Decimal("0.01"))
        return DemoListing(
            str(100_000 + 7 * k),
            draft.title,
            price,
            currency,
            draft.seller,
            pictures,
            draft.kind,
            draft.work,
            draft.edit,
        )

    def _picture(self, k: int, i: int, draft: _Draft) -> DemoPicture:
        """Honest sellers of one design take the same pictures of it from its maker; the others make their own."""
        design, edit = draft.shown[i]
        if draft.kind in (Kind.INNOCENT, Kind.SHARES_MOTIF):
            return DemoPicture(f"m{design.seed}{edit}", design, edit, design.seed)
        return DemoPicture(f"p{k:04d}{'abc'[i]}", design, edit, self.seed * 1_000_000 + 10 * k + i)

    def _honest(self, design: Design, kind: Kind) -> _Draft:
        first, second = (self.edits[(design.seed + step) % len(self.edits)] for step in (0, 7))
        shown: list[tuple[Design, str | None]] = [(design, self.rng.choice((first, second)))]
        if self.rng.random() < 0.08:
            shown = [(design, first), (design, second)]
        price = REFERENCE_PRICES[design.product] * Decimal(self.rng.randint(60, 140)) / 100
        return _Draft(self._title(design), price, self.rng.choice(self.others), tuple(shown), kind)

    def _stranger(self) -> Design:
        """An innocent design: often one that others sell already."""
        if self.stall and self.rng.random() < 0.86:
            return self.rng.choice(self.stall)
        self.stall.append(self._new(motif=self.rng.choice(self.free_motifs)))
        return self.stall[-1]

    def _new(self, *, motif: str, stock: tuple[str, int] | None = None) -> Design:
        return plan(self.rng.randrange(10**9, 10**10), motif=motif, stock=stock)

    def _title(self, design: Design, brand: str = "") -> str:
        rng = self.rng
        look, tail = rng.choice(_LOOKS), rng.choice(_TAILS[design.product])
        words = f"{design.words.title()} " if brand or rng.random() < 0.25 else ""
        amount = rng.choice(("", "", "", "1pc ", "2pcs ", "New "))
        stuffing = " Pin Badge Gift" if design.product != "enamel pin" and rng.random() < 0.6 else ""
        return f"{amount}{look} {brand}{words}{design.motif.title()} {design.product.title()} {tail}{stuffing}"
