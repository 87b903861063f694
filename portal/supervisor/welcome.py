"""What somebody who has just typed `make run` wants to know."""

import json
from pathlib import Path


def welcome(base_url: str, var: Path) -> str:
    """The address and the demo logins, as text."""
    lines = ["", f"Careloop is running at {base_url}", f"API documentation: {base_url}/api/docs"]
    demo = var / "demo.json"
    if demo.exists():
        lines.extend(_logins(json.loads(demo.read_text(encoding="utf-8"))))
        lines.append(f"All of this, for scripts, is in {demo}; mails arrive in {var / 'mail'}.")
    lines.append("Ctrl-C stops everything; the data stay for the next time.")
    return "\n".join([*lines, ""])


def _logins(demo: dict[str, list[dict[str, str]]]) -> list[str]:
    lines = ["", "Demo logins (e-mail, password):"]
    for account in demo["accounts"]:
        code = f"   TOTP secret {account['totp_secret']}" if account.get("totp_secret") else ""
        lines.append(
            f"  {account['role']:<13} {account['name']:<24} {account['email']:<36} "
            f"{account['password']}{code}"
        )
    lines.append("Demo clients (client_id, client_secret):")
    lines.extend(
        f"  {client['kind']:<13} {client['name']:<24} {client['client_id']} "
        f"{client['client_secret']}"
        for client in demo["clients"]
    )
    return lines
