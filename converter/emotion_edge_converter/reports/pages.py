"""Renders self-contained HTML files."""

from __future__ import annotations

import base64

from jinja2 import Environment, PackageLoader, select_autoescape

from .. import __version__


def render(template: str, **values: object) -> str:
    """Render a template of this package. The filter `embedded` turns the bytes of a PNG file into a data URL."""
    environment = Environment(
        loader=PackageLoader("emotion_edge_converter.reports"),
        autoescape=select_autoescape(["html"]),
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["embedded"] = _embedded
    return environment.get_template(template).render(version=__version__, **values)


def _embedded(png: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(png).decode()
