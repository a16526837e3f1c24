"""The filter mailallow_toml: values as TOML (https://toml.io/en/v1.0.0).

It is no Jinja macro, because Jinja may evaluate a text again that a macro returns and that looks like a list.
"""

from __future__ import absolute_import, division, print_function
__metaclass__ = type

import re
from collections.abc import Mapping
from datetime import date, datetime

from ansible.errors import AnsibleFilterError


def text(value):
    """A string of one line: characters that cannot be printed are escaped."""
    out = ""
    for c in str(value):
        if c in '"\\':
            out += "\\" + c
        elif c.isprintable():
            out += c
        else:
            out += "\\U%08X" % ord(c)
    return '"' + out + '"'


def key(name):
    return name if isinstance(name, str) and re.match(r"[A-Za-z0-9_-]+\Z", name) else text(name)


def members(table):
    """`key = value` of each member; a null one is left out."""
    return [key(name) + " = " + inline(value) for name, value in table.items() if value is not None]


def inline(value):
    if isinstance(value, Mapping):
        return "{" + ", ".join(members(value)) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(inline(v) for v in value) + "]"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return str(value)
    if isinstance(value, date) and not isinstance(value, datetime):
        return value.isoformat()  # YAML's 2026-12-31
    return text(value)  # a vaulted value, too


def mailallow_toml(table):
    """A document: plain values first, then tables, then arrays of tables."""
    if not isinstance(table, Mapping):
        raise AnsibleFilterError("mailallow_toml wants a dictionary, and not %r" % type(table))
    values, tables = {}, []
    for name, value in table.items():
        many = isinstance(value, (list, tuple)) and value and all(isinstance(v, Mapping) for v in value)
        if many:
            tables += [("[[%s]]" % key(name), v) for v in value]
        elif isinstance(value, Mapping):
            tables += [("[%s]" % key(name), value)] if value else []
        else:
            values[name] = value
    parts = [members(values)] + [[header] + members(t) for header, t in tables]
    return "\n\n".join("\n".join(part) for part in parts if part)


class FilterModule:
    def filters(self):
        return {"mailallow_toml": mailallow_toml}
