#!/usr/bin/python
"""Writes the configuration of mailallow and runs it: `diff` in check mode, `update` otherwise."""

from __future__ import absolute_import, division, print_function
__metaclass__ = type

import base64
import contextlib
import difflib
import json
import os
import re
import tempfile

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.common.text.converters import to_text

DOCUMENTATION = r"""
module: mailallow
short_description: Write the configuration of mailallow, and install the list in its targets
description:
  - A new configuration is checked by the program before it is put in place.
  - In check mode C(mailallow diff) is run with the new configuration. Nothing is changed.
  - With C(--diff) the difference of each file is shown.
options:
  program:
    description: The program on the host.
    type: path
    required: true
  config:
    description: The configuration on the host. A missing folder is made.
    type: path
    required: true
  config_base64:
    description: The content of the configuration.
    type: str
    required: true
  snapshot_base64:
    description: A snapshot to install without fetching. It is kept as snapshot.json beside the configuration.
    type: str
  signature_base64:
    description: The signature of the snapshot. It is kept as snapshot.json.minisig.
    type: str
  accept:
    description: Sources whose held change is accepted in this run, as NAME or NAME@DIGEST.
    type: list
    elements: str
  strict:
    description: Fail if a source is held, stale or missing, after everything else is done.
    type: bool
    default: false
"""

# Exit codes of mailallow; see 'mailallow --help'.
USAGE = 2
HELD = 3
STALE = 4
DONE = (0, 1)

# As minisign has it.
SIGNATURE_SUFFIX = ".minisig"

# Of the difference of a file. The first run on a host writes tens of thousands of keys, which nobody reads, and they would
# hide the files behind.
MAX_DIFF_LINES = 200

# There may be many overlaps with hand-written lines; the first ones are enough to act on.
MAX_WARNINGS = 50


# What a warning begins with, and a line that belongs to the message above it, such as a command to paste.
WARNING = "warning: "
BELOW = "    "


def messages(err):
    """The messages of the program, each with the lines below that belong to it."""
    found = []
    for line in err.splitlines():
        if found and line.startswith(BELOW):
            found[-1] += "\n" + line
        else:
            found.append(line)
    return found


class Staged:
    """New content of a file, kept beside the file until it replaces it, so that relative paths in it are the same from
    the start."""

    def __init__(self, module, path, content, signs=None):
        self.module, self.place, self.content = module, path, content
        self.signs = signs  # the file, staged before, that this is the signature of; it has the same name but for the suffix
        self.before = b""
        if os.path.exists(path):
            with open(path, "rb") as f:
                self.before = f.read()
        self.pending = self.before != content
        self.path = path
        if signs:
            self.pending = signs.pending = self.pending or signs.pending

    def stage(self):
        if not self.pending:
            return
        if self.signs:
            self.path = self.signs.path + SIGNATURE_SUFFIX
            with open(self.path, "xb") as f:
                f.write(self.content)
            return
        folder = os.path.dirname(self.place)
        if not os.path.isdir(folder):
            if self.module.check_mode:
                folder = self.module.tmpdir
            else:
                os.makedirs(folder, 0o755)
        fd, self.path = tempfile.mkstemp(prefix=".new-", suffix="-" + os.path.basename(self.place), dir=folder)
        with os.fdopen(fd, "wb") as f:
            f.write(self.content)

    def put(self):
        """Replaces the old file, keeping its owner and mode."""
        if self.pending:
            self.module.atomic_move(self.path, self.place)
            self.path = self.place

    def remove(self):
        if self.path != self.place:
            with contextlib.suppress(OSError):
                os.unlink(self.path)

    def diff(self):
        old, new = (to_text(text).rstrip("\n").split("\n") if text else [] for text in (self.before, self.content))
        before = self.place if self.before else "/dev/null"
        return "".join(line + "\n" for line in difflib.unified_diff(old, new, before, self.place, lineterm=""))


