"""The refill loop: from the patient's request to the medicine handed over."""
