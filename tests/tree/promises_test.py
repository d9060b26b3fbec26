#!/usr/bin/env python3
"""What the pages on security promise is shown by something: every test and file that docs/security.md and docs/security/*.md name in their
tables is in the tree, and every line of a checklist names one or says openly that it is not met yet."""
import re
import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
CODE = re.compile(r"`([^`\n]+)`")
GTEST = re.compile(r"\b(?:TEST|TEST_F|TEST_P|TYPED_TEST)\(\s*(\w+),\s*(\w+)\s*\)")
GTEST_NAME = re.compile(r"[A-Z]\w*\.(?:\*|\w+)")
BARE_TEST = re.compile(r"[A-Z][a-z]+[A-Z]\w{12,}")
FILE = re.compile(r"(?:tests|src|docs|tools|bench|cmake)/[\w./-]+|[A-Z]+(?:\.md)?|test|run")
FUZZ = re.compile(r"(\w+_fuzz)(?:\.cc)?")
OPEN = ("not met yet", "not ours", "not defended")


class Tree:
    """The names of everything that can show something."""

    def __init__(self, root: Path):
        self.root = root
        self.tests, self.suites, self.fuzzers = set(), set(), set()
        for folder in (root / "src", root / "tests", root / "web"):
            for path in folder.rglob("*.cc") if folder.is_dir() else ():
                if path.stem.endswith("_fuzz"):
                    self.fuzzers.add(path.stem)
                for suite, name in GTEST.findall(path.read_text(encoding="utf-8")) if path.stem.endswith("_test") else ():
                    self.tests.add(f"{suite}.{name}")
                    self.suites.add(suite)
        self.names = {test.partition(".")[2] for test in self.tests} | self.suites

    def fault(self, word: str) -> str | None:
        """Why what is named is not there; none where it is, or where the word names no test and no file."""
        if GTEST_NAME.fullmatch(word):
            suite, _, name = word.partition(".")
            known = suite in self.suites if name == "*" else word in self.tests
            return None if known or (self.root / word).exists() else f"there is no test {word}"
        if BARE_TEST.fullmatch(word):
            return None if word in self.names else f"there is no test {word}"
        if fuzz := FUZZ.fullmatch(word):
            return None if fuzz.group(1) in self.fuzzers else f"there is no fuzz target {word}"
        if "/" in word and FILE.fullmatch(word):
            return None if (self.root / word).exists() else f"there is no file {word}"
        return None

    def shows(self, word: str) -> bool:
        names_something = GTEST_NAME.fullmatch(word) or BARE_TEST.fullmatch(word) or FUZZ.fullmatch(word) or FILE.fullmatch(word) or word.endswith(".md")
        return bool(names_something) and self.fault(word) is None


def pages(root: Path) -> list[Path]:
    return [root / "docs/security.md", *sorted((root / "docs/security").glob("*.md"))]


def rows(text: str):
    """(line number, cells) of every table's rows, without heads and rules."""
    lines = text.splitlines()
    for number, line in enumerate(lines, 1):
        following = lines[number] if number < len(lines) else ""
        if line.startswith("|") and not re.match(r"\|[-| ]+\|$", line) and not re.match(r"\|[-| ]+\|$", following):
            yield number, [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]


def faults_of(root: Path) -> list[str]:
    tree, faults = Tree(root), []
    for page in pages(root):
        text = page.read_text(encoding="utf-8")
        for number, cells in rows(text):
            for word in CODE.findall(" ".join(cells)):
                if fault := tree.fault(word):
                    faults.append(f"{page.relative_to(root)}:{number}: {fault}")
            for name in re.findall(r"tests/e2e `(\w+)`", " ".join(cells)):
                if not (root / f"tests/e2e/{name}.test.mjs").exists():
                    faults.append(f"{page.relative_to(root)}:{number}: there is no tests/e2e/{name}.test.mjs")
    for number, cells in rows((root / "docs/security/checklists.md").read_text(encoding="utf-8")):
        shown = any(tree.shows(word) for word in CODE.findall(cells[-1]))
        if not shown and not any(word in " ".join(cells).lower() for word in OPEN):
            faults.append(f"docs/security/checklists.md:{number}: {cells[0]} names nothing that shows it")
    return faults


class Promises(unittest.TestCase):
    def test_everything_that_is_named_is_there(self):
        self.assertEqual(faults_of(ROOT), [])

    def test_the_lists_are_whole(self):
        text = (ROOT / "docs/security/checklists.md").read_text(encoding="utf-8")
        told = set()
        for _, cells in rows(text):
            for first, group, begin, end in re.findall(r"((\d+)\.\d+-|6-)(\d+)(?: to (?:\d+\.\d+-|6-)(\d+))?", cells[0]):
                told |= {f"{first}{i}" for i in range(int(begin), int(end or begin) + 1)}
        counts = {"5.1": 5, "5.2": 3, "5.3": 13, "5.4": 4, "5.5": 8, "5.6": 9, "5.7": 2, "5.8": 3, "5.9": 3, "5.10": 1, "5.11": 4, "5.12": 3, "5.13": 1, "6": 5}
        missing = {f"{group}-{i}" for group, count in counts.items() for i in range(1, count + 1)} - told
        self.assertEqual(missing, set())
        for item in [f"I{i} " for i in range(1, 11)] + [f"(2)({letter})" for letter in "abcdefghijklm"] + [f"| ({i}) " for i in range(1, 9)]:
            self.assertIn(item, text)


class PlantedFaults(unittest.TestCase):
    """The checks above find what they are for."""

    def faults(self, row: str) -> list[str]:
        folder = tempfile.TemporaryDirectory(prefix="dunlin-promises-")
        self.addCleanup(folder.cleanup)
        root = Path(folder.name)
        for name, text in {"docs/security.md": "# Rules\n", "docs/security/checklists.md": f"| item | here | shown by |\n|---|---|---|\n{row}\n",
                           "src/x/x_test.cc": "TEST(DoorTest, StaysShutWhenNobodyKnocks) {}", "src/x/door_fuzz.cc": "", "tests/e2e/door.test.mjs": "", "LICENSE": ""}.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text, encoding="utf-8")
        return faults_of(root)

    def test_good_lines_pass(self):
        for shown in ("`DoorTest.StaysShutWhenNobodyKnocks`", "`StaysShutWhenNobodyKnocks`", "`DoorTest.*`", "`door_fuzz`", "`tests/e2e/door.test.mjs`", "`LICENSE`"):
            self.assertEqual(self.faults(f"| 1 | a door | {shown} |"), [], shown)
        self.assertEqual(self.faults("| 1 | a lock: *not met yet* | |"), [])

    def test_what_is_not_there_is_named(self):
        for shown in ("`DoorTest.OpensByItself`", "`OpensByItselfAtNight`", "`LockTest.*`", "`lock_fuzz`", "`tests/e2e/lock.test.mjs`"):
            self.assertIn("there is no", self.faults(f"| 1 | a door, not ours | {shown} |")[0], shown)
        self.assertIn("there is no tests/e2e/lock.test.mjs", self.faults("| 1 | not ours | tests/e2e `lock` |")[0])

    def test_a_line_that_shows_nothing(self):
        self.assertEqual(self.faults("| 1 | a door | trust us |"), ["docs/security/checklists.md:3: 1 names nothing that shows it"])


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0]])
