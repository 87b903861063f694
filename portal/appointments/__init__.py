"""Times that can be booked, who has which, offers of several, and the wait for an earlier one."""
