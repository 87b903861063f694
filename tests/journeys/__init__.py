"""The whole product, started as a newcomer would and used from outside."""
