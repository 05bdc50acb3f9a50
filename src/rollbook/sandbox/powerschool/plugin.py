"""Reads a plugin as it is uploaded, and refuses it where PowerSchool does."""

import io
import re
import zipfile
from dataclasses import dataclass
from typing import Any

from lxml import etree

from rollbook.sandbox.powerschool import guesses
from rollbook.sandbox.powerschool.named_queries import NamedQuery, named_queries
from rollbook.sandbox.powerschool.tables import EXCLUDED, SECRET_COLUMNS, TABLES, known

NAMESPACE = "http://plugin.powerschool.pearson.com"
_IN = f"{{{NAMESPACE}}}"
_SCHEMA_LOCATION = "{http://www.w3.org/2001/XMLSchema-instance}schemaLocation"

LEVELS = ("NONE", "READ", "FULL")
_ACCESS = {"viewonly": "ViewOnly", "fullaccess": "FullAccess"}

#: What may lie in a package besides plugin.xml.
_FILES = (
    r"MessageKeys/[^/]+\.properties",
    r"pagecataloging/[^/]+\.json",
    r"permissions_root/[^/]+\.permission_mappings\.xml",
    r"queries_root/[^/]+\.named_queries\.xml",
    r"user_schema_root/[^/]+\.xml",
    r"web_root/.+",
)
_FOLDERS = r"(MessageKeys|pagecataloging|permissions_root|queries_root|user_schema_root)/|web_root/(.*/)?"

_FILES_LIMIT, _BYTES_LIMIT = 500, 16 << 20


class Refused(Exception):
    """PowerSchool would not install this. Each complaint is a sentence."""

    def __init__(self, *complaints: str, unknown_fields: bool = False) -> None:
        super().__init__(" ".join(complaints))
        self.complaints = complaints
        self.unknown_fields = unknown_fields


@dataclass(frozen=True)
class Package:
    """What a plugin is and asks for. A `field` is (table, column), in capitals."""

    name: str
    version: str
    description: str
    publisher: str
    deletable: bool
    oauth: bool
    v1_level: str
    fields: dict[tuple[str, str], str]
    queries: tuple[NamedQuery, ...]
    files: tuple[str, ...]

    @property
    def order(self) -> tuple[int, ...]:
        """The version, to be compared by."""
        return tuple(int(part) for part in self.version.split(".") if part)


def read(filename: str, content: bytes) -> Package:
    """Return what an uploaded file holds.

    Errors: Refused, with everything that is wrong with it.
    """
    if filename.lower().endswith(".zip"):
        files = _unpacked(content)
    elif filename.lower().endswith(".xml"):
        files = {"plugin.xml": content}
    else:
        raise Refused(f"'{filename}' is neither a .zip nor a .xml file.")
    if "plugin.xml" not in files:
        raise Refused("There is no plugin.xml at the root of the package.")
    trees = {
        name: _tree(name, text) for name, text in files.items() if name.endswith(".xml") and not name.startswith("web_root/")
    }
    complaints = list[str]()
    queries = list[NamedQuery]()
    for name, tree in trees.items():
        if name.startswith("queries_root/"):
            found, wrong = named_queries(tree, name)
            queries += found
            complaints += wrong
        elif name.startswith("permissions_root/"):
            complaints += _mappings(tree, name)
    complaints += _twice([query.name for query in queries], "two queries are called '{}'")
    package, wrong, unknown = _package(trees["plugin.xml"], tuple(queries), tuple(sorted(files)))
    if complaints or wrong:
        raise Refused(*wrong, *complaints, unknown_fields=unknown or any("there is no column" in each for each in complaints))
    return package


def name_in(filename: str, content: bytes) -> str:
    """Return what a plugin that was refused calls itself."""
    files = _unpacked(content) if filename.lower().endswith(".zip") else {"plugin.xml": content}
    return str(_tree("plugin.xml", files["plugin.xml"]).get("name", ""))


def _unpacked(content: bytes) -> dict[str, bytes]:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            entries = archive.infolist()
            if strange := [entry.filename for entry in entries if not _belongs(entry.filename)]:
                raise Refused(*(f"Unrecognized file in the package: {name}" for name in strange[:20]))
            files = [entry for entry in entries if not entry.is_dir()]
            if len(files) > _FILES_LIMIT or sum(entry.file_size for entry in files) > _BYTES_LIMIT:
                raise Refused("The package is too large.")
            if twice := _twice([entry.filename for entry in files], "'{}' is in the package twice."):
                raise Refused(*twice)
            return {entry.filename: archive.read(entry) for entry in files}
    except (zipfile.BadZipFile, RuntimeError, NotImplementedError, EOFError) as error:
        raise Refused(f"The file is damaged or not a ZIP file ({error}).") from error


def _belongs(name: str) -> bool:
    if ".DS_Store" in name or "__MACOSX" in name or ".." in name.split("/"):
        return False
    return name == "plugin.xml" or any(re.fullmatch(form, name) for form in (*_FILES, _FOLDERS))


