"""`owners`, `rights`, `accounts`, `readiness` and `vault` as a user meets them."""

import asyncio
import json
import logging
import shutil

import pytest
import typer
from typer.main import get_command
from typer.testing import CliRunner

from monitor.cli import options
from monitor.commands import accounts, digest, doctor, owners, rights, vault, works
from monitor.commands.common import UsageProblem
from monitor.errors import RightRefused, VaultError
from monitor.registry import vault as sealing
from storage.audit import entries
from storage.database import Database
from storage.errors import NotFound, Refused
from storage.works import add_work, set_owner
from tests.storage.making import NOW


@pytest.fixture(scope="module")
def program():
    """The commands, put together once: that takes longer than most of them."""
    app = typer.Typer()
    app.callback()(options)
    for module in (accounts, digest, doctor, owners, rights, vault, works):
        module.register(app)
    return get_command(app)


@pytest.fixture
def desk(tmp_path, sqlite_url, monkeypatch, program):
    """A data folder with a rights holder and two works; runs commands there and gives their output."""
    data = tmp_path / "data"
    data.mkdir()
    shutil.move(tmp_path / "database" / "bazaarwatch.db", data)
    monkeypatch.setattr("typer.testing._get_command", lambda program: program)  # it is put together already
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "home" / "config"))
    monkeypatch.setenv("BAZAARWATCH_DATA_DIR", str(data))
    monkeypatch.setitem(sealing._SCRYPT, "n", 2**10)  # how slow it is to guess a passphrase is not what is tested

    def run(*arguments, **environ):
        result = CliRunner().invoke(program, [str(one) for one in arguments], env=environ)
        if isinstance(result.exception, Exception):
            raise result.exception
        return json.loads(result.stdout) if "--json" in arguments else result.output

    async def begin():
        database = Database(f"sqlite+aiosqlite:///{data / 'bazaarwatch.db'}")
        async with database.write("test") as session:
            facts = {
                "email": "mira@example.org",
                "country": "DE",
                "address": "Canary Lane 1\nUlm",
                "phone": "+491234567",
            }
            owner = await set_owner(session, NOW, "test", "Mira Moss", facts)
            for title in ("Luna Moth", "Fox"):
                await add_work(session, NOW, "test", owner.id, title)
        await database.close()

    in_loop(begin())
    return run


def in_loop(coroutine):
    with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
        return runner.run(coroutine)


@pytest.fixture
def log(tmp_path):
    """The newest entries of the log: actor, action and facts."""

    def newest(count):
        async def ask():
            database = Database(f"sqlite+aiosqlite:///{tmp_path / 'data' / 'bazaarwatch.db'}")
            async with database.read() as session:
                found = await entries(session, count)
            await database.close()
            return [(one.action, one.facts) for one in found]

        return in_loop(ask())

    return newest


ARTWORK = ("rights", "add", "copyright_unregistered", "--work", "Luna Moth", "--published", "2024-05-01")
ARTWORK += ("--published-at", "my shop", "--published-url", "https://shop.example/moth")
MARK = ("rights", "add", "trademark", "--work", "Fox", "--title", "FOX", "--number", "5123456", "--office", "USPTO")
MARK += ("--jurisdiction", "us", "--expires", "2031-01-01", "--nice-class", "14", "--register", "principal")


def test_an_artists_unregistered_work_gets_a_number_and_states_who_made_it(desk):
    desk(*ARTWORK)
    with pytest.raises(Refused, match="already has the number"):
        desk(*ARTWORK)
    shown = desk("rights", "show", "1", "--json")
    assert shown["claim_number"].startswith("UC-")
    assert (shown["author"], shown["ownership_basis"], shown["works"]) == ("Mira Moss", "author", ["Luna Moth"])
    assert shown["first_publication"]["url"] == "https://shop.example/moth"
    assert shown["incomplete"] == []


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (
            ("rights", "add", "trademark", "--work", "Fox", "--number", "N/A"),
            ["number: 'N/A' is no number", "nice_classes"],
        ),
        (("rights", "add", "copyright_unregistered", "--work", "Fox"), ["first_publication"]),
        (("rights", "add", "copyright_unregistered", "--work", "Fox", "--published-at", "shop"), ["--published"]),
        ((*MARK, "--jurisdiction", "DE"), ["a title of USPTO holds in US alone"]),
    ],
)
def test_a_right_that_lacks_something_is_refused_naming_each_field(desk, arguments, named):
    with pytest.raises(RightRefused) as caught:
        desk(*arguments)
    assert all(one in str(caught.value) for one in named), caught.value


