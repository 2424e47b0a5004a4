import base64
import email
import email.policy
import ssl
import subprocess
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from config.settings import MailSettings
from monitor.digest import Digest, InlinePicture
from monitor.notifiers.errors import MailFailed
from monitor.notifiers.mail import compose_mail, send_mail
from tests.monitor.notifiers.smtp import SmtpServer, serving

DIGEST = Digest(
    key="digest-3",
    at=datetime(2026, 11, 21, 12, 0, tzinfo=UTC),
    subject="Bazaarwatch: 1 alert to look at ⟨U+202E⟩",
    text="Bazaarwatch digest\n.a line that begins with a dot\n" + "ü" * 2_000 + "\n",
    html="<p>file</p>",
    mail_html='<p>1 alert <img src="cid:a@bazaarwatch" alt=""></p>',
    pictures=(InlinePicture("a@bazaarwatch", "jpeg", b"\xff\xd8\xff" + bytes(range(256))),),
)


@pytest.fixture
async def smtp() -> AsyncIterator[SmtpServer]:
    async with serving(SmtpServer()) as server:
        yield server


@pytest.fixture
def settings_for() -> Callable[..., MailSettings]:
    def make(server: SmtpServer, **others: Any) -> MailSettings:
        known: dict[str, Any] = {
            "host": "127.0.0.1",
            "port": server.port,
            "username": "",
            "password": SecretStr(""),
            "sender": "watch@adavale.example",
            "recipients": ("ada@adavale.example", "bo@adavale.example"),
            "tls": "none",
        }
        return MailSettings(**known | others)

    return make


SettingsFor = Callable[..., MailSettings]


