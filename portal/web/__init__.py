"""What belongs to no slice: the start page, health, metrics, and the API's description."""
