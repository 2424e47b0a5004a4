"""`search`: what can be looked for where, and what is said where it cannot."""

import asyncio
import json

import pytest
import typer
from typer.testing import CliRunner

from monitor.cli import options
from monitor.commands import searches
from monitor.commands.common import UsageProblem
from storage.database import Database, upgrade_schema
from storage.errors import NotFound, Refused
from storage.works import add_reference, add_work, set_owner
from tests.storage.making import NOW


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Runs ``search ...`` on a data folder; the parsed JSON of `list`, else None."""
    monkeypatch.setenv("BAZAARWATCH_DATA_DIR", str(tmp_path))
    app = typer.Typer()
    app.callback()(options)
    searches.register(app)

    def running(*arguments, **environ):
        result = CliRunner().invoke(app, ["search", *arguments], env=environ)
        if isinstance(result.exception, Exception):
            raise result.exception
        return json.loads(result.stdout) if "--json" in arguments else None

    return running


@pytest.fixture
def moth(tmp_path):
    """A work with two references; its id."""

    async def register():
        database = Database(f"sqlite+aiosqlite:///{tmp_path / 'bazaarwatch.db'}")
        await upgrade_schema(database)
        async with database.write("test") as session:
            owner = await set_owner(session, NOW, "test", "Mira", {})
            work = await add_work(session, NOW, "test", owner.id, "Luna Moth")
            for sha256 in ("a" * 64, "b" * 64):
                await add_reference(session, work.id, sha256, "moth.png", b"", NOW, "test")
        await database.close()
        return work.id

    with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
        return runner.run(register())


EBAY_KEY = {"BAZAARWATCH_MARKETPLACES__EBAY__CLIENT_ID": "id", "BAZAARWATCH_MARKETPLACES__EBAY__CLIENT_SECRET": "key"}
ETSY_KEY = {"BAZAARWATCH_MARKETPLACES__ETSY__KEYSTRING": "id", "BAZAARWATCH_MARKETPLACES__ETSY__SHARED_SECRET": "key"}


@pytest.mark.parametrize(
    ("arguments", "looks_for"),
    [
        (["ebay", "luna moth"], "luna moth"),
        (["ebay", "--seller", "shady_shop"], "seller shady_shop"),
        (["ebay", "moth", "--seller", "shady_shop"], "moth, seller shady_shop"),
        (["etsy", "moth"], "moth"),
        (["etsy", "--seller", "77"], "seller 77"),
        (["shopify", "moth", "--shop", "https://Shop.example/"], "moth at https://shop.example"),
        (["shopify", "--shop", "https://shop.example"], "everything at https://shop.example"),
        (["woocommerce", "moth", "--shop", "https://shop.example"], "moth at https://shop.example"),
        (["demo-bazaar", "pin", "--shop", "http://127.0.0.1:8765"], "pin at http://127.0.0.1:8765"),
        (["demo-bazaar", "--seller", "s1", "--shop", "http://127.0.0.1:8765"], "seller s1 at http://127.0.0.1:8765"),
        (
            ["generic-jsonld", "moth", "--shop", "https://shop.example/find?q={keyword}"],
            "moth at https://shop.example/find?q={keyword}",
        ),
        (["generic-jsonld", "--shop", "https://shop.example/new"], "everything at https://shop.example/new"),
    ],
)
def test_a_search_is_added_and_listed_by_what_it_looks_for(run, arguments, looks_for):
    run("add", *arguments, **ETSY_KEY)
    (search,) = run("list", "--json")
    assert (search["marketplace"], search["looks_for"]) == (arguments[0], looks_for)


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["nowhere", "moth"], "no marketplace 'nowhere'"),
        (["ebay"], "say what to look for"),
        (["etsy", "moth"], "marketplaces.etsy.keystring"),
        (["shopify", "moth"], "--shop https://shop.example"),
        (["woocommerce", "moth"], "--shop https://shop.example"),
        (["demo-bazaar", "pin"], "--shop http://127.0.0.1"),
        (["vinted", "moth"], "answers its own pages only"),
        (["mercari-jp", "moth"], "answers its own pages only"),
        (["taobao", "moth"], "use `import`"),
        (["wildberries", "--seller", "5"], "by seller"),
        (["ebay", "moth", "--shop", "https://shop.example"], "on its own hosts"),
        (["shopify", "moth", "--shop", "ftp://shop.example"], "only http and https"),
        (["shopify", "moth", "--shop", "https://user:x@shop.example"], "user name"),
        (["shopify", "moth", "--shop", "https://shop.example/collections/new"], "is a page"),
        (["shopify", "--seller", "x", "--shop", "https://shop.example"], "by seller"),
        (["generic-jsonld", "moth", "--shop", "https://shop.example/find"], "by keyword"),
    ],
)
def test_what_a_site_cannot_do_is_said_when_the_search_is_added(run, arguments, why):
    with pytest.raises(UsageProblem) as raised:
        run("add", *arguments)
    assert why in str(raised.value)
    assert run("list", "--json") == []


def test_a_works_pictures_are_looked_for_one_by_one(run, moth):
    run("add", "ebay", "--picture", "Luna Moth", **EBAY_KEY)
    assert [one["looks_for"] for one in run("list", "--json")] == [
        f"pictures like Luna Moth ({sign * 8})" for sign in "ab"
    ]
    with pytest.raises(Refused, match="already looks for"):
        run("add", "ebay", "--picture", str(moth), **EBAY_KEY)


@pytest.mark.parametrize(
    ("arguments", "environ", "why"),
    [
        (["ebay"], {}, "marketplaces.ebay.client_id"),
        (["etsy"], ETSY_KEY, "knows no pictures"),
        (["amazon"], {}, "by picture"),
        (["ebay", "moth"], EBAY_KEY, "leave out the keyword"),
    ],
)
def test_a_picture_is_looked_for_only_where_the_site_can(run, moth, arguments, environ, why):
    with pytest.raises(UsageProblem) as raised:
        run("add", *arguments, "--picture", str(moth), **environ)
    assert why in str(raised.value)


def test_a_picture_of_a_work_that_does_not_exist_is_refused(run, moth):
    with pytest.raises(NotFound, match="works list"):
        run("add", "ebay", "--picture", "No Such Work", **EBAY_KEY)
