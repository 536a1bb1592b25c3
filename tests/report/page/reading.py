"""What a page holds, read back by the standard library's parser."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = {"meta", "br", "input", "line", "use", "image", "img", "circle", "path", "rect", "hr"}


@dataclass
class Element:
    """An element: its tag, attributes, the tags around it and the text within."""

    tag: str
    attributes: dict[str, str]
    around: tuple[str, ...]
    text: str = ""


@dataclass
class Table:
    """A table: caption, heads and rows, as text."""

    caption: str = ""
    heads: list[str] = field(default_factory=list)
    rows: list[list[str]] = field(default_factory=list)
    scopes: list[str | None] = field(default_factory=list)


class Page(HTMLParser):
    """A page read back: `elements` in order, `tables`, and tags that were not closed in order."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[Element] = []
        self.tables: list[Table] = []
        self.unbalanced: list[str] = []
        self._open: list[Element] = []
        self.feed(html)
        self.close()
        self.unbalanced += [element.tag for element in self._open]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(
            tag, {k: v or "" for k, v in attrs}, tuple(each.tag for each in self._open)
        )
        self.elements.append(element)
        if tag == "table":
            self.tables.append(Table())
        elif tag == "tr":
            self.tables[-1].rows.append([])
        elif tag == "th":
            self.tables[-1].scopes.append(element.attributes.get("scope"))
        if tag not in VOID:
            self._open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(Element(tag, {k: v or "" for k, v in attrs}, ()))

    def handle_endtag(self, tag: str) -> None:
        if tag in VOID:
            return
        if not self._open or self._open[-1].tag != tag:
            self.unbalanced.append(tag)
            return
        element = self._open.pop()
        text = " ".join(element.text.split())
        if tag == "caption":
            self.tables[-1].caption = text
        elif tag in ("th", "td") and self.tables[-1].rows:
            head = any(each.tag == "thead" for each in self._open)
            (self.tables[-1].heads if head else self.tables[-1].rows[-1]).append(text)
        elif tag == "table":
            self.tables[-1].rows = [row for row in self.tables[-1].rows if row]

    def handle_data(self, data: str) -> None:
        for element in self._open:
            element.text += data

    def all(self, tag: str) -> list[Element]:
        """All elements of one tag."""
        return [element for element in self.elements if element.tag == tag]

    def text_of(self, id: str) -> str:
        """The text within the element of an id, on one line."""
        (element,) = [each for each in self.elements if each.attributes.get("id") == id]
        return " ".join(element.text.split())

    def table(self, caption: str) -> Table:
        """The table whose caption begins so."""
        return next(table for table in self.tables if table.caption.startswith(caption))
