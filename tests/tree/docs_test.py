#!/usr/bin/env python3
"""The pages tell the truth about the tree: relative links lead to files and headings that are there, and every `dunlin noun verb`, program,
option and configuration key that they name exists in the code."""
import re
import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
SKIPPED = {"build", "node_modules", ".git", ".cache", "dist", "testdata"}
LINK = re.compile(r"!?\[[^\]\n]*\]\(([^)\s]+)\)")
COMMENT = re.compile(r"<!--.*?-->", re.S)
CODE = re.compile(r"^(```|~~~).*?^\1[^\n]*$|`[^`\n]+`", re.M | re.S)
OPERATION = re.compile(r'OperationSpec\s+\w+\s*\{\s*"([a-z]+)\.([a-z][a-z-]*)"')
SUBCOMMAND = re.compile(r'add_subcommand\(\s*"([a-z-]+)"')
COMMAND = re.compile(r"(?:^|[\s`(/])dunlin[ \t]+([a-z][a-z-]*)(?:[ \t]+([a-z][a-z-]*)(?![\w./=-]))?", re.M)
KEY = re.compile(r'schema\.(?:key|bytes)\(\s*"([a-z_.]+)"')
SET = re.compile(r"--set[ \t]+([a-z_]+(?:\.[a-z_]+)+)=")
KEY_ROW = re.compile(r"^\| `([a-z_]+(?:\.[a-z_]+)+)` \|", re.M)


def pages(root: Path):
    for path in sorted(root.rglob("*.md")):
        if not SKIPPED & set(path.relative_to(root).parts):
            yield path


def without_code(text: str) -> str:
    """Without code and comments."""
    return COMMENT.sub("", CODE.sub(lambda match: re.sub(r"[^\n]", " ", match.group()), text))


def code_of(text: str) -> str:
    return "\n".join(match.group() for match in CODE.finditer(text))


