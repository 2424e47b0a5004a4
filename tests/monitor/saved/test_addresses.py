"""Addresses in lists and tables, found by what the cells hold."""

import pytest
from openpyxl import Workbook

from monitor.errors import ImportRefused
from monitor.saved.addresses import addresses_in_tables, addresses_in_text, addresses_in_workbook

ITEM = "https://www.ebay.com/itm/12345678901{}"


def items(count):
    return [ITEM.format(number) for number in range(count)]


def test_a_list_keeps_every_line_in_its_order_the_bad_ones_too():
    lines = [*items(3), "my note", "https://www.example.com/,;x"]
    assert addresses_in_text("\n\n".join(lines)) == lines


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_a_table_gives_its_column_of_listings_without_the_heading(delimiter):
    rows = [["seller", "link", "shop"]]
    rows += [[f"seller {number}", url, "https://shop.example/"] for number, url in enumerate(items(5))]
    rows.append(["seller 6", "not found", "https://shop.example/"])
    text = "\r\n".join(delimiter.join(row) for row in rows)
    assert addresses_in_text(text) == [*items(5), "not found"]


def test_a_quoted_cell_may_hold_the_delimiter():
    url = ITEM.format(1) + "?a=1,2"
    assert addresses_in_text(f'name,url\n"a, b","{url}"\n') == [url]


def test_a_text_without_addresses_gives_none():
    assert addresses_in_text("a,b\nc,d\n") == []
    assert addresses_in_text("") == []


def test_of_two_columns_the_one_with_listings_wins():
    tables = [[["https://a.example", "x"], ["https://b.example", "y"]], [["", ITEM.format(1)], ["z", ITEM.format(2)]]]
    assert addresses_in_tables(tables) == [ITEM.format(1), ITEM.format(2)]


def test_a_spreadsheet_gives_its_column_on_whatever_sheet(tmp_path):
    book = Workbook()
    book.active.append(["nothing", "here", 5])
    sheet = book.create_sheet("found")
    sheet.append(["date", "address"])
    for url in items(3):
        sheet.append([None, url])
    sheet.append([None, f'=HYPERLINK("{ITEM.format(4)}", "the pin")'])
    book.save(tmp_path / "a.xlsx")
    assert addresses_in_workbook(str(tmp_path / "a.xlsx")) == [*items(3), ITEM.format(4)]


@pytest.mark.parametrize("body", [b"", b"PK\x03\x04 and no more", b"<xml/>"])
def test_what_is_no_spreadsheet_is_refused(tmp_path, body):
    (tmp_path / "a.xlsx").write_bytes(body)
    with pytest.raises(ImportRefused, match="no spreadsheet"):
        addresses_in_workbook(str(tmp_path / "a.xlsx"))
