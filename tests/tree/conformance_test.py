#!/usr/bin/env python3
"""docs/protocols/mqtt-conformance.md has every statement once, and each names a test that is there and says so itself; the
one-line faults of tests/mutants still fit the sources."""
import re
import subprocess
import sys
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
LIST = ROOT / "docs/protocols/mqtt-conformance.md"
ROOM = ROOT / "tests/conformance"
MUTANTS = ROOT / "tests/mutants"
ROW = re.compile(r"^\| (\d+\.\d+\.\d+-\d+) \| ([^|]+) \| (client|server|both) \| ([^|]+) \|$", re.M)
TEST = re.compile(r"((?:^//[^\n]*\n)*)^TEST(?:_F|_P)?\((\w+), (\w+)\)", re.M)
# How many statements each section of the Appendices B has, by its last number; gaps are those of the specification.
LAST = {
    "3.1.1": "1.5.3:3 2.2.2:2 2.3.1:7 3.1.0:2 3.1.2:24 3.1.3:11 3.1.4:5 3.2.0:1 3.2.2:6 3.3.1:12 3.3.2:3 3.3.4:1 3.3.5:2 3.6.1:1 "
             "3.8.1:1 3.8.3:4 3.8.4:6 3.9.3:2 3.10.1:1 3.10.3:2 3.10.4:6 3.12.4:1 3.14.1:1 3.14.4:3 4.1.0:2 4.3.1:1 4.3.2:2 4.3.3:2 "
             "4.4.0:1 4.5.0:2 4.6.0:6 4.7.1:3 4.7.2:1 4.7.3:4 4.8.0:2 6.0.0:4 7.0.0:2 7.1.1:1 7.1.2:1",
    "5.0": "1.5.4:3 1.5.5:1 1.5.7:1 2.1.3:1 2.2.1:6 2.2.2:1 3.1.0:2 3.1.2:30 3.1.3:12 3.1.4:6 3.2.0:2 3.2.2:22 3.3.1:13 3.3.2:20 "
           "3.3.4:10 3.4.2:3 3.5.2:3 3.6.1:1 3.6.2:3 3.7.2:3 3.8.1:1 3.8.3:5 3.8.4:8 3.9.2:2 3.9.3:2 3.10.1:1 3.10.3:2 3.10.4:6 "
           "3.11.2:2 3.11.3:2 3.12.4:1 3.14.0:1 3.14.1:1 3.14.2:4 3.14.4:3 3.15.1:1 3.15.2:3 4.1.0:2 4.2.0:1 4.3.1:1 4.3.2:5 "
           "4.3.3:13 4.4.0:2 4.5.0:2 4.6.0:6 4.7.0:1 4.7.1:2 4.7.2:1 4.7.3:4 4.8.2:6 4.9.0:3 4.12.0:7 4.12.1:2 4.13.1:1 4.13.2:1 6.0.0:4",
}
GAPS = {"3.1.1": set(), "5.0": {"2.2.1-1"}}
COUNT = {"3.1.1": 141, "5.0": 251}


def wanted(version: str) -> set[str]:
    found = set()
    for part in LAST[version].split():
        section, last = part.split(":")
        found |= {f"{section}-{n}" for n in range(1, int(last) + 1)}
    return found - GAPS[version]


def rows(version: str, text: str) -> list[tuple[str, str, str]]:
    """Statement, whom it binds, what shows it."""
    section = re.search(rf"^## MQTT {re.escape(version)}\n(.*?)(?=^## |\Z)", text, re.M | re.S)
    return [(m[1], m[3], m[4].strip()) for m in ROW.finditer(section[1])] if section else []


def golden_tests() -> dict[str, str]:
    """The comment above each test of the room, by suite.name."""
    return {f"{m[2]}.{m[3]}": m[1] for path in sorted(ROOM.glob("*_test.cc")) for m in TEST.finditer(path.read_text())}


def statements_of(comment: str, version: str) -> set[str]:
    text = " ".join(line[2:].strip() for line in comment.splitlines())
    parts = [part for part in text.split(";") if f"{version}:" in part]
    return {id for part in parts for id in re.findall(r"\d+\.\d+\.\d+-\d+", part.split(":", 1)[1])}


def is_there(name: str) -> bool:
    """A test elsewhere: `path Suite.Name`, or `path title` of a test in JavaScript."""
    path, _, title = name.partition(" ")
    if not (ROOT / path).is_file():
        return False
    text = (ROOT / path).read_text(encoding="utf-8")
    if path.endswith(".mjs"):
        return f"test('{title}'" in text
    suite, _, test = title.partition(".")
    return re.search(rf"TEST(?:_F|_P)?\({suite}, {test}\)", text) is not None


def faults(version: str, text: str, tests: dict[str, str]) -> list[str]:
    found = []
    listed = rows(version, text)
    ids = [id for id, _, _ in listed]
    found += [f"{version} {id}: is missing" for id in sorted(wanted(version) - set(ids))]
    found += [f"{version} {id}: there is no such statement" for id in sorted(set(ids) - wanted(version))]
    found += [f"{version} {id}: twice" for id in sorted({id for id in ids if ids.count(id) > 1})]
    for id, _, shown in listed:
        names = re.findall(r"`([^`]+)`", shown)
        if shown.startswith("*"):
            continue  # a reason, not a test
        if not names:
            found.append(f"{version} {id}: shown by nothing")
        for name in names:
            if " " in name:
                if not is_there(name):
                    found.append(f"{version} {id}: there is no test {name}")
            elif name not in tests:
                found.append(f"{version} {id}: there is no test {name}")
    for name, comment in tests.items():
        for id in statements_of(comment, version):
            if id not in ids:
                found.append(f"{name}: {version} {id} is not in the list")
    return found


def misfits() -> list[str]:
    found = []
    for patch in sorted(MUTANTS.glob("*.patch")):
        run = subprocess.run(["git", "apply", "--check", str(patch)], cwd=ROOT, capture_output=True, text=True, check=False)
        changed = [line for line in patch.read_text().splitlines() if re.match(r"[+-](?![+-])", line)]
        if run.returncode:
            found.append(f"{patch.name}: does not apply: {run.stderr.strip()}")
        if len([line for line in changed if line[0] == "-"]) > 1 or len([line for line in changed if line[0] == "+"]) > 1:
            found.append(f"{patch.name}: changes more than one line")
    return found


class TheList(unittest.TestCase):
    def test_every_statement_is_shown(self):
        text, tests = LIST.read_text(encoding="utf-8"), golden_tests()
        for version in LAST:
            self.assertEqual(len(wanted(version)), COUNT[version])
            self.assertEqual(faults(version, text, tests), [])

    def test_the_mutants_fit(self):
        self.assertEqual(misfits(), [])

    def test_planted_faults_are_found(self):
        text, tests = LIST.read_text(encoding="utf-8"), golden_tests()
        row = next(m[0] for m in ROW.finditer(text) if m[1] == "3.12.4-1")
        self.assertIn("is missing", " ".join(faults("3.1.1", text.replace(row + "\n", "", 1), tests)))
        self.assertIn("twice", " ".join(faults("3.1.1", text.replace(row, row + "\n" + row, 1), tests)))
        self.assertIn("no test", " ".join(faults("3.1.1", text.replace("APingIsAnswered", "APingIsLost"), tests)))
        self.assertIn("no such statement", " ".join(faults("3.1.1", text.replace("| 3.12.4-1 |", "| 3.12.4-9 |", 1), tests)))


if __name__ == "__main__":
    sys.exit(unittest.main())
