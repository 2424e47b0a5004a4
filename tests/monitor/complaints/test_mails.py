"""Mails of platforms and of anybody: what is recognised, and that nothing in one breaks the reader."""

from __future__ import annotations

import base64
import quopri
from datetime import UTC, datetime
from email.header import Header

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.complaints.mails import Kind, MailText, Patterns, Phrases, Senders, patterns, read_mail, recognise
from monitor.complaints.packs import platforms

HEAD = b"From: IPP <ipr@service.alibaba.com>\r\nTo: m@example.org\r\nMessage-ID: <1@a>\r\n"
DATE = b"Date: Tue, 29 Sep 2026 18:30:00 +0800\r\n"


def plain(subject: str, body: str = "", sender: str = "ipr@service.alibaba.com") -> MailText:
    return read_mail(f"From: {sender}\nSubject: {subject}\n\n{body}".encode())


@pytest.mark.parametrize(
    ("subject", "kind"),
    [
        ("Your identity has been verified", Kind.IDENTITY_APPROVED),
        ("Identity verification failed", Kind.IDENTITY_DENIED),
        ("Your IPR has been approved", Kind.RIGHT_APPROVED),
        ("The IPR was not approved", Kind.RIGHT_DENIED),
        ("We have received your complaint CMP-1", Kind.RECEIVED),
        ("Please upload an Authentication Report", Kind.REPORT_WANTED),
        ("Additional information is required", Kind.INFORMATION_WANTED),
        ("Counter-notice received for CMP-1", Kind.COUNTER_NOTICE),
        ("卖家已提交反通知", Kind.COUNTER_NOTICE),
        ("The listings have been removed", Kind.REMOVED),
        ("Your complaint was rejected", Kind.REJECTED),
        ("The listing has been reinstated", Kind.REINSTATED),
        ("Your identity has been approved", Kind.IDENTITY_APPROVED),
        ("Your identity verification was rejected", Kind.IDENTITY_DENIED),
        ("Your IPR was rejected", Kind.RIGHT_DENIED),
        ("Listing removed", Kind.REMOVED),
        ("The reported item was not removed", Kind.REJECTED),
        ("Your complaint CMP-8 was rejected", Kind.REJECTED),
        ("The listing 1005006 (case 77/2026) has been removed", Kind.REMOVED),
        ("The listing 1005006 has not been removed", Kind.REJECTED),
        ("Your IPR (No. UC-MOTH-1) has been approved", Kind.RIGHT_APPROVED),
    ],
)
def test_each_kind_of_mail_is_recognised_by_its_subject_or_its_text(subject: str, kind: Kind) -> None:
    assert recognise(plain(subject), patterns()).kind is kind
    assert recognise(plain("News from us", f"Dear holder,\n\n{subject}.\n"), patterns()).kind is kind
    assert recognise(plain(subject), patterns()).platforms == ("alibaba_ipp", "lazada")


def test_a_mail_from_elsewhere_or_of_two_meanings_waits() -> None:
    stranger = recognise(plain("Your IPR has been approved", sender="ipr@service.alibaba.com.evil.example"), patterns())
    assert (stranger.kind, stranger.platforms) == (None, ())
    assert "evil.example" in stranger.why
    double = recognise(plain("Counter-notice: your listing has been reinstated"), patterns())
    assert (double.kind, double.why) == (None, "could be counter notice or reinstated")
    assert recognise(plain("Happy new year"), patterns()).why == "none of the known phrases is in it"
    assert recognise(read_mail(bytes(range(256))), patterns()).why == "it names no sender"
    quoted = recognise(plain("Re: your question", "Hello.\n> We have received your complaint\n"), patterns())
    assert quoted.kind is None, "what is quoted was said by somebody else"
    older = recognise(plain("Fwd", "See below\n-----Original Message-----\nyour IPR has been approved\n"), patterns())
    assert older.kind is None


def test_every_sender_writes_for_a_platform_that_has_a_policy_pack() -> None:
    named = {platform for one in patterns().senders.values() for platform in one.platforms}
    assert named <= set(platforms())
    assert set(patterns().phrases) == set(Kind)
    for phrases in patterns().phrases.values():
        assert all(phrase == " ".join(phrase.split()).casefold() for phrase in (*phrases.any, *phrases.without))


def test_a_senders_own_phrases_go_before_the_common_ones() -> None:
    day = datetime(2026, 11, 21, tzinfo=UTC).date()
    own = Senders(
        domains=("a.example",),
        platforms=("p",),
        source="a test",
        read_on=day,
        confidence="seen",
        phrases={Kind.REMOVED: Phrases(any=("weg",))},
    )
    known = Patterns(senders={"a": own}, phrases={Kind.REMOVED: Phrases(any=("gone",))})
    assert recognise(plain("Angebot weg", sender="x@mail.a.example"), known).kind is Kind.REMOVED
    assert recognise(plain("gone", sender="x@a.example"), known).kind is None