def anchors(text: str) -> set[str]:
    """The names by which a page's headings can be linked."""
    headings = re.findall(r"^#{1,6}\s+(.+?)\s*$", CODE.sub(lambda m: m.group() if not m.group().startswith(("```", "~~~")) else "", text), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


def broken_links(root: Path) -> list[str]:
    faults = []
    for page in pages(root):
        for match in LINK.finditer(without_code(page.read_text(encoding="utf-8"))):
            target, _, anchor = match.group(1).partition("#")
            if re.match(r"[a-z][a-z0-9+.-]*:", match.group(1)):
                continue
            place = (page.parent / target).resolve() if target else page
            name = page.relative_to(root)
            if not place.is_relative_to(root) or not place.exists():
                faults.append(f"{name}: {match.group(1)} leads nowhere")
            elif anchor and place.suffix == ".md" and anchor not in anchors(place.read_text(encoding="utf-8")):
                faults.append(f"{name}: {match.group(1)}: there is no such heading")
    return faults


def operations(root: Path) -> dict[str, set[str]]:
    """Verbs by noun, from the operation tables that become subcommands (not the HTTP transport's own)."""
    found: dict[str, set[str]] = {}
    for folder in ("src/service", "src/platform", "src/transport/bridge"):
        for path in sorted((root / folder).rglob("*.cc")):
            for noun, verb in OPERATION.findall(path.read_text(encoding="utf-8")):
                found.setdefault(noun, set()).add(verb)
    return found


def programs(root: Path) -> set[str]:
    return {name for path in sorted((root / "src/apps").rglob("*.cc")) for name in SUBCOMMAND.findall(path.read_text(encoding="utf-8"))}


def unknown_commands(root: Path, wanted_pages) -> list[str]:
    known, own, faults = operations(root), programs(root), []
    for page in wanted_pages:
        text = page.read_text(encoding="utf-8")
        # Only code counts: prose may say "dunlin is a bird". A line that begins with "*Planned" tells what is not there yet.
        text = "\n".join(line for line in text.splitlines() if "*Planned:*" not in line)
        for noun, verb in COMMAND.findall(code_of(text)):
            if noun in own:
                continue
            if noun not in known:
                faults.append(f"{page.relative_to(root)}: dunlin has no subcommand {noun}")
            # Some verbs are the program's own: `series import`.
            elif verb and verb not in known[noun] and verb not in own:
                faults.append(f"{page.relative_to(root)}: there is no `dunlin {noun} {verb}`")
    return faults


def config_keys(root: Path) -> set[str]:
    return {key for path in sorted((root / "src").rglob("*.cc")) if not path.name.endswith(("_test.cc", "_fuzz.cc"))
            for key in KEY.findall(path.read_text(encoding="utf-8"))}


class Pages(unittest.TestCase):
    def test_links_lead_somewhere(self):
        self.assertEqual(broken_links(ROOT), [])

    def test_commands_exist(self):
        self.assertGreater(len(operations(ROOT)), 8)
        self.assertIn("serve", programs(ROOT))
        self.assertEqual(unknown_commands(ROOT, pages(ROOT)), [])

    def test_the_command_line_page_names_every_operation(self):
        rows = dict(re.findall(r"^\| `([a-z]+)` \|(.*)\|$", (ROOT / "docs/guide/cli.md").read_text(encoding="utf-8"), re.M))
        for noun, verbs in operations(ROOT).items():
            self.assertIn(noun, rows)
            self.assertEqual(verbs - set(re.findall(r"`([a-z][a-z-]*)`", rows[noun])), set(), noun)

    def test_keys_that_are_set_exist(self):
        keys = config_keys(ROOT)
        for page in pages(ROOT):
            text = page.read_text(encoding="utf-8")
            for key in SET.findall(text):
                self.assertIn(key, keys, page)

    def test_the_configuration_page_is_complete(self):
        declared = set()
        for name in ("config.cc", "blob_settings.cc"):
            declared |= set(KEY.findall((ROOT / "src/platform" / name).read_text(encoding="utf-8")))
        page = (ROOT / "docs/guide/configuration.md").read_text(encoding="utf-8")
        section = page.split("## Keys of the server", 1)[1].split("\n## ", 1)[0]
        self.assertEqual(set(KEY_ROW.findall(section)), declared)


class PlantedFaults(unittest.TestCase):
    """The checks above find what they are for."""

    def tree(self, page: str) -> Path:
        folder = tempfile.TemporaryDirectory(prefix="dunlin-docs-")
        self.addCleanup(folder.cleanup)
        root = Path(folder.name).resolve()
        for name, text in {"docs/page.md": page, "docs/other.md": "# Other page\n## Two words\n",
                           "src/service/x/operations.cc": 'constexpr OperationSpec kList{"thing.list", Method::get};',
                           "src/apps/line.cc": 'app.add_subcommand("serve", "run")'}.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text, encoding="utf-8")
        return root

    def test_good_links_pass(self):
        root = self.tree("[a](other.md) [b](other.md#two-words) [c](https://example.org/x) [d](../src/apps/line.cc) `[e](gone.md)`\n")
        self.assertEqual(broken_links(root), [])

    def test_a_link_to_a_missing_file(self):
        self.assertEqual(broken_links(self.tree("see [it](gone.md)\n")), ["docs/page.md: gone.md leads nowhere"])

    def test_a_link_out_of_the_tree(self):
        self.assertEqual(len(broken_links(self.tree("[it](../../../etc)\n"))), 1)

    def test_a_link_to_a_missing_heading(self):
        self.assertEqual(len(broken_links(self.tree("[it](other.md#three-words)\n"))), 1)

    def test_commands(self):
        def faults(text):
            root = self.tree(text)
            return unknown_commands(root, pages(root))
        self.assertEqual(faults("`dunlin thing list`, `dunlin serve --data x`, the dunlin flies high\n"), [])
        self.assertEqual(faults("```\nbuild/dunlin thing fly\n```\n"), ["docs/page.md: there is no `dunlin thing fly`"])
        self.assertEqual(faults("`dunlin bird list`\n"), ["docs/page.md: dunlin has no subcommand bird"])


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0]])
