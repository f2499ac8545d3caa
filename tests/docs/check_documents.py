#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The Simplon authors
"""Checks that documents and sources agree where they point at each other.

  - links between documents lead to files and headings that exist
  - sections of docs/protocols.md that sources and documents cite (§2.1) exist
  - the example configuration in docs/operations.md is docs/examples/pop.txtpb
  - RFC compliance cites conformance cases that exist
"""

import os
import re
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SOURCES = (".cc", ".h", ".def", ".proto", ".py", ".md", ".build", ".txt")
SKIPPED = {".git", "__pycache__", "captures"}
FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)
CITED = re.compile(r"docs/protocols\.md\s+(§\d+(?:\.\d+)*(?:\s*(?:,|and|-)\s*§\d+(?:\.\d+)*)*)")


def read(path):
    with open(path, encoding="utf-8") as source:
        return source.read()


def tree():
    for directory, names, files in os.walk(ROOT):
        names[:] = [n for n in names if n not in SKIPPED and not n.startswith(("build", "."))]
        for name in files:
            if name.endswith(SOURCES):
                yield os.path.join(directory, name)


def anchors(path):
    """GitHub's names of the headings of a document."""
    found = set()
    for heading in HEADING.findall(FENCE.sub("", read(path))):
        text = re.sub(r"[^\w\- ]", "", heading.strip().lower(), flags=re.UNICODE)
        name = text.replace(" ", "-")
        count = 1
        while name in found:
            name = f"{text.replace(' ', '-')}-{count}"
            count += 1
        found.add(name)
    return found


def sections():
    text = FENCE.sub("", read(os.path.join(ROOT, "docs", "protocols.md")))
    return {match for match in re.findall(r"^##+ (\d+(?:\.\d+)*) ", text, re.MULTILINE)}


def link_errors(path):
    where = os.path.relpath(path, ROOT)
    for target in LINK.findall(FENCE.sub("", read(path))):
        if re.match(r"[a-z]+:", target):
            continue
        file, _, anchor = target.partition("#")
        full = os.path.normpath(os.path.join(os.path.dirname(path), file)) if file else path
        if not os.path.exists(full):
            yield f"{where}: link to {target}: there is no {file}"
        elif anchor and full.endswith(".md") and anchor not in anchors(full):
            yield f"{where}: link to {target}: no such heading"


def section_errors(path, known):
    where = os.path.relpath(path, ROOT)
    text = read(path)
    cited = [s for match in CITED.findall(text) for s in re.findall(r"\d+(?:\.\d+)*", match)]
    if where == os.path.join("docs", "protocols.md"):
        cited += re.findall(r"§(\d+(?:\.\d+)*)", text)
    for section in cited:
        if section not in known:
            yield f"{where}: docs/protocols.md has no §{section}"


def example_errors():
    blocks = re.findall(r"^```txtpb\n(.*?)^```", read(os.path.join(ROOT, "docs", "operations.md")),
                        re.MULTILINE | re.DOTALL)  # fmt: skip
    if read(os.path.join(ROOT, "docs", "examples", "pop.txtpb")) not in blocks:
        yield "docs/operations.md: the example configuration is not docs/examples/pop.txtpb"


def case_errors():
    rows = read(os.path.join(ROOT, "tests", "conformance", "cases.tsv")).splitlines()[1:]
    count = len(rows)
    for line in read(os.path.join(ROOT, "docs", "rfc-compliance.md")).splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("|") and len(cells) >= 4:
            for number in re.findall(r"(?<![\w.])\d+(?![\w.])", cells[-1]):
                if not 1 <= int(number) <= count:
                    yield f"docs/rfc-compliance.md: there is no conformance case {number}"


def main():
    known = sections()
    errors = []
    for path in tree():
        if path.endswith(".md"):
            errors += link_errors(path)
        errors += section_errors(path, known)
    errors += example_errors()
    errors += case_errors()
    for error in errors:
        print(error)
    print(len(known), "sections of the specification,", len(errors), "faults")
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