class Run:
    """Runs of the program with a configuration and, if one is given, a snapshot."""

    def __init__(self, module):
        self.module = module
        config = module.params["config"]
        self.config = Staged(module, config, base64.b64decode(module.params["config_base64"]))
        self.snapshot = None
        if module.params["snapshot_base64"]:
            path = os.path.join(os.path.dirname(config), "snapshot.json")
            self.snapshot = Staged(module, path, base64.b64decode(module.params["snapshot_base64"]))
        self.files = [f for f in (self.config, self.snapshot) if f]
        if self.snapshot and module.params["signature_base64"]:
            signature = base64.b64decode(module.params["signature_base64"])
            self.files.append(Staged(module, path + SIGNATURE_SUFFIX, signature, self.snapshot))

    def pending(self):
        return any(f.pending for f in self.files)

    def tool(self, command, *flags):
        args = [self.module.params["program"], "-c", self.config.path, command] + list(flags)
        if self.snapshot:
            args += ["--snapshot", self.snapshot.path]
        for name in self.module.params["accept"] or []:
            args += ["--accept", name]
        return self.module.run_command(args, environ_update={"NO_COLOR": "1"})

    def check(self):
        """Fails if the program refuses the new files; asks no network. A target that cannot be written is no mistake of
        the configuration, and update reports it."""
        if not self.pending():
            return
        args = [self.module.params["program"], "-c", self.config.path, "lint", "--json", "--as", "config", self.config.path]
        code, out, err = self.module.run_command(args)
        if code == USAGE:
            self.fail(code, err, changed=False)
        mistakes = ["%(file)s:%(line)d: %(text)s" % f for f in json.loads(out)["findings"] if f["severity"] == "error"]
        if mistakes:
            self.fail(USAGE, "\n".join(mistakes), changed=False)
        if self.snapshot:
            code, _, err = self.tool("diff", "--quiet")
            if code == USAGE:
                self.fail(code, err, changed=False)

    def fail(self, code, err, **result):
        said = [text for text in messages(err) if not text.startswith(WARNING)]
        text = "\n".join(said).strip() or "mailallow ended with status %d and no message" % code
        self.module.fail_json(msg=self.named(self.quoted(text)), exit_code=code, **result)

    def quoted(self, text):
        """Adds the lines with mistakes, because nobody has seen a file that was rendered from variables."""
        lines = to_text(self.config.content).split("\n")
        numbers = sorted(set(int(n) for n in re.findall(re.escape(self.config.path) + r":(\d+):", text)))
        return "\n".join([text] + ["    %d: %s" % (n, lines[n - 1]) for n in numbers if 0 < n <= len(lines)])

    def named(self, text):
        """Puts the final names of the files in place of their temporary ones. In a command to paste there is no other word."""
        lines = text.split("\n")
        for f in self.files:
            if f.path != f.place:
                lines = [line.replace(f.path, f.place if line.startswith(BELOW) else "the new " + f.place) for line in lines]
        return "\n".join(lines)

    def warn(self, err):
        said = [text[len(WARNING):] for text in messages(err) if text.startswith(WARNING)]
        for text in said[:MAX_WARNINGS]:
            self.module.warn(self.named(text).replace("\n" + BELOW, "\n"))
        if len(said) > MAX_WARNINGS:
            self.module.warn("and %d more: 'mailallow diff' lists them" % (len(said) - MAX_WARNINGS))

    def difference(self):
        """The changes, as unified diffs."""
        out = self.tool("diff", "--format", "unified", "--quiet")[1]
        files = [self.config.diff()] + re.split(r"^(?=--- .*\n\+\+\+ )", out, flags=re.MULTILINE)
        return {"prepared": "".join(shortened(text) for text in files)}


def shortened(diff):
    lines = diff.splitlines(True)
    if len(lines) <= MAX_DIFF_LINES:
        return diff
    more = "... %d more lines: 'mailallow diff' lists the networks\n" % (len(lines) - MAX_DIFF_LINES)
    return "".join(lines[:MAX_DIFF_LINES]) + more


def go(module, run):
    for f in run.files:
        f.stage()
    shown = {}
    if module.check_mode:
        code, out, err = run.tool("diff", "--json")
    else:
        run.check()
        if module._diff:
            shown["diff"] = run.difference()
        for f in run.files:
            f.put()
        code, out, err = run.tool("update", "--json")
    try:
        doc = json.loads(out)
    except ValueError:  # the run was killed, or this is another program
        run.fail(code, err)
    if module.check_mode and module._diff and code != USAGE:
        shown["diff"] = run.difference()
    run.warn(err)
    written = run.pending() and not (module.check_mode and code == USAGE)
    result = dict(shown, changed=bool(written or doc["changed"]), targets=doc["targets"], sources=doc["sources"])
    if code in DONE or code in (HELD, STALE) and not module.params["strict"]:
        module.exit_json(exit_code=code, **result)  # Ansible takes rc for a failure
    if code in (HELD, STALE):
        err = "\n".join(text[len(WARNING):] for text in messages(err) if re.match(WARNING + 'source ".*" is ', text))
    run.fail(code, err, **result)


def main():
    module = AnsibleModule(
        argument_spec={
            "program": {"type": "path", "required": True},
            "config": {"type": "path", "required": True},
            # Not in the log of the host: a snapshot is long.
            "config_base64": {"type": "str", "required": True, "no_log": True},
            "snapshot_base64": {"type": "str", "no_log": True},
            "signature_base64": {"type": "str", "no_log": True},
            "accept": {"type": "list", "elements": "str"},
            "strict": {"type": "bool", "default": False},
        },
        supports_check_mode=True,
    )
    os.umask(0o022)  # mailallow-fetch.service reads the configuration and the snapshot as a user that owns nothing
    run = Run(module)
    if not os.path.exists(module.params["program"]):
        if not module.check_mode:
            module.fail_json(msg="%s: no such program: set mailallow_binary, mailallow_deb or mailallow_rpm" % module.params["program"])
        module.warn("mailallow is not on the host yet: its changes in the targets cannot be shown")
        module.exit_json(changed=True, diff={"prepared": run.config.diff()})
    try:
        go(module, run)
    finally:
        for f in run.files:
            f.remove()


if __name__ == "__main__":
    main()
