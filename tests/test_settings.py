"""Settings are read by one reader, checked at the start, and every wrong one gets its sentence."""

from __future__ import annotations

import os
import socket
from typing import Any

import pytest

from playground import network, settings
from playground.settings import SettingError, read
from playground.ui import serve
from playground.ui.serve import listening_at, url_host

VARIABLES = [field.alias for field in settings.Settings.model_fields.values()]


@pytest.fixture(autouse=True)
def _nothing_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*VARIABLES, *network.PROXIES, "NO_PROXY", "no_proxy", "SSL_CERT_FILE"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize("value", ["false", "False", "NO", "off", "0", "", " ", "n", "f", " false "])
@pytest.mark.parametrize(("variable", "name"), [
    ("PLAYGROUND_PUBLIC", "is_public"), ("PLAYGROUND_ALLOW_HUB", "allow_hub"), ("GRADIO_SHARE", "share"),
    ("SPACES_ZERO_GPU", "zero_gpu"),
])  # fmt: skip
def test_a_no_is_a_no_however_it_is_said(monkeypatch: pytest.MonkeyPatch, variable: str, name: str, value: str) -> None:
    monkeypatch.setenv("SPACE_ID", "me/space")  # which is public unless somebody says that it is not
    monkeypatch.setenv(variable, value)
    assert getattr(read(), name) is False


