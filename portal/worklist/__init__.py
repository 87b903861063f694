"""Work items: open loops with an owner, a due time and an escalation."""
