"""Reports as single HTML files.

- `evaluation`, `study`: what they say; `evaluation_pictures`, `study_pictures` draw it
- `drawing`, `pages`: what both share
"""
