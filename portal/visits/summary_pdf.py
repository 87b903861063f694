"""A summary on paper, or to keep."""

from portal.core.paper import TITLE_SIZE, Letterhead, Paper, Rendered
from portal.visits.summary_text import TITLE, SummaryText

_HEADING_SIZE = 12
# A heading stays with the first lines of what it is about.
_KEPT_TOGETHER = 25


def render(text: SummaryText) -> Rendered:
    """The document. The same version makes the same bytes."""
    paper = Paper(Letterhead(text.clinic_name, text.clinic_phone, text.released_at), TITLE)
    paper.add_page()
    paper.put(TITLE, size=TITLE_SIZE)
    for line in text.about:
        paper.put(line, after=1)
    for section in text.sections:
        if paper.will_page_break(_KEPT_TOGETHER):
            paper.add_page()
        paper.ln(3)
        paper.put(section.heading, size=_HEADING_SIZE, after=2)
        for paragraph in section.paragraphs:
            paper.put(paragraph, after=1)
        if section.rows:
            paper.put_table(section.columns, section.rows)
    return paper.finished()
