#!/usr/bin/env python3
"""Plants one fault of each kind in a small tree and expects tools/check_layers and tools/tidy to name it."""
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
ROOM = "# A room\n"


class PlantedFaults(unittest.TestCase):
    def tree(self, files: dict[str, str]) -> Path:
        folder = Path(tempfile.mkdtemp(prefix="dunlin-tools-"))
        self.addCleanup(lambda: subprocess.run(["rm", "-rf", str(folder)], check=True))
        base = {"src/base/CMakeLists.txt": "dunlin_room(base)\n", "src/base/README.md": ROOM, "src/base/a.h": "#pragma once\n",
                "src/hub/CMakeLists.txt": "dunlin_room(hub DEPS base)\n", "src/hub/README.md": ROOM, "src/hub/h.h": "#pragma once\n"}
        for name, text in (base | files).items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return folder

    def run_tool(self, tool: str, files: dict[str, str]) -> subprocess.CompletedProcess:
        return subprocess.run([str(ROOT / "tools" / tool), str(self.tree(files))], capture_output=True, text=True)

    def expect_fault(self, tool: str, files: dict[str, str], words: str) -> None:
        run = self.run_tool(tool, files)
        self.assertEqual(run.returncode, 1, run.stdout + run.stderr)
        self.assertIn(words, run.stdout)

    def test_a_clean_tree_passes_both(self):
        clean = {"src/hub/x.cc": '#include "base/a.h"\n'}
        for tool in ("check_layers", "tidy"):
            run = self.run_tool(tool, clean)
            self.assertEqual(run.returncode, 0, run.stdout + run.stderr)

    def test_an_upward_include(self):
        self.expect_fault("check_layers", {"src/base/x.cc": '#include "hub/h.h"\n'}, "a floor above base")

    def test_an_undeclared_room(self):
        self.expect_fault("check_layers", {"src/net/CMakeLists.txt": "dunlin_room(net)\n",
                                           "src/net/x.cc": '#include "base/a.h"\n'}, "net does not declare the room base")

    def test_a_cycle(self):
        self.expect_fault("check_layers", {"src/hub/CMakeLists.txt": "dunlin_room(hub DEPS model)\n",
                                           "src/model/CMakeLists.txt": "dunlin_room(model DEPS hub)\n"}, "depends on itself")

    def test_a_socket_outside_net(self):
        self.expect_fault("check_layers", {"src/hub/x.cc": "#include <sys/socket.h>\n"}, "a socket header outside net")

    def test_a_clock_outside_base(self):
        self.expect_fault("check_layers", {"src/hub/x.cc": "auto t = std::chrono::steady_clock::now();\n"}, "a clock outside base")

    def test_a_long_function(self):
        body = "void f() {\n" + "  g();\n" * 80 + "}\n"
        self.expect_fault("tidy", {"src/hub/x.cc": body}, "f has 82 lines, more than 70")

    def test_a_long_file(self):
        self.expect_fault("tidy", {"src/hub/x.cc": "int a;\n" * 501}, "file has 501 lines, more than 500")

    def test_a_waiver_that_is_too_large(self):
        body = "void f() {\n" + "  g();\n" * 80 + "}\n"
        self.expect_fault("tidy", {"src/hub/x.cc": body, "tools/tidy_waivers.txt": "src/hub/x.cc f 90\n"}, "lower its waiver from 90")

    def test_a_room_without_readme(self):
        self.expect_fault("tidy", {"src/net/CMakeLists.txt": "dunlin_room(net)\n"}, "src/net: has no README.md")

    def test_a_mark_of_unfinished_work(self):
        self.expect_fault("tidy", {"src/hub/x.cc": "// TO" "DO: later\n"}, "a mark of unfinished work")


if __name__ == "__main__":
    sys.exit(0 if unittest.main(exit=False).result.wasSuccessful() else 1)
