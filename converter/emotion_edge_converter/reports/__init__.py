"""Writes reports as single HTML files.

- `evaluation`, `study`: the reports
- `evaluation_pictures`, `study_pictures`: their pictures
- `drawing`, `pages`: code that both share
"""