@pytest.mark.parametrize("value", ["1", "true", "TRUE", "yes", "on", " y "])
def test_a_yes_is_a_yes(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    for variable in ("PLAYGROUND_PUBLIC", "PLAYGROUND_ALLOW_HUB", "GRADIO_SHARE"):
        monkeypatch.setenv(variable, value)
    found = read()
    assert found.is_public and found.allow_hub and found.share


def test_settings_have_defaults_and_are_frozen(monkeypatch: pytest.MonkeyPatch) -> None:
    found = read()
    assert (found.host, found.port, found.model, found.queue) == ("127.0.0.1", 7860, "moji-vlm", 64)
    assert (found.is_public, found.largest_upload, found.share) == (False, "50mb", False)
    with pytest.raises(ValueError, match="frozen"):
        found.port = 80
    for name in ("GRADIO_SERVER_PORT", "GRADIO_SERVER_NAME", "PLAYGROUND_QUEUE", "PLAYGROUND_MODEL"):
        monkeypatch.setenv(name, " ")  # nothing is no setting
    assert read() == found
    monkeypatch.setenv("SPACE_ID", "me/space")
    assert read().is_public and read().largest_upload == "20mb"
    monkeypatch.setenv("PLAYGROUND_MAX_UPLOAD", "5 MB")
    assert read().largest_upload == "5mb"


@pytest.mark.parametrize(("variable", "value", "accepted"), [
    ("GRADIO_SERVER_PORT", "99999", "0 to 65535"),
    ("GRADIO_SERVER_PORT", "-1", "0 to 65535"),
    ("GRADIO_SERVER_PORT", "http", "0 to 65535"),
    ("GRADIO_SERVER_PORT", "7860.5", "0 to 65535"),
    ("GRADIO_SERVER_NAME", "http://0.0.0.0", "an address or a name"),
    ("GRADIO_SERVER_NAME", "0.0.0.0:7860", "an address or a name"),
    ("GRADIO_SERVER_NAME", "my machine", "an address or a name"),
    ("GRADIO_SHARE", "perhaps", "1, true, yes or on"),
    ("GRADIO_ROOT_PATH", "playground", "a path such as /playground"),
    ("GRADIO_NUM_PORTS", "many", "a whole number"),
    ("GRADIO_NUM_WORKERS", "two", "a whole number"),
    ("GRADIO_DEBUG", "loud", "1, true, yes or on"),
    ("PLAYGROUND_PUBLIC", "maybe", "1, true, yes or on"),
    ("PLAYGROUND_ALLOW_HUB", "2", "1, true, yes or on"),
    ("PLAYGROUND_MAX_UPLOAD", "much", "a number and its unit"),
    ("PLAYGROUND_SERVER", "http://my host/v1", "an address like"),
    ("PLAYGROUND_MAX_UPLOAD", "0mb", "a number and its unit"),
    ("PLAYGROUND_MAX_UPLOAD", "20", "a number and its unit"),
    ("PLAYGROUND_QUEUE", "0", "from 1 to"),
    ("PLAYGROUND_QUEUE", "long", "from 1 to"),
    ("PLAYGROUND_SERVER", "localhost:8000", "an address like http"),
    ("PLAYGROUND_SERVER", "http://h:99999/v1", "an address like http"),
    ("PLAYGROUND_SERVER", "http://[::1/v1", "an address like http"),
])  # fmt: skip
def test_a_wrong_setting_is_named_with_what_is_accepted(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, accepted: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(SettingError) as caught:
        read()
    [sentence] = str(caught.value).splitlines()
    assert sentence.startswith(f"{variable} is “{value}”. Accepted is ") and accepted in sentence


def test_all_wrong_ones_are_told_at_once_options_by_their_own_name_and_no_secret(monkeypatch) -> None:
    monkeypatch.setenv("PLAYGROUND_SERVER", "http://me:geheim@host/v1")
    monkeypatch.setenv("GRADIO_SERVER_PORT", "none")  # an option stands before it
    with pytest.raises(SettingError) as caught:
        read({"port": "99999", "host": None, "share": None})
    sentences = str(caught.value).splitlines()
    assert len(sentences) == 2 and any(sentence.startswith("--port is “99999”") for sentence in sentences)
    assert "geheim" not in str(caught.value) and "geheim" not in repr(read.__doc__)
    monkeypatch.delenv("PLAYGROUND_SERVER")
    assert read({"port": "0"}).port == 0
    monkeypatch.setenv("PLAYGROUND_SERVER_KEY", "geheim")
    assert "geheim" not in repr(read({"port": "1"}))


def test_quotes_around_a_value_are_no_part_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    given = {
        "GRADIO_SERVER_PORT": "'7861'", "GRADIO_SHARE": '"false"', "GRADIO_SERVER_NAME": "'0.0.0.0'",
        "PLAYGROUND_MODEL": '"/my models/moji"', "PLAYGROUND_SERVER": "'http://h:1/v1'",
        "PLAYGROUND_SERVER_KEY": "'sk-1'", "PLAYGROUND_QUEUE": '""', "GRADIO_TEMP_DIR": '"/tmp/a b"',
    }  # fmt: skip
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    found = read()
    assert (found.port, found.share, found.host, found.queue) == (7861, False, "0.0.0.0", 64)
    assert (found.model, found.server) == ("/my models/moji", "http://h:1/v1")
    assert found.server_key.get_secret_value() == "sk-1"
    settings.export(found, given)
    assert given["GRADIO_TEMP_DIR"] == "/tmp/a b"  # Gradio reads it by itself


def test_a_name_that_is_no_setting_is_told_with_the_one_that_is_meant() -> None:
    assert settings.unknown(["PATH", "PLAYGROUND_QUEUE", "GRADIO_WHATEVER"]) == []
    [near, far] = settings.unknown(["PLAYGROUND_QUEU", "PLAYGROUND_ZZZ"])
    assert "PLAYGROUND_QUEU;" in near and "Is PLAYGROUND_QUEUE meant?" in near
    assert "There are PLAYGROUND_MODEL, " in far


def test_what_gradio_reads_at_its_import_is_what_it_understands() -> None:
    variables = {
        "GRADIO_SERVER_NAME": "::1",
        "GRADIO_NUM_PORTS": "3",
        "GRADIO_DEBUG": "false",
        "GRADIO_NUM_WORKERS": "",
    }
    settings.export(settings.Settings(GRADIO_DEBUG="false"), variables)
    assert variables == {"GRADIO_DEBUG": "0", "PLAYGROUND_MODEL": "moji-vlm"}


# Where the page is served.


def test_any_free_port_and_one_that_is_taken() -> None:
    address, port = listening_at("localhost", 0)
    assert address == "127.0.0.1"
    assert 1024 <= port <= 65535
    with socket.create_server(("127.0.0.1", 0)) as taken:
        number = taken.getsockname()[1]
        with pytest.raises(SettingError, match=rf"127\.0\.0\.1 port {number} cannot be used: something else runs"):
            listening_at("127.0.0.1", number)


@pytest.mark.parametrize(("host", "says"), [
    ("192.0.2.1", "no address of this machine"),
    ("2001:db8::1", "no address of this machine"),
    ("nowhere.invalid", "no address and no name that is known"),
    ("300.1.2.3", "no address and no name that is known"),
    ("a..b", "no address and no name that is known"),
    ("x" * 70, "no address and no name that is known"),
])  # fmt: skip
def test_an_address_that_cannot_be_bound_gets_a_sentence(host: str, says: str) -> None:
    with pytest.raises(SettingError, match=says) as caught:
        listening_at(host, 0)
    assert "Choose another --host" in str(caught.value)


def test_a_port_that_needs_more_rights_gets_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: Any) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(socket.socket, "bind", refused)
    with pytest.raises(SettingError, match="port 80 cannot be used: ports below 1024 need an administrator's"):
        listening_at("127.0.0.1", 80)


def test_an_address_of_ipv6_stands_in_brackets_where_it_must() -> None:
    assert (url_host("::1"), url_host("127.0.0.1"), read({"host": "[::1]"}).host) == ("[::1]", "127.0.0.1", "::1")


# Proxies and certificates.


@pytest.mark.parametrize(("given", "left", "says"), [
    ({"ALL_PROXY": "socks5://h:1"}, {}, "ALL_PROXY is “socks5://h:1”: a SOCKS proxy needs"),
    ({"all_proxy": "socks5h://me:geheim@h:1"}, {}, "all_proxy is “socks5h://…@h:1”: a SOCKS"),
    ({"HTTPS_PROXY": "http://h:port"}, {}, "HTTPS_PROXY is “http://h:port”: that is no address of a proxy"),
    ({"HTTPS_PROXY": "://"}, {}, "HTTPS_PROXY is “://”: that is no"),
    ({"http_proxy": "ftp://h"}, {}, "http_proxy is “ftp://h”: that is no address"),
    ({"HTTP_PROXY": "http://[::1"}, {}, "that is no address"),
    ({"HTTP_PROXY": "h:3128"}, {"HTTP_PROXY": "h:3128"}, None),
    ({"HTTP_PROXY": " "}, {"HTTP_PROXY": " "}, None),
    ({"SSL_CERT_FILE": "/nowhere.pem"}, {}, "SSL_CERT_FILE is “/nowhere.pem”, where no certificates"),
])  # fmt: skip
def test_a_proxy_that_cannot_be_used_is_said_and_left_aside(given: dict, left: dict, says: str | None) -> None:
    variables = dict(given)
    notes = network.make_usable(variables)
    assert {name: value for name, value in variables.items() if name.lower() != "no_proxy"} == left
    assert (says is None and notes == []) or says in notes[0]
    assert "geheim" not in "".join(notes)


@pytest.mark.parametrize(("told", "kept", "aside"), [
    ("", [], 0),
    ("[::1]", [], 0),
    ("example.com, .corp.example 10.0.0.0/8", ["example.com", ".corp.example", "10.0.0.0/8"], 0),
    ("localhost:8080,http://internal", ["localhost:8080", "http://internal"], 0),
    ("fd00::/8,http://[::1,b\xfccher.de", [], 3),
])  # fmt: skip
def test_this_machine_is_never_asked_through_a_proxy(
    monkeypatch: pytest.MonkeyPatch, told: str, kept: list[str], aside: int
) -> None:
    import httpx
    import httpx2

    monkeypatch.setenv("HTTP_PROXY", "http://192.0.2.1:3128")
    monkeypatch.setenv("NO_PROXY", told)
    assert len(network.make_usable(os.environ, "192.0.2.7")) == aside
    hosts = os.environ["NO_PROXY"].split(",")
    assert hosts[: len(kept)] == kept and set(hosts[len(kept) :]) == {"localhost", "127.0.0.1", "::1", "192.0.2.7"}
    assert os.environ["no_proxy"] == os.environ["NO_PROXY"]
    httpx.Client(), httpx2.Client()


def test_no_proxy_for_anything_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    variables = {"NO_PROXY": "*", "HTTP_PROXY": "http://h:1"}
    assert network.make_usable(variables) == [] and variables["NO_PROXY"] == "*"
    assert network.make_usable(untouched := {}) == [] and untouched == {}


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST.", "a.localhost", "127.8.9.1", "::1", "[::1]", "0.0.0.0"])
def test_what_is_this_machine_is_known(host: str) -> None:
    assert network.is_loopback(host)
    assert not any(map(network.is_loopback, ("localhost.example", "10.0.0.1", "128.0.0.1", "", "fe80::1")))


# Folders.


def test_a_folder_for_uploads_that_can_be_written_to(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert serve.temporary_folder(str(tmp_path / "new" / "folder")) == tmp_path / "new" / "folder"
    (tmp_path / "gradio").write_text("somebody else's")
    with pytest.raises(SettingError, match="GRADIO_TEMP_DIR is .* a folder that can be written to"):
        serve.temporary_folder(str(tmp_path / "gradio"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert serve.temporary_folder("").name.startswith("gradio-")

    def nowhere() -> str:
        raise FileNotFoundError

    monkeypatch.setattr("tempfile.gettempdir", nowhere)
    with pytest.raises(SettingError, match="no folder for temporary files"):
        serve.temporary_folder("")
