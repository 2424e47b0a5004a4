from __future__ import annotations

import tomllib
from importlib import resources
from pathlib import Path

import pytest

from config.errors import ConfigError
from config.settings import Settings, default_data_dir, load


def write(folder: Path, text: str) -> Path:
    (folder / "bazaarwatch.toml").write_text(text, "utf-8")
    return folder


def test_the_defaults_alone_are_a_complete_set_of_settings(tmp_path: Path) -> None:
    settings = load(tmp_path, {})
    assert settings.fetch.contact == ""
    assert settings.data_dir == tmp_path
    assert settings.embedded
    assert settings.database_url == f"sqlite+aiosqlite:///{tmp_path / 'bazaarwatch.db'}"


def test_the_file_overrides_the_defaults_and_the_environment_the_file(tmp_path: Path) -> None:
    write(tmp_path, '[fetch]\ncontact = "file@example.org"\npace_s = 7.0\n')
    settings = load(tmp_path, {"BAZAARWATCH_FETCH__CONTACT": "env@example.org"})
    assert settings.fetch.contact == "env@example.org"
    assert settings.fetch.pace_s == 7.0
    assert settings.fetch.retries == 2


def test_a_list_comes_from_the_environment_as_json(tmp_path: Path) -> None:
    settings = load(tmp_path, {"BAZAARWATCH_FETCH__OWN_ADDRESSES": '["127.0.0.1:8000"]'})
    assert settings.fetch.own_addresses == ("127.0.0.1:8000",)


def test_an_unknown_key_in_the_file_names_the_nearest_known_one(tmp_path: Path) -> None:
    write(tmp_path, "[fetch]\npase_s = 3\n")
    with pytest.raises(
        ConfigError, match=r"bazaarwatch\.toml: unknown key 'fetch\.pase_s'; did you mean 'fetch\.pace_s'"
    ):
        load(tmp_path, {})


def test_an_unknown_section_names_the_nearest_known_key(tmp_path: Path) -> None:
    write(tmp_path, "[fetsch]\npace_s = 3\n")
    with pytest.raises(ConfigError, match=r"did you mean 'fetch\.pace_s'"):
        load(tmp_path, {})


def test_an_unknown_variable_names_the_nearest_known_key(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"BAZAARWATCH_FETCH__CONTCT.*did you mean 'fetch\.contact'"):
        load(tmp_path, {"BAZAARWATCH_FETCH__CONTCT": "x"})


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("BAZAARWATCH_FETCH__PACE_S", "soon", "fetch.pace_s"),
        ("BAZAARWATCH_FETCH__PACE_S", "0.01", "fetch.pace_s"),
        ("BAZAARWATCH_FETCH__OWN_ADDRESSES", "not json", "fetch.own_addresses"),
        ("BAZAARWATCH_MAIL__TLS", "maybe", "mail.tls"),
    ],
)
def test_a_value_that_does_not_fit_is_refused_by_name(tmp_path: Path, name: str, value: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        load(tmp_path, {name: value})


def test_a_file_that_is_no_toml_is_refused_by_name(tmp_path: Path) -> None:
    write(tmp_path, "[fetch\n")
    with pytest.raises(ConfigError, match=r"bazaarwatch\.toml"):
        load(tmp_path, {})


def test_secrets_print_as_stars(tmp_path: Path) -> None:
    url = "postgresql+asyncpg://u:canary@h/d"
    settings = load(tmp_path, {"BAZAARWATCH_MAIL__PASSWORD": "canary", "BAZAARWATCH_DATABASE__URL": url})
    assert "canary" not in repr(settings)
    assert "canary" not in str(settings.model_dump(mode="json"))
    assert settings.database_url == url


def test_settings_cannot_be_changed_after_loading(tmp_path: Path) -> None:
    settings = load(tmp_path, {})
    with pytest.raises(ValueError, match="frozen"):
        settings.fetch.pace_s = 1.0  # type: ignore[misc]


def test_every_setting_has_a_default_and_every_default_is_a_setting() -> None:
    defaults = tomllib.loads((resources.files("config") / "defaults.toml").read_text("utf-8"))
    sections = {name: set(values) for name, values in defaults.items()}
    known = {
        name: set(field.annotation.model_fields)  # type: ignore[union-attr]
        for name, field in Settings.model_fields.items()
        if name != "data_dir"
    }
    assert sections == known


def test_the_process_environment_is_never_read_behind_the_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BAZAARWATCH_FETCH__CONTACT", "leak@example.org")
    monkeypatch.setenv("FETCH", '{"contact": "leak@example.org"}')
    assert load(tmp_path, {}).fetch.contact == ""


def test_the_data_folder_can_be_named_by_the_environment(tmp_path: Path) -> None:
    assert default_data_dir({"BAZAARWATCH_DATA_DIR": str(tmp_path)}) == tmp_path
    assert default_data_dir({}).name == "bazaarwatch"
