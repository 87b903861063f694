"""Installing the locked packages: pip's settings hold for uv, and no network is said to be that."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from portal.supervisor.ports import free_port
from tools import install
from tools.install import Failed, environment_of_uv, in_vain, pip_settings, run


def test_what_was_set_for_pip_holds_for_uv() -> None:
    pip = {
        "index-url": "https://pypi.clinic.example/simple",
        "extra-index-url": "https://one.example/simple https://two.example/simple",
        "find-links": "/opt/wheels /opt/more",
        "cert": "/etc/ssl/clinic.pem",
        "proxy": "http://proxy.example:3128",
    }
    found = environment_of_uv(pip, {"PATH": "/bin"})
    assert found == {
        "PATH": "/bin",
        "UV_DEFAULT_INDEX": pip["index-url"],
        "UV_INDEX": pip["extra-index-url"],
        "UV_FIND_LINKS": "/opt/wheels,/opt/more",
        "SSL_CERT_FILE": pip["cert"],
        "HTTP_PROXY": pip["proxy"],
        "HTTPS_PROXY": pip["proxy"],
        "UV_SYSTEM_CERTS": "true",
        "UV_INDEX_STRATEGY": "unsafe-best-match",
    }


def test_what_was_set_for_uv_itself_stands() -> None:
    environ = {
        "UV_DEFAULT_INDEX": "https://uv.example",
        "SSL_CERT_FILE": "/uv.pem",
        "https_proxy": "x",
    }
    pip = {"index-url": "https://pip.example", "cert": "/pip.pem", "proxy": "http://pip.example"}
    found = environment_of_uv(pip, environ)
    assert (found["UV_DEFAULT_INDEX"], found["SSL_CERT_FILE"]) == ("https://uv.example", "/uv.pem")
    assert "HTTPS_PROXY" not in found


def test_the_environment_wins_over_pips_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "pip.conf"
    file.write_text(
        "[global]\nindex-url = https://file.example\nproxy = http://a\n[install]\nproxy=http://b\n"
    )
    monkeypatch.setenv("PIP_CONFIG_FILE", str(file))
    monkeypatch.setenv("PIP_INDEX_URL", "https://environment.example")
    monkeypatch.setattr(sys, "executable", python_with_pip())
    found = pip_settings()
    assert found["index-url"] == "https://environment.example"
    assert found["proxy"] == "http://b"


def python_with_pip() -> str:
    """This environment's, or the one it was made from."""
    for python in (sys.executable, str(Path(sys.base_prefix, "bin", "python3"))):
        if (
            subprocess.run([python, "-m", "pip", "-V"], check=False, capture_output=True).returncode
            == 0
        ):
            return python
    pytest.skip("no pip here")


@pytest.mark.parametrize("tool", ["pip", "uv"])
def test_an_index_that_refuses_connections_is_no_network(
    tool: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """However the tool puts it."""
    index = f"http://127.0.0.1:{free_port()}/simple"
    monkeypatch.setenv("PIP_INDEX_URL", index)
    alone = {
        name: v for name, v in os.environ.items() if name not in ("PIP_FIND_LINKS", "UV_INDEX")
    }
    if tool == "uv":
        command = [str(install.UV), "pip", "install", "--no-config", "--target", str(tmp_path)]
        environ = {**alone, "UV_DEFAULT_INDEX": index, "UV_HTTP_RETRIES": "0", "UV_NO_CACHE": "1"}
    else:
        command = [python_with_pip(), "-m", "pip", "install", "-q", "--retries", "1"]
        command += ["--target", str(tmp_path)]
        environ = {**alone, "PIP_CONFIG_FILE": os.devnull}
    with pytest.raises(Failed) as failed:
        run([*command, "no-such-package-of-careloop"], environ)
    monkeypatch.setattr(install, "pip_settings", lambda: {"index-url": index})
    with pytest.raises(SystemExit) as left:
        in_vain(failed.value)
    assert str(left.value).startswith(f"No network: the package index {index} can't be reached.")
    assert "run this again: it goes on where it ended" in str(left.value)
    assert capsys.readouterr().err


@pytest.mark.parametrize(
    ("said", "begins"),
    [
        ("error: Caused by: dns error: failed to lookup address information", "No network"),
        ("[Errno -3] Temporary failure in name resolution", "No network"),
        ("SSLError(SSLCertVerificationError(1, 'CERTIFICATE_VERIFY_FAILED'))", "No package index"),
        ("Caused by: invalid peer certificate: UnknownIssuer", "No package index"),
    ],
)
def test_each_reason_has_its_remedy(said: str, begins: str) -> None:
    with pytest.raises(SystemExit, match=begins):
        in_vain(Failed(said))


def test_another_fault_is_for_another_tool_to_try() -> None:
    in_vain(Failed("error: Hash mismatch for `flask==3.1.0`"))