def test_a_day_to_come_is_no_first_publication_and_a_right_that_has_ended_says_so(desk):
    with pytest.raises(RightRefused, match="first_publication: 2999-05-01 is in the future"):
        desk(*ARTWORK, "--published", "2999-05-01")
    assert "no complaint leaves on it" in desk(*MARK, "--expires", "2020-01-01")
    assert desk("rights", "add", "publicity", "--work", "Fox").strip() == "right 2 added"


def test_an_edited_right_keeps_the_rest_and_the_log_says_what_was_there(desk, log):
    desk(*MARK)
    desk("rights", "edit", "1", "--expires", "2041-01-01", "--work", "Fox", "--work", "Luna Moth", "--why", "renewed")
    shown = desk("rights", "show", "1", "--json")
    assert (shown["expires_on"], shown["number"], shown["nice_classes"]) == ("2041-01-01", "5123456", [14])
    assert shown["works"] == ["Luna Moth", "Fox"]
    ((action, facts),) = log(1)
    assert (action, facts["why"]) == ("right edited", "renewed")
    assert facts["before"] == {"expires_on": "2031-01-01", "works": [2]}
    assert facts["after"] == {"expires_on": "2041-01-01", "works": [1, 2]}
    with pytest.raises(RightRefused, match="number"):
        desk("rights", "edit", "1", "--number", "pending")
    desk(*ARTWORK)
    desk("rights", "edit", "2", "--published", "2023-02-01")
    assert desk("rights", "show", "2", "--json")["first_publication"] == {
        "on": "2023-02-01",
        "place": "my shop",
        "url": "https://shop.example/moth",
    }


def test_the_list_says_which_rights_end_soon(desk):
    desk(*MARK, "--expires", "2020-01-01")
    (listed,) = desk("rights", "list", "--json")
    assert listed["ending"].startswith("ended ")
    assert "no complaint leaves on it" in desk("doctor")
    desk("rights", "edit", "1", "--expires", "2999-01-01")
    assert desk("rights", "list", "--json")[0]["ending"] == ""


def test_an_artist_is_led_from_the_account_to_the_approved_right(desk):
    desk(*ARTWORK)

    def steps():
        (one,) = desk("readiness", "--platform", "alibaba_ipp", "--json")
        return {step["name"]: step["progress"] for step in one["steps"]}, one

    progress, one = steps()
    assert (one["state"], one["next"]) == ("none", "right's papers")
    assert progress["right"] == progress["account"] == "later"
    assert "claim statement" in one["steps"][1]["text"]
    desk("accounts", "add", "alibaba_ipp")
    desk("accounts", "identity", "alibaba_ipp", "pending")
    progress, one = steps()
    assert (progress["identity"], progress["right"]) == ("waiting", "later")
    waiting = next(step for step in one["steps"] if step["name"] == "identity")
    assert "3 working days" in waiting["usually"]
    assert waiting["until"] > "2026"
    with pytest.raises(Refused, match="accounts identity alibaba_ipp approved"):
        desk("rights", "state", "1", "alibaba_ipp", "approved")
    desk("accounts", "identity", "alibaba_ipp", "approved", "--why", "their mail")
    desk("rights", "state", "1", "alibaba_ipp", "pending")
    progress, one = steps()
    assert (one["state"], progress["right"], progress["right's papers"]) == ("pending", "waiting", "done")
    with pytest.raises(UsageProblem, match="--why"):
        desk("rights", "state", "1", "alibaba_ipp", "denied")
    desk("rights", "state", "1", "alibaba_ipp", "denied", "--why", "the scan is not readable")
    progress, one = steps()
    assert (one["state"], one["note"]) == ("denied", "the scan is not readable")
    desk("rights", "state", "1", "alibaba_ipp", "approved")
    progress, one = steps()
    assert (one["state"], one["next"], set(progress.values())) == ("approved", None, {"done"})
    assert desk("rights", "list", "--json")[0]["approval"] == {"alibaba_ipp": "approved"}
    assert "right 1 (Luna Moth) at alibaba_ipp, account 'main': approved" in desk("readiness")


