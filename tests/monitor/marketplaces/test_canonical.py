"""Any form of a listing's address gives one listing; addresses that only look alike give none."""

from __future__ import annotations

import pytest

from monitor.marketplaces import MARKETPLACES, canonical

_EBAY = ("ebay", "381228738769", "https://www.ebay.com/itm/381228738769")
_ALI = ("aliexpress", "1005006123456789", "https://www.aliexpress.com/item/1005006123456789.html")
_FORMS = {
    _EBAY: [
        "https://www.ebay.com/itm/381228738769",
        "http://www.ebay.com/itm/Outdoor-Wicker-Couch-/381228738769",
        "https://www.ebay.de/itm/381228738769?hash=item58c2&_skw=sofa",
        "https://www.ebay.co.uk/itm/381228738769#viTabs_0",
        "https://m.ebay.com/itm/381228738769",
        "//www.ebay.fr/itm/381228738769/",
        "https://WWW.EBAY.COM/itm/381228738769?var=5&epid=1",
        "https://cgi.ebay.com/ws/eBayISAPI.dll?ViewItem&item=381228738769",
        "https://api.ebay.com/buy/browse/v1/item/v1%7C381228738769%7C0",
        "https://www.ebay.com/p/23042?iid=381228738769",
    ],
    _ALI: [
        "https://www.aliexpress.com/item/1005006123456789.html",
        "https://he.aliexpress.com/item/1005006123456789.html?spm=a2g0o&pvid=1",
        "//es.aliexpress.com/item/1005006123456789.html",
        "https://www.aliexpress.com/item/Enamel-Pin/1005006123456789.html",
        "https://m.aliexpress.com/item/1005006123456789.html",
        "https://m.aliexpress.com/i/1005006123456789.html",
        "https://www.aliexpress.us/item/1005006123456789.html?gatewayAdapt=glo2usa",
        "https://www.aliexpress.com/i/1005006123456789.html#reviews",
        "https://www.aliexpress.com/store/product/Pin/912345_1005006123456789.html",
        "http://aliexpress.com/item/1005006123456789.html",
    ],
    ("etsy", "550571276", "https://www.etsy.com/listing/550571276"): [
        "https://www.etsy.com/listing/550571276/hey-there-pumpkin?ref=sr_1&click_key=ab",
        "https://www.etsy.com/es/listing/550571276/el-original",
        "http://etsy.com/listing/550571276",
        "https://www.etsy.com/de-en/listing/550571276/",
        "https://www.etsy.com/de/listing/550571276/kuerbis",
        "https://www.etsy.com/uk/listing/550571276/pumpkin?ref=x",
        "https://mothworks.etsy.com/listing/550571276/pumpkin",
    ],
    ("amazon", "B013JF5F0C", "https://www.amazon.de/dp/B013JF5F0C"): [
        "https://www.amazon.de/FELIX-Countryside/dp/B013JF5F0C/ref=sr_1_1?keywords=x",
        "https://www.amazon.de/-/en/dp/B013JF5F0C",
        "https://www.amazon.de/gp/product/B013JF5F0C?psc=1",
        "https://www.amazon.de/gp/aw/d/B013JF5F0C",
        "https://www.amazon.de/-/en/sspa/click?ie=UTF8&url=%2F-%2Fen%2FFELIX%2Fdp%2FB013JF5F0C%2Fref%3Dsr_1",
        "https://amazon.de/dp/b013jf5f0c/",
        "https://www.amazon.de/exec/obidos/ASIN/B013JF5F0C/x",
    ],
    ("1688", "969759354614", "https://detail.1688.com/offer/969759354614.html"): [
        "https://detail.1688.com/offer/969759354614.html?spm=a26",
        "http://detail.m.1688.com/page/index.html?offerId=969759354614&sortType=",
        "https://m.1688.com/offer/969759354614.html",
    ],
    ("taobao", "1048008062319", "https://item.taobao.com/item.htm?id=1048008062319"): [
        "//item.taobao.com/item.htm?id=1048008062319&ns=1&abbucket=6",
        "https://item.taobao.com/item.htm?spm=a230r.1&id=1048008062319",
        "https://h5.m.taobao.com/awp/core/detail.htm?id=1048008062319",
        "https://m.intl.taobao.com/detail/detail.html?id=1048008062319&x=1",
        "https://world.taobao.com/item/1048008062319.htm?spm=a",
        "https://world.taobao.com/item/wap/1048008062319.htm",
    ],
    ("tmall", "605258110430", "https://detail.tmall.com/item.htm?id=605258110430"): [
        "//detail.tmall.com/item.htm?id=605258110430&standard=1",
        "https://detail.m.tmall.com/item.htm?id=605258110430",
        "https://detail.tmall.hk/hk/item.htm?skuId=1&id=605258110430",
        "https://chaoshi.detail.tmall.com/item.htm?id=605258110430",
        "http://world.tmall.com/item/605258110430.htm?spm=a&id=605258110430",
    ],
    ("alibaba", "1600267883372", "https://www.alibaba.com/product-detail/_1600267883372.html"): [
        "https://www.alibaba.com/product-detail/Hat-Hip-Hop-Blank-Logo-Custom_1600267883372.html?s=p",
        "//www.alibaba.com/product-detail/_1600267883372.html",
        "https://german.alibaba.com/product-detail/Hut_1600267883372.html",
        "https://m.alibaba.com/product/1600267883372/Hat.html?s=p",
        "https://m.alibaba.com/product/1600267883372.html",
    ],
    ("lazada", "4489480090", "https://www.lazada.com.ph/products/pdp-i4489480090.html"): [
        "//www.lazada.com.ph/products/pdp-i4489480090.html",
        "https://www.lazada.com.ph/products/cellphone-sontue-i4489480090-s25631854428.html?search=1",
        "https://www.lazada.com.ph/products/i4489480090.html",
    ],
    ("walmart", "13737005799", "https://www.walmart.com/ip/13737005799"): [
        "https://www.walmart.com/ip/ASUS-CX15/13737005799?classType=REGULAR",
        "https://www.walmart.com/ip/13737005799",
        "https://www.walmart.com/ip/seort/13737005799?from=/search",
    ],
    ("mercadolibre", "MLA897952360", "https://articulo.mercadolibre.com.ar/MLA-897952360"): [
        "https://articulo.mercadolibre.com.ar/MLA-897952360-telefono-inalambrico-_JM#position=1",
        "http://articulo.mercadolibre.com.ar/MLA-897952360",
        "https://www.mercadolibre.com.ar/MLA897952360",
    ],
    ("mercadolibre", "MCO42090990", "https://www.mercadolibre.com.co/p/MCO42090990"): [
        "https://www.mercadolibre.com.co/lamparas-tipo-spot/p/MCO42090990?pdp_filters=x",
    ],
    ("mercadolibre", "MLAU3208494865", "https://www.mercadolibre.com.ar/up/MLAU3208494865"): [
        "https://www.mercadolibre.com.ar/polilla/up/MLAU3208494865?pdp_filters=item_id:MLA2068790410#wid=MLA2068790410",
    ],
    ("mercari-jp", "2JLQjbFsTCiythGCCpEcQA", "https://jp.mercari.com/shops/product/2JLQjbFsTCiythGCCpEcQA"): [
        "https://jp.mercari.com/shops/product/2JLQjbFsTCiythGCCpEcQA?source=shops_search",
        "https://jp.mercari.com/en/shops/product/2JLQjbFsTCiythGCCpEcQA",
    ],
    ("mercari-jp", "m78767763061", "https://jp.mercari.com/item/m78767763061"): [
        "https://jp.mercari.com/item/m78767763061?source=x",
        "https://jp.mercari.com/en/item/m78767763061",
        "https://api.mercari.jp/items/get?id=m78767763061",
        "https://item.mercari.com/jp/m78767763061/",
        "https://www.mercari.com/jp/items/m78767763061/?x=1",
    ],
    ("wildberries", "1280469586", "https://www.wildberries.ru/catalog/1280469586/detail.aspx"): [
        "https://www.wildberries.ru/catalog/1280469586/detail.aspx?targetUrl=SP",
        "https://wildberries.ru/catalog/1280469586/feedbacks",
    ],
    ("vinted", "9921566151", "https://www.vinted.co.uk/items/9921566151"): [
        "https://www.vinted.co.uk/items/9921566151-patagonia-manoa?referrer=catalog",
        "https://vinted.co.uk/items/9921566151",
    ],
    ("shopee", "11156976313", "https://shopee.co.id/product/121235261/11156976313"): [
        "https://shopee.co.id/product/121235261/11156976313?x=1",
        "https://shopee.co.id/JINISO-Jeans-i.121235261.11156976313?sp_atk=a",
        "https://shopee.co.id/universal-link/product/121235261/11156976313",
    ],
    ("avito", "8056271479", "https://www.avito.ru/moskva/noutbuki/noutbuki_novye_8056271479"): [
        "https://www.avito.ru/moskva/noutbuki/noutbuki_novye_8056271479?context=H4",
        "https://m.avito.ru/moskva/noutbuki/noutbuki_novye_8056271479",
    ],
    ("lamoda", "RTLAEY634001", "https://www.lamoda.ru/p/rtlaey634001/shoes-adidasoriginals-kedy/"): [
        "https://www.lamoda.ru/p/rtlaey634001/shoes-adidasoriginals-kedy/?sku=RTLAEY634001B030",
    ],
    ("facebook-marketplace", "628088039705732", "https://www.facebook.com/marketplace/item/628088039705732/"): [
        "https://m.facebook.com/marketplace/item/628088039705732/?ref=search",
        "https://www.facebook.com/marketplace/item/628088039705732",
    ],
    ("temu", "601099512345678", "https://www.temu.com/goods.html?goods_id=601099512345678"): [
        "https://www.temu.com/de/enamel-pin-g-601099512345678.html?top_gallery_url=x",
        "https://www.temu.com/goods.html?_bg_fs=1&goods_id=601099512345678",
        "https://www.temu.com/g-601099512345678.html",
        "https://www.temu.com/kuiper/un4.html?goods_id=601099512345678",
    ],
    ("dhgate", "752118617", "https://www.dhgate.com/product/item/752118617.html"): [
        "https://www.dhgate.com/product/new-outdoor-sun-hat/752118617.html?d1_page_num=1#gp-1-11",
        "https://m.dhgate.com/product/new-outdoor-sun-hat/752118617.html",
        "https://www.dhgate.com//www.dhgate.com/product/new-outdoor-sun-hat/752118617.html",
    ],
    ("redbubble", "12345678.7sgk", "https://www.redbubble.com/i/sticker/Cat-by-artist/12345678/7sgk"): [
        "https://www.redbubble.com/i/sticker/Cat-by-artist/12345678/7sgk?asc=u",
    ],
    ("redbubble", "12345678.EJUG5", "https://www.redbubble.com/i/sticker/Cat-by-artist/12345678.EJUG5"): [
        "https://www.redbubble.com/i/sticker/Cat-by-artist/12345678.EJUG5?asc=u",
        "https://www.redbubble.com/de/i/sticker/Cat-by-artist/12345678.EJUG5",
        "https://www.redbubble.com/i/sticker/Cat-by-artist/12345678.EJUG5.XYZ#x",
    ],
}


