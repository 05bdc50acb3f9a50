"""The plugin "Simulator access", for clients that bring none: it may read every table, and v1."""

import io
import zipfile
from xml.sax.saxutils import quoteattr

from rollbook.sandbox.powerschool.plugin import NAMESPACE
from rollbook.sandbox.powerschool.tables import SECRET_COLUMNS, TABLES


def package() -> bytes:
    """Return the plugin as a zip."""
    fields = "\n".join(
        f"    <field table={quoteattr(table.name)} field={quoteattr(column)} access='ViewOnly'/>"
        for table in TABLES.values()
        for column in table.columns
        if (table.name, column) not in SECRET_COLUMNS
    )
    text = f"""<?xml version="1.0" encoding="UTF-8"?>
<plugin xmlns="{NAMESPACE}" name="Simulator access" version="1.0"
    description="Reads every table of the simulation, for clients without a plugin of their own">
  <oauth accessLevelV1Api="READ"/>
  <access_request>
{fields}
  </access_request>
  <publisher name="Rollbook"><contact email="simulator@rollbook.example"/></publisher>
</plugin>
"""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("plugin.xml", text)
    return made.getvalue()
