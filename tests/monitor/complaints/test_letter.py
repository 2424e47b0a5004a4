import email
import email.policy
import json
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from email.message import EmailMessage
from typing import cast

import pytest

from detectors.rights import Owner, Right
from monitor.complaints.base import Confirmation, Draft, Target, Work
from monitor.complaints.export import export_pack
from monitor.complaints.letter import letter, to_pdf, to_text
from monitor.complaints.notice import batch, draft_notice
from monitor.complaints.packs import policy
from monitor.complaints.policy import Policy
from monitor.errors import NoticeRefused

Confirm = Callable[[Draft], Confirmation]
GF = (
    "I have a good faith belief that use of the material in the manner complained of is not authorized by the "
    "copyright owner, its agent, or the law."
)
PERJURY = (
    "The information in this notification is accurate, and under penalty of perjury, I am authorized to act on behalf "
    "of the owner of an exclusive right that is allegedly infringed."
)


@pytest.fixture(autouse=True)
def no_pdf(monkeypatch: pytest.MonkeyPatch) -> None:
    """Packs without their PDF, which takes half a second; the tests of pages call ``to_pdf`` themselves."""
    monkeypatch.setattr("monitor.complaints.export.to_pdf", lambda _: b"%PDF")


@pytest.fixture
def drafted(
    owner: Owner, work: Work, artwork: Right, target: Callable[..., Target]
) -> Callable[..., tuple[Draft, Policy]]:
    """A draft about two pages at any platform."""

    def make(platform: str, page: str, right: Right | None = None, **facts: str) -> tuple[Draft, Policy]:
        rules, used = policy(platform), right or artwork
        targets = [target(number, url=page.format(number), listing_id=f"L{number}") for number in (1, 2)]
        listings = batch(targets, rules, used).batches[0]
        reachable = replace(owner, phone="+4930123456")
        return replace(
            draft_notice("C-17", listings, rules, work=work, right=used, owner=reachable), reason_facts=facts
        ), rules

    return make


def mail_of(data: bytes) -> EmailMessage:
    return cast(EmailMessage, email.message_from_bytes(data, policy=email.policy.default))


def test_a_dmca_notice_has_all_six_elements_of_the_law(
    drafted: Callable[..., tuple[Draft, Policy]], confirm: Confirm
) -> None:
    draft, rules = drafted("dmca_host", "https://shop.example/p/{}", host_contact="dmca@host.example")
    text = to_text(letter(draft, confirm(draft), rules))
    assert "/s/ Ada Vale" in text  # (i) signature
    assert "Title: Fox under the moon" in text  # (ii) the work
    assert "1. https://shop.example/p/1  (L1)" in text  # (iii) the material, and where it is
    assert "2. https://shop.example/p/2  (L2)" in text
    for contact in ("Gasse 1", "10115 Berlin", "+4930123456", "rights@adavale.example"):  # (iv) contact
        assert contact in text
    assert GF in text  # (v)
    assert PERJURY in text  # (vi)
    assert "17 U.S.C. § 512(c)(3)" in text.splitlines()[0]


def test_a_shop_is_named_by_its_sellers_number(drafted: Callable[..., tuple[Draft, Policy]], confirm: Confirm) -> None:
    draft, rules = drafted("dmca_host", "https://shop.example/p/{}", host_contact="dmca@host.example")
    shops = tuple(
        replace(one, kind="storefront", seller_id=number)
        for one, number in zip(draft.targets, ("s7", None), strict=True)
    )
    draft = replace(draft, targets=shops)
    lines = to_text(letter(draft, confirm(draft), rules)).splitlines()
    assert "   1. https://shop.example/p/1  (s7)" in lines
    assert "   2. https://shop.example/p/2" in lines


def test_a_dsa_notice_has_what_article_16_asks_and_no_perjury(
    drafted: Callable[..., tuple[Draft, Policy]], confirm: Confirm, trademark: Right
) -> None:
    draft, rules = drafted("dsa_host", "https://shop.example/p/{}", trademark, host_contact="dsa@host.example")
    text = to_text(letter(draft, confirm(draft), rules))
    assert draft.explanation in text  # (a) explanation
    assert "https://shop.example/p/2" in text  # (b) location
    assert "Name: Ada Vale" in text  # (c) name and e-mail
    assert "E-mail: rights@adavale.example" in text
    assert "I confirm my bona fide belief that the information and allegations" in text  # (d)
    assert "Article 16(4) and (5)" in text
    assert "perjury" not in text
    assert "DMCA" not in text


def test_no_word_of_a_listing_but_its_address_and_number_is_in_a_notice(
    drafted: Callable[..., tuple[Draft, Policy]], confirm: Confirm
) -> None:
    draft, rules = drafted("dmca_host", "https://shop.example/p/{}", host_contact="dmca@host.example")
    shouting = replace(
        draft, targets=tuple(replace(one, title="IGNORE ALL", seller_name="IGNORE ALL") for one in draft.targets)
    )
    assert "IGNORE" not in to_text(letter(shouting, confirm(shouting), rules))


def test_the_noci_is_a_plain_text_mail_with_item_numbers_first_and_nothing_attached(
    drafted: Callable[..., tuple[Draft, Policy]], confirm: Confirm, now: datetime
) -> None:
    draft, rules = drafted("ebay_vero", "https://www.ebay.com/itm/{}")
    mail = mail_of(export_pack(draft, confirm(draft), rules, now).files["notice.eml"])
    assert (mail["To"], mail.get_content_type()) == ("vero@ebay.com", "text/plain")
    assert "rights@adavale.example" in mail["From"]
    body = mail.get_content().replace("\r\n", "\n")
    assert body.startswith("Item number(s):\nL1\nL2\n")
    assert "Reason code:\n4.2\n" in body
    assert PERJURY in body
    assert body.rstrip().endswith("Signature:\nAda Vale")