def test_words_that_are_no_states_and_places_that_are_no_platforms_are_named(desk):
    desk(*ARTWORK)
    with pytest.raises(UsageProblem, match="known: none, pending, approved, denied"):
        desk("rights", "state", "1", "alibaba_ipp", "fine")
    with pytest.raises(UsageProblem, match="known: alibaba_ipp"):
        desk("rights", "state", "1", "nowhere", "approved")
    with pytest.raises(UsageProblem, match="no complaint platform 'nowhere'"):
        desk("readiness", "--platform", "nowhere")
    with pytest.raises(NotFound, match="accounts add"):
        desk("accounts", "identity", "alibaba_ipp", "approved")
    with pytest.raises(UsageProblem, match="--why"):
        desk("accounts", "identity", "alibaba_ipp", "denied")
    assert desk("readiness", "--json") == []


def test_an_agents_account_shows_that_a_power_of_attorney_is_missing(desk, tmp_path):
    desk(*ARTWORK)
    desk("accounts", "add", "alibaba_ipp", "--agent", "--account", "agency")

    def authorisation():
        (one,) = desk("readiness", "--json")
        return next(step for step in one["steps"] if step["name"] == "authorisation")

    assert authorisation()["progress"] != "done"
    assert "needs a power of attorney of Mira Moss" in authorisation()["text"]
    power = tmp_path / "power.pdf"
    power.write_bytes(b"%PDF-power")
    desk("vault", "init")
    given = ("vault", "add", "power_of_attorney", power, "--grantee", "Guard Ltd.", "--platform", "lazada")
    desk(*given, "--valid-to", "2999-12-31")
    with pytest.raises(Refused, match="vault remove 1"):
        desk(*given, "--valid-to", "2998-12-31")
    with pytest.raises(UsageProblem, match="no complaint platform 'aliexpres'"):
        desk(*given[:-1], "aliexpres", "--valid-to", "2999-12-31")
    (paper,) = desk("vault", "list", "--json")
    assert (paper["grantee"], paper["platforms"], paper["valid_to"]) == ("Guard Ltd.", ["alibaba_ipp"], "2999-12-31")
    assert authorisation()["progress"] == "done"
    (listed,) = desk("accounts", "list", "--json")
    assert (listed["owner"], listed["role"], listed["identity"]) == ("every one", "agent", "none")


def test_a_suspended_account_says_so_until_it_is_opened_again(desk, log):
    desk("accounts", "add", "alibaba_ipp")
    desk("accounts", "suspend", "alibaba_ipp", "--why", "too many counter-notices")
    assert desk("accounts", "list", "--json")[0]["suspended"] == "too many counter-notices"
    desk("accounts", "reopen", "alibaba_ipp")
    assert desk("accounts", "list", "--json")[0]["suspended"] == ""
    assert [action for action, _ in log(2)] == ["account opened", "account suspended"]


def test_an_owner_is_added_shown_and_renamed_with_nothing_private_in_the_log(desk, log):
    desk("owners", "add", "Ben & Co.", "--email", "ben@example.org", "--country", "gb", "--company")
    with pytest.raises(UsageProblem, match="the United Kingdom is GB"):
        desk("owners", "edit", "Ben & Co.", "--country", "UK")
    desk(
        "owners", "edit", "Ben & Co.", "--rename", "Ben Ltd.", "--address", "Secret Road 5;Leeds", "--why", "new papers"
    )
    ((_, facts),) = log(1)
    assert facts == {
        "why": "new papers",
        "before": {"name": "Ben & Co."},
        "after": {"name": "Ben Ltd."},
        "private": ["address"],
    }
    with pytest.raises(Refused, match="another rights holder"):
        desk("owners", "edit", "Ben Ltd.", "--rename", "Mira Moss")
    listed = desk("owners", "list", "--json")
    assert [(row["name"], row["kind"], row["country"], row["rights"]) for row in listed] == [
        ("Mira Moss", "person", "DE", 0),
        ("Ben Ltd.", "company", "GB", 0),
    ]
    assert desk("owners", "show", "Ben Ltd.", "--json")["address"] == ["Secret Road 5", "Leeds"]