def test_encoded_headers_and_bodies_are_read() -> None:
    subject = Header("通知：卖家已提交反通知", "gb18030").encode().encode()
    body = base64.encodebytes("投诉编号 CMP-20260929-7 商品 1005001234567890".encode("gb18030"))
    data = HEAD + DATE + b"Subject: " + subject
    data += b"\r\nContent-Type: text/plain; charset=gb18030\r\nContent-Transfer-Encoding: base64\r\n\r\n" + body
    mail = read_mail(data)
    assert mail.subject == "通知：卖家已提交反通知"
    assert {"CMP-20260929-7", "1005001234567890"} <= mail.numbers
    assert (mail.domain, mail.message_id) == ("service.alibaba.com", "<1@a>")
    assert mail.sent_at == datetime(2026, 9, 29, 10, 30, tzinfo=UTC)
    html = quopri.encodestring(b"<p>Your <b>IPR has</b> been approved&nbsp;&#33; https://a.example/i?x=1&amp;y=2</p>")
    html_mail = HEAD + b"Content-Type: text/html\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n" + html
    assert recognise(read_mail(html_mail), patterns()).kind is Kind.RIGHT_APPROVED
    assert read_mail(html_mail).addresses == {"https://a.example/i?x=1&y=2"}


def test_our_own_numbers_are_found_as_words_alone() -> None:
    assert plain("Re: C-17 and (C-4)", "see ABC-18, C-1x, XC-3").our_numbers == {17, 4}


@pytest.mark.parametrize(
    ("results", "vouched"),
    [
        ("mx.example.org; dkim=pass header.d=alibaba.com; spf=pass", True),
        ("mx.example.org; dmarc=pass header.from=service.alibaba.com", True),
        ("mx.example.org; dkim=pass header.i=@service.alibaba.com", True),
        ("mx.example.org; dkim=pass header.d=evil.example", False),
        ("mx.example.org; dkim=fail header.d=alibaba.com; dmarc=fail", False),
        ("mx.evil.example; dmarc=pass", False),
        ("mx.example.org.evil.example; dmarc=pass", False),
        ("", False),
    ],
)
def test_only_the_operators_own_server_vouches_for_a_sender(results: str, vouched: bool) -> None:
    header = f"Authentication-Results: {results}\r\n".encode() if results else b""
    assert read_mail(header + HEAD + b"\r\n", "mx.example.org").vouched is vouched
    assert not read_mail(header + HEAD + b"\r\n").vouched
    forged = b"Authentication-Results: mx.example.org; dmarc=fail\r\n" + header
    assert not read_mail(forged + HEAD + b"\r\n", "mx.example.org").vouched, "the topmost one alone is believed"


def _nested(depth: int) -> bytes:
    data = b""
    for level in range(depth):
        data += f"Content-Type: multipart/mixed; boundary=b{level}\r\n\r\n--b{level}\r\n".encode()
    return HEAD + data


HOSTILE = {
    "nothing": b"",
    "noise": bytes(range(256)) * 40,
    "parts in parts": _nested(3000),
    "a few parts in parts": _nested(90),
    "a thousand parts": HEAD + b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n\r\nx\r\n" * 2000,
    "an unknown charset": HEAD + b"Content-Type: text/plain; charset=klingon\r\n\r\n\xff\xfe",
    "no base64": HEAD + b"Content-Transfer-Encoding: base64\r\n\r\n!!!!",
    "a long header": HEAD + b"Subject: " + b"=?utf-8?q?a?= " * 50_000 + b"\r\n\r\n",
    "a header of no charset": HEAD + b"Subject: =?x-none?b?////?=\r\n\r\n",
    "a date that is none": HEAD + b"Date: Mon, 99 Foo 99999999999 25:61:61 +9999\r\n\r\n",
    "a date before all dates": HEAD + b"Date: Mon, 01 Jan 0001 00:00:00 +2359\r\n\r\n",
    "two senders": b"From: a@alibaba.com, b@evil.example\r\nFrom: c@evil.example\r\n\r\n",
    "a sender in a sender": b'From: "ipr@alibaba.com" <x@evil.example>\r\n\r\n',
    "an open tag": HEAD + b"Content-Type: text/html\r\n\r\n" + b"<" * 200_000,
    "endless lines": HEAD + b"\r\n" + b"a" * 500_000,
    "a digit desert": HEAD + b"\r\n" + b"1-" * 100_000,
    "a quoted charset": HEAD + b"Content-Type: text/plain; charset*=utf-8''x%00y\r\n\r\nx",
    "NUL": HEAD + b"Subject: a\x00b\r\n\r\n\x00",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_no_mail_breaks_its_reader_or_passes_for_a_known_senders(name: str) -> None:
    mail = read_mail(HOSTILE[name], "mx.example.org")
    assert MailText.from_wire(mail.to_wire()) == mail
    assert not mail.vouched
    assert len(mail.subject) <= 1000
    assert len(mail.text) <= 200_000
    assert len(mail.numbers) <= 2000
    found = recognise(mail, patterns())
    assert found.kind is None


@given(st.binary(max_size=2000))
def test_any_bytes_are_read_as_a_mail(data: bytes) -> None:
    mail = read_mail(data, "mx")
    recognise(mail, patterns())
    assert mail.sent_at is None or mail.sent_at.tzinfo is not None


@given(st.text(max_size=200), st.text(max_size=500))
def test_any_text_is_read_as_a_subject_and_a_body(subject: str, body: str) -> None:
    mail = plain(subject, body)
    assert isinstance(mail.subject, str)
    assert mail.our_numbers >= set()