@pytest.mark.parametrize(("known", "url"), [(known, url) for known, urls in _FORMS.items() for url in urls])
def test_every_form_of_an_address_is_one_listing(known: tuple[str, str, str], url: str) -> None:
    assert canonical(url) == known


@pytest.mark.parametrize(
    "url",
    [
        "https://www.ebay.com.evil.example/itm/381228738769",
        "https://evil-ebay.com/itm/381228738769",
        "https://www.ebay.com@evil.example/itm/381228738769",
        "https://user:pass@www.ebay.com/itm/381228738769",
        "https://www.\u0435bay.com/itm/381228738769",
        "https://www.ebay.example/itm/381228738769",
        "javascript://www.ebay.com/itm/381228738769",
        "ftp://www.ebay.com/itm/381228738769",
        "https://www.aliexpress.com.evil.example/item/1005006123456789.html",
        "https://www.etsy.com.evil.example/listing/550571276",
        "https://amazon.de.evil.example/dp/B013JF5F0C",
        "https://notalibaba.com/product-detail/_1600267883372.html",
        "https://www.alibaba.com.cn.example/product-detail/_1600267883372.html",
        "https://www.ebay.com/itm/123456",
        "https://www.ebay.com/sch/i.html?_nkw=381228738769",
        "https://www.aliexpress.com/w/wholesale-pin.html",
        "https://a.aliexpress.com/_mK1234567890",
        "https://s.click.aliexpress.com/e/_Dk1234567890",
        "https://amzn.to/3abcdefghi",
        "https://www.ebay.com/p/23042123456",
        "https://share.temu.com/a601099512345678",
        "https://e.tb.cn/h.1048008062319",
        "https://meli.la/27hmLZT",
        "https://www.mercari.com/us/item/m78767763061/",
        "https://www.redbubble.com/people/artist/shop/12345678",
        "",
        "https://",
    ],
)
def test_what_only_looks_like_a_listing_is_none(url: str) -> None:
    assert canonical(url) is None


def test_aliexpress_ru_keeps_its_own_addresses() -> None:
    known = canonical("https://aliexpress.ru/item/1005006123456789.html?sku_id=12")
    assert known == ("aliexpress", "1005006123456789", "https://aliexpress.ru/item/1005006123456789.html")


@pytest.mark.parametrize(
    "url",
    [
        "https://shop.example/products/red-pin",
        "https://shop.example/collections/all/products/red-pin?variant=1&_pos=2",
        "https://shop.example/en-gb/products/red-pin",
        "https://shop.example/products/red-pin.json",
        "https://SHOP.example/products/red-pin/#reviews",
    ],
)
def test_a_shopify_product_has_one_address_below_any_collection(url: str) -> None:
    known = MARKETPLACES["shopify"].canonical(url)
    assert known == ("shop.example/red-pin", "https://shop.example/products/red-pin")