def _tree(name: str, content: bytes) -> Any:
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, remove_comments=True)
    if b"<!DOCTYPE" in content:
        raise Refused(f"{name} has a DOCTYPE, which is not taken.")
    try:
        root = etree.fromstring(content, parser)
    except etree.XMLSyntaxError as error:
        raise Refused(f"{name} is not well-formed: {error.msg}") from error
    if root.getroottree().docinfo.doctype:  # in another encoding
        raise Refused(f"{name} has a DOCTYPE, which is not taken.")
    return root


def _mappings(root: Any, name: str) -> list[str]:
    if root.tag != "permission_mappings":
        return [f"{name}: the root element is <{root.tag}>, not <permission_mappings>"]
    paths = [(each.text or "").strip() for each in root.iter("implies")]
    return [
        f"{name}: a plugin may map named queries only, not {path}" for path in paths if not path.startswith("/ws/schema/query/")
    ]


def _package(root: Any, queries: tuple[NamedQuery, ...], files: tuple[str, ...]) -> tuple[Package, list[str], bool]:
    if root.tag != f"{_IN}plugin":
        raise Refused(f"cvc-elt.1: plugin.xml has to begin with <plugin> in the namespace {NAMESPACE}.")
    wrong = list[str]()
    name, version, description = (root.get(each, "") for each in ("name", "version", "description"))
    if not 1 <= len(name) <= 40:
        wrong.append("plugin.xml: the name has to have 1 to 40 characters.")
    if not re.fullmatch(r"[0-9.]{1,20}", version) or not re.search("[0-9]", version):
        wrong.append("plugin.xml: the version has to be digits and dots, 20 characters at most.")
    if len(description) > 256:
        wrong.append("plugin.xml: the description is longer than 256 characters.")
    if root.get("deletable", "true") not in ("true", "false", "1", "0"):
        wrong.append("plugin.xml: deletable is neither true nor false.")
    if strange := sorted(set(root.attrib) - {"name", "version", "description", "deletable", "class", _SCHEMA_LOCATION}):
        wrong.append(f"cvc-complex-type.3.2.2: attribute '{strange[0]}' is not allowed in element 'plugin'.")
    children = [etree.QName(child) for child in root]
    for child in children:
        if child.namespace != NAMESPACE or child.localname not in guesses.CHILDREN:
            wrong.append(f"cvc-complex-type.2.4.a: invalid content was found starting with element '{child.localname}'.")
    wrong += _twice([child.localname for child in children], "plugin.xml: <{}> stands twice.")
    oauth = root.find(f"{_IN}oauth")
    level = "NONE" if oauth is None else oauth.get("accessLevelV1Api", "NONE")
    if level not in LEVELS:
        wrong.append("plugin.xml: accessLevelV1Api has to be NONE, READ or FULL.")
    fields, unknown = _fields(root, wrong)
    publisher = _publisher(root, wrong)
    deletable = root.get("deletable", "true") in ("true", "1")
    made = Package(name, version, description, publisher, deletable, oauth is not None, level, fields, queries, files)
    return made, wrong, unknown


def _publisher(root: Any, wrong: list[str]) -> str:
    publisher = root.find(f"{_IN}publisher")
    if publisher is None:
        wrong.append("cvc-complex-type.2.4.b: the content of element 'plugin' is not complete: 'publisher' is expected.")
        return ""
    contact = publisher.find(f"{_IN}contact")
    name = str(publisher.get("name", ""))
    if not 1 <= len(name) <= 100:
        wrong.append("plugin.xml: the publisher's name has to have 1 to 100 characters.")
    if contact is None or not 1 <= len(contact.get("email", "")) <= 40 or "@" not in contact.get("email", ""):
        wrong.append("plugin.xml: the publisher needs a contact with an e-mail address of at most 40 characters.")
    elif len(contact.get("phone", "")) > 20:
        wrong.append("plugin.xml: the publisher's phone number is longer than 20 characters.")
    return name


def _fields(root: Any, wrong: list[str]) -> tuple[dict[tuple[str, str], str], bool]:
    fields = dict[tuple[str, str], str]()
    unknown = False
    for element in root.iterfind(f"{_IN}access_request/*"):
        if element.tag == f"{_IN}cdn_request":
            continue
        if element.tag != f"{_IN}field" or set(element.attrib) - {"table", "field", "access"}:
            wrong.append("cvc-complex-type.2.4.a: access_request holds <field table field access/> and nothing else.")
            continue
        table, column = element.get("table", "").upper(), element.get("field", "").upper()
        access = _ACCESS.get(element.get("access", "").lower(), "")
        if not access:
            wrong.append(f"plugin.xml: the access of {table}.{column} is neither ViewOnly nor FullAccess.")
        if table in EXCLUDED:
            wrong.append(f"plugin.xml: the table {table} is closed to plugins.")
        elif len(table) > 30 or len(column) > 30 or not known(table, column):
            what = f"column {column} in the table {table}" if table in TABLES else f"table {table}"
            wrong.append(f"plugin.xml: access_request: there is no {what}.")
            unknown = True
        elif guesses.SECRET_COLUMN_REFUSED and (table, column) in SECRET_COLUMNS:
            wrong.append(f"plugin.xml: {table}.{column} is closed to plugins.")
        fields[table, column] = access
    return fields, unknown


def _twice(names: list[str], sentence: str) -> list[str]:
    return [sentence.format(name) for name in sorted({name for name in names if names.count(name) > 1})]
