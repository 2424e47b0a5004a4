"""The contact in the settings file: written for those who never opened it, everything else left as it is."""

import os
import stat
import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.contact import write_contact
from config.errors import ConfigError
from config.settings import load

_FILES = (
    "",
    "# mine\n[digest]\nrhythm_h = 12.0\n",
    "[fetch]\npace_s = 5.0  # slowly\n\n[digest]\nlimit = 9\n",
    '[fetch]\ncontact = ""\npace_s = 5.0\n',
    '[mail]\nsender = "[fetch]"\n\n[fetch] # how\nretries = 1\n',
)


@pytest.mark.parametrize("text", _FILES)
@given(contact=st.text("abc@.example:/\"'\\#", min_size=1, max_size=30))
def test_only_the_contact_changes(tmp_path_factory, text, contact):
    folder = tmp_path_factory.mktemp("data")
    (folder / "bazaarwatch.toml").write_text(text, "utf-8")
    file = write_contact(folder, contact)
    before = tomllib.loads(text)
    assert tomllib.loads(file.read_text("utf-8")) == before | {"fetch": before.get("fetch", {}) | {"contact": contact}}
    assert "# mine" not in text or "# mine" in file.read_text("utf-8")
    assert load(folder, {}).origin("fetch.contact") == str(file)


def test_a_new_file_is_for_its_owner_alone_to_read(tmp_path):
    file = write_contact(tmp_path / "new", "a@example.org")
    assert os.name == "nt" or stat.S_IMODE(file.stat().st_mode) == 0o600
    assert load(tmp_path / "new", {}).fetch.contact == "a@example.org"


@pytest.mark.parametrize("text", ['fetch.contact = ""\n', 'fetch = { contact = "" }\n', '[fetch]\n"contact" = ""\n'])
def test_what_is_written_otherwise_is_left_to_a_person(tmp_path, text):
    file = tmp_path / "bazaarwatch.toml"
    file.write_text(text, "utf-8")
    with pytest.raises(ConfigError, match="by hand"):
        write_contact(tmp_path, "a@example.org")
    assert file.read_text("utf-8") == text
