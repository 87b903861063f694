"""What laboratories and radiology report: taken in, released, reviewed, communicated."""
