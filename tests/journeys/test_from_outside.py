"""The README word by word, and the contract of the API, against a running demo."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.journeys.conftest import ROOT

CONTRACT = ROOT.parent / "shared" / "contract" / "refill_journey.py"


def walk_through(var: Path) -> str:
    """The shell of the README, for a demo that keeps its files elsewhere."""
    blocks = re.findall(r"```bash\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    script = "\n".join(["set -eu -o pipefail", *blocks])
    for name in ("demo.json", "run.json"):
        script = script.replace(f"var/{name}", f"{var}/{name}")
    script = script.replace("/tmp/careloop", f"{var}/careloop")  # noqa: S108
    return script.replace(".venv/bin/python", f'"{sys.executable}"')


@pytest.mark.skipif(not (shutil.which("bash") and shutil.which("curl")), reason="needs bash, curl")
def test_from_outside(running: Path) -> None:
    """One after the other, since they share people whose codes are good once. The contract's
    scripts lie beside the checkout, or nowhere."""
    check_the_readme_does_what_it_says(running)
    if CONTRACT.exists():
        check_the_contract_holds(running)
    check_mails_say_nothing_about_the_matter(running)


def check_the_readme_does_what_it_says(running: Path) -> None:
    script = running / "walk.sh"
    script.write_text(walk_through(running))
    bash = shutil.which("bash") or "bash"
    done = subprocess.run([bash, str(script)], capture_output=True, check=False, timeout=600)
    said = done.stdout.decode()
    assert done.returncode == 0, said[-2000:] + done.stderr.decode()[-2000:]
    for seen in (
        '"outcome":"rejected"',
        '"code":"refill_not_allowed"',
        '"outcome":"duplicate"',
        '"status":"picked_up"',
        '"event":"refill_approved"',
        '"decision_note":"See you in spring."',
        "MSA|AA|",
        '"kind":"result_critical"',
        '"comment":"Please come in today."',
        '"event":"result_commented"',
        '"after":"4.2 mmol/L","before":"6.9 mmol/L"',
        '"reason":"patient_unknown"',
        "0 violations",
    ):
        assert seen in said, seen
    assert '"outcome":"quarantined"' not in said
    assert "/problems/internal" not in said


def check_the_contract_holds(running: Path) -> None:
    command = [sys.executable, str(CONTRACT), str(running / "demo.json")]
    done = subprocess.run(command, capture_output=True, check=False, timeout=600)
    assert done.returncode == 0, done.stderr.decode()[-2000:]
    assert "whole loop seen" in done.stdout.decode()


def check_mails_say_nothing_about_the_matter(running: Path) -> None:
    mails = [path.read_text(errors="replace") for path in (running / "mail").glob("*.eml")]
    assert mails
    for drug in ("Lisinopril", "Metformin", "Furosemide", "Warfarin"):
        assert not any(drug.lower() in mail.lower() for mail in mails)