def parsed(data: bytes) -> EmailMessage:
    message = email.message_from_bytes(data, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    return message


async def test_a_digest_arrives_whole_text_first_with_its_pictures_inside(
    smtp: SmtpServer, settings_for: SettingsFor
) -> None:
    settings = settings_for(smtp)
    await send_mail(compose_mail(DIGEST, settings), settings)
    recipients = [command for command in smtp.commands if command.startswith("RCPT")]
    assert recipients == ["RCPT TO:<ada@adavale.example>", "RCPT TO:<bo@adavale.example>"]
    message = parsed(smtp.messages[0])
    assert message["Subject"] == DIGEST.subject
    assert message["From"] == "Bazaarwatch <watch@adavale.example>"
    assert message["To"] == "ada@adavale.example, bo@adavale.example"
    assert [part.get_content_type() for part in message.walk()] == [
        "multipart/alternative",
        "text/plain",
        "multipart/related",
        "text/html",
        "image/jpeg",
    ]
    text, html = message.get_body(("plain",)), message.get_body(("html",))
    assert text is not None
    assert html is not None
    assert text.get_content().replace("\r\n", "\n") == DIGEST.text
    assert html.get_content().strip() == DIGEST.mail_html
    picture = next(part for part in message.walk() if part.get_content_type() == "image/jpeg")
    assert picture["Content-ID"] == "<a@bazaarwatch>"
    assert picture["Content-Disposition"].startswith("inline")
    assert picture.get_content() == DIGEST.pictures[0].data


def test_the_message_id_comes_from_the_digests_key(settings_for: SettingsFor) -> None:
    settings = settings_for(SmtpServer(), port=25)
    one, again = compose_mail(DIGEST, settings), compose_mail(DIGEST, settings)
    assert one["Message-ID"] == again["Message-ID"] == "<2b4f6d09056a6dff68c83c007c5657fa@adavale.example>"
    other = Digest("digest-4", DIGEST.at, "s", "t", "h", "m", ())
    assert compose_mail(other, settings)["Message-ID"] != one["Message-ID"]


async def test_a_server_that_hangs_up_before_its_answer_gets_the_same_message_again(
    smtp: SmtpServer, settings_for: SettingsFor
) -> None:
    settings = settings_for(smtp)
    smtp.answers["."] = b""
    with pytest.raises(MailFailed) as failure:
        await send_mail(compose_mail(DIGEST, settings), settings)
    assert failure.value.temporary
    del smtp.answers["."]
    await send_mail(compose_mail(DIGEST, settings), settings)
    ids = [parsed(message)["Message-ID"] for message in smtp.messages]
    assert len(ids) == 2
    assert len(set(ids)) == 1


async def test_a_server_that_does_not_answer_is_given_up_in_time(settings_for: SettingsFor) -> None:
    async with serving(SmtpServer()) as server:
        server.answers["EHLO"] = b"250-"  # and nothing more
        settings = settings_for(server)
        with pytest.raises(MailFailed) as failure:
            await send_mail(compose_mail(DIGEST, settings), settings, timeout_s=0.2)
        assert failure.value.temporary


@pytest.mark.parametrize(
    ("command", "answer", "temporary"),
    [
        ("MAIL", b"451 later\r\n", True),
        ("MAIL", b"550 never\r\n", False),
        ("RCPT", b"452 later\r\n", True),
        ("RCPT", b"550 nobody\r\n", False),
        (".", b"554 spam\r\n", False),
        (".", b"451 later\r\n", True),
    ],
)
async def test_a_refusal_says_whether_trying_again_may_help(
    smtp: SmtpServer, settings_for: SettingsFor, command: str, answer: bytes, temporary: bool
) -> None:
    settings = settings_for(smtp)
    smtp.answers[command] = answer
    with pytest.raises(MailFailed) as failure:
        await send_mail(compose_mail(DIGEST, settings), settings)
    assert failure.value.temporary is temporary
    assert answer.decode().strip()[4:] in str(failure.value)


async def test_one_refused_recipient_does_not_keep_it_from_the_others(
    smtp: SmtpServer, settings_for: SettingsFor, caplog: pytest.LogCaptureFixture
) -> None:
    settings = settings_for(smtp)
    smtp.answers["RCPT TO:<bo@"] = b"550 nobody\r\n"
    await send_mail(compose_mail(DIGEST, settings), settings)
    assert len(smtp.messages) == 1
    assert [record.message for record in caplog.records if record.levelname == "WARNING"] == ["recipient refused"]


async def test_no_server_at_all_may_be_there_later(settings_for: SettingsFor) -> None:
    async with serving(SmtpServer()) as server:
        settings = settings_for(server)
    with pytest.raises(MailFailed, match=f"127.0.0.1:{settings.port}") as failure:
        await send_mail(compose_mail(DIGEST, settings), settings)
    assert failure.value.temporary


@pytest.mark.parametrize(
    ("wrong", "setting"),
    [
        ({"host": ""}, "mail.host"),
        ({"recipients": ()}, "mail.recipients"),
        ({"recipients": ("ada",)}, "mail.recipients"),
        ({"recipients": ("ada@adavale.example\r\nBcc: eve@evil.example",)}, "mail.recipients"),
        ({"sender": ""}, "mail.sender"),
    ],
)
def test_a_wrong_setting_is_refused_by_name(settings_for: SettingsFor, wrong: dict[str, Any], setting: str) -> None:
    with pytest.raises(MailFailed, match=setting):
        compose_mail(DIGEST, settings_for(SmtpServer(), port=25, **wrong))


# TLS


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 that nobody but this test trusts, and its key."""
    folder = tmp_path_factory.mktemp("certificate")
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    command += ["-keyout", "key.pem", "-out", "cert.pem", "-days", "2", "-subj", "/CN=127.0.0.1"]
    command += ["-addext", "subjectAltName=IP:127.0.0.1"]
    try:
        subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=60)
    except FileNotFoundError:
        pytest.skip("openssl is not there to make a certificate")
    return folder / "cert.pem", folder / "key.pem"


@pytest.fixture
def server_tls(certificate: tuple[Path, Path]) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    return context


@pytest.mark.parametrize("tls", ["starttls", "tls"])
async def test_the_password_travels_encrypted_to_a_server_that_proves_its_name(
    settings_for: SettingsFor,
    server_tls: ssl.SSLContext,
    certificate: tuple[Path, Path],
    monkeypatch: pytest.MonkeyPatch,
    tls: str,
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
    async with serving(SmtpServer(server_tls), server_tls if tls == "tls" else None) as server:
        settings = settings_for(server, tls=tls, username="ada", password=SecretStr("geheim"))
        await send_mail(compose_mail(DIGEST, settings), settings)
    login = f"AUTH PLAIN {base64.b64encode(bytes([0]) + b'ada' + bytes([0]) + b'geheim').decode()}"
    assert login in server.commands
    assert tls == "tls" or server.commands.index("STARTTLS") < server.commands.index(login)
    assert len(server.messages) == 1


@pytest.mark.parametrize("tls", ["starttls", "tls"])
async def test_a_server_that_cannot_prove_its_name_gets_nothing(
    settings_for: SettingsFor, server_tls: ssl.SSLContext, tls: str
) -> None:
    async with serving(SmtpServer(server_tls), server_tls if tls == "tls" else None) as server:
        settings = settings_for(server, tls=tls, username="ada", password=SecretStr("geheim"))
        with pytest.raises(MailFailed, match=r"(?i)certificate"):
            await send_mail(compose_mail(DIGEST, settings), settings)
    assert server.messages == []
    assert not [command for command in server.commands if command.startswith(("AUTH", "MAIL"))]


async def test_a_server_without_starttls_gets_nothing(smtp: SmtpServer, settings_for: SettingsFor) -> None:
    settings = settings_for(smtp, tls="starttls")
    with pytest.raises(MailFailed):
        await send_mail(compose_mail(DIGEST, settings), settings)
    assert smtp.messages == []


async def test_a_password_never_leaves_this_machine_in_clear(settings_for: SettingsFor) -> None:
    settings = settings_for(SmtpServer(), port=25, host="mail.adavale.example", password=SecretStr("geheim"))
    with pytest.raises(MailFailed, match="starttls") as failure:
        await send_mail(compose_mail(DIGEST, settings), settings)
    assert "geheim" not in str(failure.value)
