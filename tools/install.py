"""`python -m tools.install LOCK`: what a lock file names, and this checkout, into this environment.

By uv, which takes seconds where pip takes minutes, and by pip where there is no uv to be had. What
somebody has set for pip holds for uv too.
"""

import ast
import os
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

UV_LOCK = "requirements-uv.txt"
UV = Path(sys.prefix, "bin", "uv")
PIP = (sys.executable, "-m", "pip", "install", "--quiet", "--retries", "2")
# How pip and uv say, each in its own words, that they reach nobody.
NO_NETWORK = re.compile(
    r"connection (refused|reset|timed out|error)|failed to establish|max retries|newconnectionerror"
    r"|name resolution|name or service not known|nodename nor servname|dns error|failed to lookup"
    r"|network is unreachable|no route to host|tcp connect error|client error \(connect\)"
    r"|(connect|read) ?timeout|timed out|cannot connect to proxy|proxyerror"
    r"|error sending request|network connectivity is disabled",
    re.IGNORECASE,
)
UNTRUSTED = re.compile(r"certificate_verify_failed|unknownissuer|invalid peer certificate", re.I)
# pip's settings, and the variable by which uv knows the same.
SAME = {
    "index-url": "UV_DEFAULT_INDEX",
    "extra-index-url": "UV_INDEX",
    "find-links": "UV_FIND_LINKS",
    "no-index": "UV_NO_INDEX",
    "trusted-host": "UV_INSECURE_HOST",
    "timeout": "UV_HTTP_TIMEOUT",
    "default-timeout": "UV_HTTP_TIMEOUT",
    "cert": "SSL_CERT_FILE",
    "client-cert": "SSL_CLIENT_CERT",
}
# uv takes several of these with a comma between them, pip with blanks.
WITH_COMMAS = {"UV_FIND_LINKS"}


class Failed(Exception):
    """A command ended with an error; holds what it said."""


def pip_settings() -> dict[str, str]:
    """What pip goes by: its files, then the environment, which wins."""
    command = [sys.executable, "-m", "pip", "config", "list"]
    said = subprocess.run(command, check=False, capture_output=True, text=True).stdout
    found: dict[str, str] = {}
    for section in ("global", "install", ":env:"):
        for key, value in re.findall(rf"^{section}\.([a-z-]+)=(.*)$", said, re.MULTILINE):
            found[key] = str(ast.literal_eval(value))
    return found


def environment_of_uv(pip: Mapping[str, str], environ: Mapping[str, str]) -> dict[str, str]:
    """What uv needs to be told; what was set for uv itself stands."""
    found = dict(environ)
    for name, same in SAME.items():
        if value := pip.get(name):
            comma = same in WITH_COMMAS
            found.setdefault(same, ",".join(value.split()) if comma else value)
    if proxy := pip.get("proxy"):
        for scheme in ("HTTP_PROXY", "HTTPS_PROXY"):
            if not (scheme in environ or scheme.lower() in environ):
                found[scheme] = proxy
    # pip trusts what the system trusts, and takes the best of all its indexes.
    found.setdefault("UV_SYSTEM_CERTS", "true")
    found.setdefault("UV_INDEX_STRATEGY", "unsafe-best-match")
    return found


def run(command: Sequence[str | Path], environ: Mapping[str, str] | None = None) -> None:
    """Raises Failed with what it said on standard error, which nobody has seen yet."""
    done = subprocess.run(
        [str(part) for part in command],
        check=False,
        env=environ,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
    )
    if done.returncode != 0:
        raise Failed(done.stderr)


def in_vain(failed: Failed) -> None:
    """Leave, where the reason is that nobody can be reached: no other way would get further."""
    said = str(failed)
    index = pip_settings().get("index-url", "https://pypi.org/simple")
    if UNTRUSTED.search(said):
        _leave(
            said,
            f"No package index: the certificate of {index} is not trusted here. Name the authority "
            "that signs it (PIP_CERT=/path/to/ca.pem)",
        )
    if NO_NETWORK.search(said):
        _leave(
            said,
            f"No network: the package index {index} can't be reached. Connect this machine, or "
            "name an index that it reaches (PIP_INDEX_URL=…), or a proxy (HTTPS_PROXY=…)",
        )


def _leave(said: str, why: str) -> None:
    told = [line for line in said.splitlines() if line.strip()][-3:]
    print(*(f"  {line.strip()}" for line in told), sep="\n", file=sys.stderr)
    raise SystemExit(f"{why}, and run this again: it goes on where it ended.")


def have_uv() -> bool:
    """Whether the locked uv is here now; says why where it can't be."""
    try:
        run([*PIP, "--require-hashes", "--requirement", UV_LOCK])
        run([UV, "--version", "--quiet"])
    except (Failed, OSError) as error:
        if isinstance(error, Failed):
            in_vain(error)
        print(f"{error}\nThere is no uv for this machine: pip installs, which takes minutes.")
        return False
    return True


def with_uv(lock: str) -> bool:
    """False where uv could not do it, for another reason than the network."""
    environ = environment_of_uv(pip_settings(), os.environ)
    where = ["--quiet", "--python", sys.executable]
    environ.setdefault("UV_LINK_MODE", _link_mode(environ))
    try:
        run([UV, "pip", "sync", *where, "--require-hashes", lock], environ)
        run([UV, "pip", "install", *where, "--no-deps", "--no-build-isolation", "-e", "."], environ)
    except Failed as failed:
        in_vain(failed)
        print(f"{failed}\nuv could not install this: pip tries, which takes minutes.")
        return False
    return True


def _link_mode(environ: Mapping[str, str]) -> str:
    """Links, unless the cache is on another file system, which uv would complain of."""
    command = [str(UV), "cache", "dir"]
    said = subprocess.run(command, check=False, capture_output=True, text=True, env=environ).stdout
    cache = Path(said.strip() or "/")
    while not cache.exists():
        cache = cache.parent
    return "hardlink" if cache.stat().st_dev == Path(sys.prefix).stat().st_dev else "copy"


def with_pip(lock: str) -> None:
    """Raises SystemExit with what pip said."""
    try:
        run([*PIP, "--require-hashes", "--requirement", lock])
        run([*PIP, "--no-deps", "--no-build-isolation", "--editable", "."])
    except Failed as failed:
        in_vain(failed)
        raise SystemExit(str(failed)) from None


def main() -> None:
    lock = sys.argv[1]
    if not (have_uv() and with_uv(lock)):
        with_pip(lock)


if __name__ == "__main__":
    main()
