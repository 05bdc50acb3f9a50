"""Makes JSON of XML as PowerSchool's v1 does: this one conversion is where all of its quirks come from."""

import re
from typing import Any
from xml.etree.ElementTree import Element, SubElement, tostring

from rollbook.sandbox.powerschool import guesses


def element(tag: str, content: Any = None) -> Element:
    """Return XML made of plain values.

    Shape: of a dict each key is a child, `@key` an attribute, and None is left out; of a list each value is a child of the
    same name; other values are text.
    """
    made = Element(tag)
    if isinstance(content, dict):
        for name, value in content.items():
            _add(made, name, value)
    elif content is not None:
        made.text = _text(content)
    return made


def _add(parent: Element, name: str, value: Any) -> None:
    if value is None:
        return
    if name.startswith("@"):
        parent.set(name[1:], _text(value))
    elif isinstance(value, list):
        parent.extend(element(name, each) for each in value)
    elif isinstance(value, dict):
        parent.append(element(name, value))
    else:
        SubElement(parent, name).text = _text(value)


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def to_json(root: Element) -> dict[str, Any]:
    """Return what v1 answers for some XML.

    Shape: a child that stands alone is a value, several of one name are a list, none is no key; an element with nothing in it
    is ""; digits become a number unless they begin with 0.
    """
    return {root.tag: _value(root)}


def _value(node: Element) -> Any:
    attributes = {f"@{name}": text for name, text in node.attrib.items()}
    if len(node) == 0:
        return {**attributes, **({"$": _scalar(node.text)} if node.text else {})} if attributes else _scalar(node.text or "")
    found: dict[str, Any] = dict(attributes)
    several = set[str]()
    for child in node:
        if child.tag not in found:
            found[child.tag] = _value(child)
        elif child.tag in several:
            found[child.tag].append(_value(child))
        else:
            several.add(child.tag)
            found[child.tag] = [found[child.tag], _value(child)]
    return found


def _scalar(text: str | None) -> Any:
    text = text or ""
    return int(text) if re.fullmatch(guesses.NUMBER, text) else guesses.BOOLEANS.get(text, text)


def to_xml(root: Element) -> bytes:
    """Return the XML itself."""
    return tostring(root, encoding="utf-8", xml_declaration=True)
