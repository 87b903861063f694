"""Referrals and colleagues' consultations: asked, decided, arranged, reported, closed."""
