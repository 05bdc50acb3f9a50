"""The file that a district installs in its PowerSchool: it asks for what the queries read, and for nothing else."""

import io
from collections.abc import Iterable
from itertools import groupby
from typing import Any
from zipfile import ZIP_STORED, ZipFile, ZipInfo

from lxml import etree

from rollbook.connectors.powerschool.changes import VERSION
from rollbook.connectors.powerschool.queries import PREFIX, Query, chosen, fields

#: The plugin's identity in PowerSchool: an update with another name would be another plugin, with other credentials.
NAME = "Rollbook roster"
PUBLISHER = "Rollbook"
#: The form of a plugin wants an address. The end of this one is reserved: it says that nobody can be written to.
NOBODY = "nobody@rollbook.invalid"
NAMESPACE = "http://plugin.powerschool.pearson.com"

#: Equal queries must make equal bytes, so that a district can compare its file with ours.
_NO_TIME = (1980, 1, 1, 0, 0, 0)
_UNIX = 3


def package(*, guardians: bool, contact: str = NOBODY) -> bytes:
    """Return the plugin as the ZIP that PowerSchool installs. Equal for equal queries and an equal contact, byte for byte.

    Needs: `contact` has at most 40 letters.
    """
    queries = chosen(guardians=guardians)
    files = {"plugin.xml": plugin_xml(guardians=guardians, contact=contact)}
    for area, group in groupby(queries, key=lambda query: query.area):
        files[f"queries_root/{PREFIX.replace('.', '_')}_{area}.named_queries.xml"] = queries_xml(group)
    packed = io.BytesIO()
    with ZipFile(packed, "w", ZIP_STORED) as archive:
        for name, content in files.items():
            entry = ZipInfo(name, _NO_TIME)
            entry.create_system = _UNIX
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, content)
    return packed.getvalue()


def version(*, guardians: bool) -> str:
    """Return the version that PowerSchool compares.

    With guardians it is the higher one, so that a district can add them by an update, which keeps its credentials.
    """
    return f"{VERSION}.{int(guardians)}"


def plugin_xml(*, guardians: bool, contact: str = NOBODY) -> bytes:
    """Return the plugin's description by itself: what it asks for, to be read before it is installed.

    Installed without the queries of the package it gives credentials, but nothing that an import could ask.
    """
    queries = chosen(guardians=guardians)
    reads = "schools, classes, staff, students and their guardians" if guardians else "schools, classes, staff and students"
    plugin = etree.Element(
        f"{{{NAMESPACE}}}plugin",
        {
            "name": NAME,
            "version": version(guardians=guardians),
            "description": f"Lets your own Rollbook read {reads}. It changes nothing in PowerSchool.",
        },
        nsmap={None: NAMESPACE},
    )
    _under(plugin, "oauth")
    request = _under(plugin, "access_request")
    for table, field, _ in fields(queries):
        _under(request, "field", table=table, field=field, access="ViewOnly")
    _under(_under(plugin, "publisher", name=PUBLISHER), "contact", email=contact)
    return _written(plugin)


def queries_xml(queries: Iterable[Query]) -> bytes:
    """Return a file of named queries."""
    root = etree.Element("queries")
    for query in queries:
        node = _under(root, "query", name=query.name, coreTable=query.core_table, flattened="true")
        _under(node, "summary").text = query.title
        _under(node, "description").text = query.means
        if query.args:
            args = _under(node, "args")
            for arg in query.args:
                _under(args, "arg", name=arg.name, column=arg.field, required="true", description=arg.means)
        columns = _under(node, "columns")
        for column in query.columns:
            _under(columns, "column", column=column.field).text = column.alias
        _under(node, "sql").text = etree.CDATA(f"\n{query.sql}\n")
    return _written(root)


def _under(parent: Any, tag: str, /, **attributes: str) -> Any:
    """Add an element in the namespace of its parent."""
    return etree.SubElement(parent, etree.QName(etree.QName(parent).namespace, tag), attributes)


def _written(root: Any) -> bytes:
    text: bytes = etree.tostring(root, encoding="UTF-8", xml_declaration=True, pretty_print=True)
    return text
