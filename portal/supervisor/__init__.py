"""`make run`: everything of Careloop on one machine, kept running until told to stop."""
