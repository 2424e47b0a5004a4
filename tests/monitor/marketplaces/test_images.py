from __future__ import annotations

import pytest

from monitor.marketplaces.images import full_size, full_sizes

_RULES = {
    "https://ae-pic-a1.aliexpress-media.com/kf/S1.jpg_480x480q75.jpg_.avif": "https://ae-pic-a1.aliexpress-media.com/kf/S1.jpg",
    "https://ae01.alicdn.com/kf/S1/a.png_350x350xz.png": "https://ae01.alicdn.com/kf/S1/a.png",
    "https://cbu01.alicdn.com/img/ibank/O1-0-cib.jpg_460x460q100.jpg_.webp": "https://cbu01.alicdn.com/img/ibank/O1-0-cib.jpg",
    "https://img.lazcdn.com/g/p/a.jpg_80x80q75.jpg": "https://img.lazcdn.com/g/p/a.jpg",
    "http://i.ebayimg.com/thumbs/images/g/KBUAAOSwt2li7li4/s-l225.jpg": "https://i.ebayimg.com/images/g/KBUAAOSwt2li7li4/s-l1600.jpg",
    "https://i.ebayimg.com/images/g/o2EAAOSw8~Vn5MvM/s-l500.webp": "https://i.ebayimg.com/images/g/o2EAAOSw8~Vn5MvM/s-l1600.jpg",
    "https://i.etsystatic.com/12/c/1000/800/3/4/il/da5710/24/il_340x270.24_opq0.jpg": "https://i.etsystatic.com/12/r/il/da5710/24/il_fullxfull.24_opq0.jpg",
    "https://i.etsystatic.com/12/r/il/da5710/24/il_794xN.24_opq0.jpg": "https://i.etsystatic.com/12/r/il/da5710/24/il_fullxfull.24_opq0.jpg",
    "https://m.media-amazon.com/images/I/81j2n1ziQcL._AC_UL320_.jpg": "https://m.media-amazon.com/images/I/81j2n1ziQcL.jpg",
    "https://i5.walmartimages.com/seo/A_1.2.jpeg?odnHeight=180&odnWidth=180": "https://i5.walmartimages.com/seo/A_1.2.jpeg",
    "http://http2.mlstatic.com/D_1-MLA2_3-I.jpg": "https://http2.mlstatic.com/D_1-MLA2_3-O.jpg",
    "https://static.mercdn.net/c!/w=240,f=webp/thumb/photos/m1_1.jpg?17": "https://static.mercdn.net/item/detail/orig/photos/m1_1.jpg?17",
    "https://cdn.shopify.com/s/files/1/a_1000x.jpg?v=17&width=1920": "https://cdn.shopify.com/s/files/1/a.jpg?v=17",
    "https://shop.example/cdn/shop/files/a-2_400x400_crop_center.png?v=1": "https://shop.example/cdn/shop/files/a-2.png?v=1",
    "https://down-id.img.susercontent.com/file/id-1_tn": "https://down-id.img.susercontent.com/file/id-1",
    "https://images.tokopedia.net/img/cache/200-square/a/b.jpg": "https://images.tokopedia.net/img/cache/700/a/b.jpg",
    "https://static.wixstatic.com/media/8_9c~mv2.jpg/v1/fill/w_6,h_4,al_c/8_9c~mv2.webp": "https://static.wixstatic.com/media/8_9c~mv2.jpg",
    "https://images.squarespace-cdn.com/content/v1/a/1-X/moth.jpg?format=750w": "https://images.squarespace-cdn.com/content/v1/a/1-X/moth.jpg",
    "https://images1.vinted.net/t/05_x/f800/1.jpeg?s=abc": "https://images1.vinted.net/t/05_x/f800/1.jpeg?s=abc",
    "https://shop.example/a_100x100.jpg?w=1": "https://shop.example/a_100x100.jpg?w=1",
}  # fmt: skip


@pytest.mark.parametrize(("thumbnail", "full"), _RULES.items())
def test_a_thumbnail_leads_to_the_full_picture(thumbnail: str, full: str) -> None:
    assert full_size(thumbnail) == full
    assert full_size(full) == full


def test_pictures_are_absolute_or_left_out() -> None:
    sources = [
        "//a.example/1.jpg",
        "/2.jpg",
        "./page_files/3.jpg",
        "page_files/4.jpg",
        "data:image/gif;base64,R0",
        "5.jpg",
    ]
    assert full_sizes("https://b.example/x/", [*sources, 7, "/2.jpg"]) == (
        "https://a.example/1.jpg",
        "https://b.example/2.jpg",
        "https://b.example/x/5.jpg",
    )
