import io
from datetime import UTC, datetime

import pytest
from PIL import Image
from pypdf import PdfReader

from monitor.pdf import Document

pytestmark = pytest.mark.slow

AT = datetime(2026, 11, 21, 12, tzinfo=UTC)


def _text(document):
    return "\n".join(page.extract_text() for page in PdfReader(io.BytesIO(document.to_bytes())).pages)


def test_text_in_many_scripts_is_in_the_file_and_what_no_font_has_is_named():
    document = Document("Титул", AT)
    document.heading("正品动漫徽章")
    document.paragraph("Кот\nかわいい 한국어")
    document.facts([("Title", "Cat 😀 \u202egpj.exe"), ("Empty", "")])
    text = _text(document)
    for expected in (
        "正品动漫徽章",
        "Кот",
        "かわいい",
        "한국어",
        "⟨U+1F600⟩",
        "⟨U+202E⟩",
        "Титул",
        "2026-11-21 12:00 UTC",
    ):
        assert expected in text
    assert "Empty" not in text


def test_a_line_without_a_chinese_letter_below_one_with_it_keeps_its_own_letters():
    title = "长" * 60 + " A4 poster … (+38,000 characters)"
    document = Document("x", AT)
    document.facts([("Title", title)])
    document.paragraph(title)
    assert _text(document).replace("\n", " ").count("characters)") == 2


def test_text_that_runs_right_to_left_is_shaped_and_drawn():
    document = Document("x", AT)
    document.facts([("Hebrew", "סיכת חתול"), ("Arabic", "دبوس قطة")])
    fonts = {
        str(font.get_object()["/BaseFont"])
        for page in PdfReader(io.BytesIO(document.to_bytes())).pages
        for font in page["/Resources"]["/Font"].values()
    }
    assert any("Kurinto" in name for name in fonts)


def test_a_number_within_text_that_runs_right_to_left_stays_within_it():
    document = Document("x", AT)
    document.heading("Alert 4: פרפר 100 לילה", 2)
    drawn = []  # from left to right
    page = PdfReader(io.BytesIO(document.to_bytes())).pages[0]
    page.extract_text(visitor_text=lambda text, *_: drawn.append(text.strip()))
    assert [text for text in drawn if text][:4] == ["Alert 4:", "לילה", "100", "פרפר"]


def test_a_table_repeats_its_headings_and_a_cell_longer_than_a_page_goes_on():
    document = Document("x", AT)
    document.table(("Number", "Text"), [[str(number), "word " * 8] for number in range(80)] + [["long", "A" * 9000]])
    pages = [page.extract_text() for page in PdfReader(io.BytesIO(document.to_bytes())).pages]
    assert len(pages) > 3
    assert all("Number" in page for page in pages[:3])
    assert sum(page.count("A") for page in pages) == 9000


def test_the_same_calls_give_the_same_bytes():
    def make():
        document = Document("x", AT)
        document.paragraph("text")
        return document.to_bytes()

    assert make() == make()


def test_only_pictures_of_our_own_encoding_are_taken():
    file = io.BytesIO()
    Image.new("RGB", (40, 20)).save(file, "JPEG")
    document = Document("x", AT)
    document.picture(file.getvalue(), alt="a picture")
    assert PdfReader(io.BytesIO(document.to_bytes())).pages[0].images
    with pytest.raises(ValueError, match="PNG or JPEG"):
        document.picture(b"<svg/>")