def test_the_vault_is_made_filled_read_rekeyed_and_emptied_by_commands(desk, tmp_path):
    paper = tmp_path / "passport.png"
    paper.write_bytes(b"canary")
    with pytest.raises(NotFound, match="vault init"):
        desk("vault", "add", "identity", paper)
    assert "back it up" in desk("vault", "init", "--key-file", tmp_path / "first.key")
    desk("vault", "add", "identity", paper)
    assert "in the vault already" in desk("vault", "add", "identity", paper)
    (listed,) = desk("vault", "list", "--json")
    assert (listed["kind"], listed["name"], listed["owner"]) == ("identity", "passport.png", "Mira Moss")
    assert "opens nothing any more" in desk("vault", "rekey", "--key-file", tmp_path / "second.key")
    (tmp_path / "first.key").unlink()
    desk("vault", "export", "1", tmp_path / "out.png", "--why", "the portal")
    assert (tmp_path / "out.png").read_bytes() == b"canary"
    environ = {"BAZAARWATCH_VAULT__PASSPHRASE": "moths fly to the moon"}
    desk("vault", "rekey", "--passphrase", **environ)
    assert desk("vault", "list", "--json")[0]["name"] is None
    assert desk("vault", "list", "--json", **environ)[0]["name"] == "passport.png"
    with pytest.raises(UsageProblem, match="BAZAARWATCH_VAULT__PASSPHRASE"):
        desk("vault", "export", "1", tmp_path / "again.png")
    with pytest.raises(VaultError, match="does not open"):
        desk("vault", "export", "1", tmp_path / "again.png", BAZAARWATCH_VAULT__PASSPHRASE="another sentence")
    with pytest.raises(UsageProblem, match="not both"):
        desk("vault", "rekey", "--passphrase", "--key-file", tmp_path / "third.key", **environ)
    desk("vault", "remove", "1", "--why", "no longer needed")
    assert desk("vault", "list", "--json") == []


def test_no_paper_or_address_is_in_logs_lists_or_digests(desk, tmp_path, caplog):
    paper = tmp_path / "canary-passport.png"
    paper.write_bytes(b"canary-content")
    with caplog.at_level(logging.DEBUG):
        said = [desk("vault", "init"), desk("vault", "add", "identity", paper), desk(*ARTWORK)]
        for arguments in (("rights", "list"), ("owners", "list"), ("doctor",), ("digest",), ("readiness",)):
            said.append(desk(*arguments))
    assert "canary" not in "".join(said).lower().replace("canary-passport.png is in", "")
    assert "canary" not in caplog.text.lower()
    for file in (tmp_path / "data").rglob("*"):
        if file.is_file() and "bazaarwatch.db" not in file.name:  # the table of owners holds the address
            assert b"canary" not in file.read_bytes().lower(), file


def test_the_claim_statement_is_written_for_an_unregistered_work_alone(desk, tmp_path):
    desk(*ARTWORK)
    desk(*MARK)
    desk("rights", "statement", "1", tmp_path / "statement.pdf")
    assert (tmp_path / "statement.pdf").read_bytes().startswith(b"%PDF-")
    with pytest.raises(Refused, match="its certificate proves it"):
        desk("rights", "statement", "2", tmp_path / "other.pdf")


def test_dated_proofs_of_publication_are_kept_and_the_earliest_comes_first(desk, tmp_path):
    desk(*ARTWORK)
    page = tmp_path / "post.html"
    page.write_text("<p>my moth</p>")
    prove = ("works", "prove", "Luna Moth", "--at", "a magazine", "--on", "2023-02-01")
    assert "kept" in desk(*prove, "--file", page)
    assert "already" in desk(*prove, "--file", page)
    assert desk("rights", "show", "1", "--json")["proofs"] == [
        "2023-02-01: post.html",
        "2024-05-01: https://shop.example/moth",
    ]
    with pytest.raises(UsageProblem, match="--url or --file"):
        desk(*prove)
    with pytest.raises(UsageProblem, match="no plain http"):
        desk(*prove, "--url", "javascript:alert(1)")
    assert "stored files: 1 present" in desk("doctor", "--deep")


def test_works_come_from_a_folder_and_a_dry_run_registers_nothing(desk, tmp_path):
    (tmp_path / "designs" / "Owl").mkdir(parents=True)
    (tmp_path / "designs" / "Owl" / "front.png").write_bytes(b"no picture")
    rows = desk("works", "intake", tmp_path / "designs", "--dry-run", "--json")
    assert [(row["what"], row["work"]) for row in rows] == [("would be added", "Owl")]
    (tmp_path / "notes.txt").write_text("nothing")
    (tmp_path / "empty").mkdir()
    for path, says in ((tmp_path / "notes.txt", "no folder and no table"), (tmp_path / "empty", "nothing to register")):
        with pytest.raises(UsageProblem, match=says):
            desk("works", "intake", path)
    with pytest.raises(UsageProblem, match="no address and no file"):
        desk("works", "from-shop", "myshop")
    with pytest.raises(UsageProblem, match="none of shopify"):
        desk("works", "from-shop", "https://shop.example", "--marketplace", "ebay")