def test_the_same_complaint_keeps_its_message_id_and_a_changed_one_gets_another(
    drafted: Callable[..., tuple[Draft, Policy]], confirm: Confirm, now: datetime
) -> None:
    draft, rules = drafted("dmca_host", "https://shop.example/p/{}", host_contact="dmca@host.example")
    changed = replace(draft, explanation=draft.explanation + " Today.")

    def message_id(one: Draft) -> str:
        return str(mail_of(export_pack(one, confirm(one), rules, now).files["notice.eml"])["Message-ID"])

    assert message_id(draft) == message_id(replace(draft))
    assert message_id(draft) != message_id(changed)
    assert message_id(draft).endswith("@adavale.example>")


def test_a_hosts_mail_carries_the_notice_and_a_report_for_programs_about_each_address(
    drafted: Callable[..., tuple[Draft, Policy]], confirm: Confirm, now: datetime
) -> None:
    draft, rules = drafted("dmca_host", "https://shop.example/p/{}", host_contact="dmca@host.example")
    pack = export_pack(draft, confirm(draft), rules, now)
    mail = mail_of(pack.files["notice.eml"])
    assert mail["To"] == "dmca@host.example"
    names = [str(part.get_filename()) for part in mail.iter_attachments()]
    assert names == ["notice.pdf", "xarf-0001.json", "xarf-0002.json"]
    report = json.loads(pack.files["xarf-0002.json"])
    assert report["category"] == report["type"] == "copyright"
    assert report["infringing_url"] == "https://shop.example/p/2"
    assert (report["rights_holder"], report["work_title"]) == ("Ada Vale", "Fox under the moon")
    assert report["original_url"] == "https://adavale.example/fox"
    assert report["timestamp"] == "2026-11-21T12:00:00Z"
    assert report["reporter"]["contact"] == "rights@adavale.example"
    assert pack.files == export_pack(draft, confirm(draft), rules, now).files


def test_a_report_for_programs_passes_the_schema_that_its_package_holds(
    drafted: Callable[..., tuple[Draft, Policy]], confirm: Confirm, now: datetime, artwork: Right, trademark: Right
) -> None:
    import xarf

    published = replace(trademark, first_publication=artwork.first_publication)
    for platform, right, kind in (("dmca_host", artwork, "copyright"), ("dsa_host", published, "brand_infringement")):
        draft, rules = drafted(platform, "https://shop.example/p/{}", right, host_contact="a@host.example")
        report = export_pack(draft, confirm(draft), rules, now).files["xarf-0001.json"]
        parsed = xarf.parse(report.decode())
        assert parsed.errors == []
        assert json.loads(report)["type"] == kind


def test_a_mail_to_a_host_waits_for_its_address(
    drafted: Callable[..., tuple[Draft, Policy]], confirm: Confirm, now: datetime
) -> None:
    for contact in ("", "the host", "a@b.example\r\nBcc: x@evil.example"):
        draft, rules = drafted("dmca_host", "https://shop.example/p/{}", host_contact=contact)
        with pytest.raises(NoticeRefused, match=r"reason_facts\.host_contact"):
            export_pack(draft, confirm(draft), rules, now)


def test_a_hostile_address_and_name_cannot_reach_the_mails_head(
    drafted: Callable[..., tuple[Draft, Policy]], confirm: Confirm, now: datetime
) -> None:
    draft, rules = drafted("ebay_vero", "https://www.ebay.com/itm/{}")
    hostile = replace(draft, targets=(replace(draft.targets[0], listing_id="1\r\nBcc: x@evil.example\r\n\r\n"),))
    mail = mail_of(export_pack(hostile, confirm(hostile), rules, now).files["notice.eml"])
    assert mail["Bcc"] is None
    assert sorted(mail.keys()) == sorted(
        ["From", "To", "Subject", "Date", "Message-ID", "Content-Type", "Content-Transfer-Encoding", "MIME-Version"]
    )


def pages_of(data: bytes) -> str:
    if shutil.which("pdftotext") is None:
        pytest.skip("no pdftotext (poppler-utils) here")
    return subprocess.run(
        ["pdftotext", "-layout", "-", "-"], input=data, capture_output=True, check=True
    ).stdout.decode()


def test_the_pages_say_what_the_text_says(drafted: Callable[..., tuple[Draft, Policy]], confirm: Confirm) -> None:
    draft, rules = drafted("dmca_host", "https://shop.example/p/{}", host_contact="dmca@host.example")
    notice = letter(draft, confirm(draft), rules)
    pages = to_pdf(notice)
    assert pages == to_pdf(notice)
    shown = " ".join(pages_of(pages).split())
    for section in notice.sections:
        assert section.heading in shown
        for words in (*section.paragraphs, *(address for _, address in section.addresses)):
            assert words in shown


@pytest.mark.soak  # every font is loaded
def test_the_pages_show_every_script_and_every_address(
    drafted: Callable[..., tuple[Draft, Policy]], confirm: Confirm
) -> None:
    draft, rules = drafted("dmca_host", "https://shop.example/p/{}", host_contact="dmca@host.example")
    worldly = replace(
        draft,
        work=replace(draft.work, title="狐狸徽章"),
        right=replace(draft.right, title="Лиса под луной", author="דבורה"),
        targets=(draft.targets[0], replace(draft.targets[1], listing_id="دبوس")),
    )
    notice = letter(worldly, confirm(worldly), rules)
    text = pages_of(to_pdf(notice))
    for word in ("狐狸徽章", "Лиса под луной", "https://shop.example/p/1", "https://shop.example/p/2", "/s/ Ada Vale"):
        assert word in text
    assert "⟨U+" not in text
