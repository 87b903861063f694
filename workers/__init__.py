"""What happens outside the request: the relay, the tasks and the beat."""
