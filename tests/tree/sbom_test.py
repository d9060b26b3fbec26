#!/usr/bin/env python3
"""The software bill of materials that the build made: it is what CycloneDX 1.5 demands, it names every library that the program loads, and
the same build gives the same bytes.

Usage: sbom_test.py BUILD_FOLDER
"""
import copy
import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
BUILD = Path(sys.argv.pop(1) if len(sys.argv) > 1 else ROOT / "build/release")
PROGRAM = BUILD / "apps/dunlin"
TYPES = {"application", "framework", "library", "container", "platform", "operating-system", "device", "device-driver", "firmware", "file",
         "machine-learning-model", "data"}
HASHES = {"SHA-256": 64, "SHA-512": 128}
TOP = {"$schema", "bomFormat", "specVersion", "serialNumber", "version", "metadata", "components", "services", "externalReferences", "dependencies",
       "compositions", "vulnerabilities", "annotations", "formulation", "properties", "signature"}
COMPONENT = {"type", "mime-type", "bom-ref", "supplier", "author", "publisher", "group", "name", "version", "description", "scope", "hashes", "licenses", "copyright",
             "cpe", "purl", "swid", "modified", "pedigree", "externalReferences", "components", "evidence", "releaseNotes", "modelCard", "data", "properties", "signature"}


def licence_faults(where: str, licences: list) -> list[str]:
    """Either SPDX identifiers and names, or exactly one expression."""
    if any("expression" in one for one in licences):
        return [] if len(licences) == 1 and set(licences[0]) <= {"expression", "bom-ref"} else [f"{where}: an expression stands alone"]
    return [f"{where}: a licence has an id or a name" for one in licences if set(one) != {"license"} or len({"id", "name"} & set(one["license"])) != 1]


def component_faults(one: dict, refs: set) -> list[str]:
    where = str(one.get("name", "a component"))
    faults = [f"{where}: unknown member {name}" for name in set(one) - COMPONENT]
    if one.get("type") not in TYPES:
        faults.append(f"{where}: type {one.get('type')}")
    if not one.get("name"):
        faults.append("a component without a name")
    ref = one.get("bom-ref")
    if not ref or ref in refs:
        faults.append(f"{where}: bom-ref is missing or there twice")
    refs.add(ref)
    for entry in one.get("hashes", []):
        length = HASHES.get(entry.get("alg"))
        if length is None or not re.fullmatch(f"[0-9a-f]{{{length}}}", entry.get("content", "")):
            faults.append(f"{where}: hash {entry}")
    if "purl" in one and not re.fullmatch(r"pkg:(deb|npm|generic)/[A-Za-z0-9.%/_-]+@[A-Za-z0-9.~:%_-]+(\?[a-z=&A-Z0-9._-]+)?", one["purl"]):
        faults.append(f"{where}: purl {one['purl']}")
    if any(set(entry) != {"name", "value"} for entry in one.get("properties", [])):
        faults.append(f"{where}: a property has a name and a value")
    faults += licence_faults(where, one.get("licenses", []))
    for part in one.get("components", []):
        faults += component_faults(part, refs)
    return faults


def faults_of(bill: dict) -> list[str]:
    """What CycloneDX 1.5 demands of the members that we use."""
    faults = [f"unknown member {name}" for name in set(bill) - TOP]
    if bill.get("bomFormat") != "CycloneDX" or bill.get("specVersion") != "1.5":
        faults.append("bomFormat must be CycloneDX, specVersion 1.5")
    if not isinstance(bill.get("version"), int) or bill["version"] < 1:
        faults.append("version must be an integer from 1 on")
    if not re.fullmatch(r"urn:uuid:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", bill.get("serialNumber", "")):
        faults.append("serialNumber must be a UUID")
    refs: set = set()
    for one in [bill.get("metadata", {}).get("component", {}), *bill.get("components", [])]:
        faults += component_faults(one, refs)
    for entry in bill.get("dependencies", []):
        faults += [f"dependency on {ref}, which is not there" for ref in {entry.get("ref"), *entry.get("dependsOn", [])} - refs]
    return faults


class Bill(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.text = (BUILD / "dunlin.cdx.json").read_text(encoding="utf-8")
        cls.bill = json.loads(cls.text)

    def uses(self, use: str) -> dict[str, dict]:
        return {one["name"]: one for one in self.bill["components"] if {"name": "dunlin:use", "value": use} in one["properties"]}

    def test_it_is_what_the_format_demands(self):
        self.assertEqual(faults_of(self.bill), [])

    def test_every_library_that_the_program_loads_is_in_it(self):
        told = subprocess.run(["ldd", str(PROGRAM)], check=True, capture_output=True, text=True).stdout
        loaded = set(re.findall(r"(?:=>\s+|^\s*)(/\S+) \(", told, re.M))
        self.assertGreater(len(loaded), 10)
        listed = {entry["value"] for one in self.bill["components"] for entry in one["properties"] if entry["name"] == "dunlin:file"}
        self.assertEqual(loaded - listed, set())
        self.assertIn("libssl3", self.uses("dynamic"))

    def test_what_is_linked_statically_or_compiled_in_is_in_it(self):
        self.assertIn("libsqlitecpp-dev", self.uses("static"))
        self.assertIn("libcli11-dev", self.uses("headers"))
        self.assertEqual({"libgtest-dev", "libbenchmark-dev"} & set(self.uses("headers")), set())

    def test_what_is_in_the_dashboard_is_in_it_and_what_builds_it_is_not(self):
        self.assertLessEqual({"solid-js", "uplot"}, set(self.uses("dashboard")))
        self.assertEqual({"vite", "typescript", "playwright-core"} & set(self.uses("dashboard")), set())

    def test_it_is_of_this_program_and_this_machines_packages(self):
        own = self.bill["metadata"]["component"]
        self.assertEqual(own["hashes"][0]["content"], hashlib.sha256(PROGRAM.read_bytes()).hexdigest())
        for one in self.uses("dynamic").values():
            version = subprocess.run(["dpkg-query", "-W", "-f=${Version}", one["name"]], check=True, capture_output=True, text=True).stdout
            self.assertEqual(one["version"], version, one["name"])
        licensed = [one for one in self.bill["components"] if one.get("licenses")]
        self.assertGreater(len(licensed), len(self.bill["components"]) / 2)

    def test_the_same_build_gives_the_same_bytes(self):
        def again(**more) -> str:
            with tempfile.TemporaryDirectory(prefix="dunlin-sbom-") as folder:
                out = Path(folder) / "bill.json"
                environment = {key: value for key, value in os.environ.items() if key != "SOURCE_DATE_EPOCH"}
                subprocess.run([str(ROOT / "tools/sbom"), "--build", str(BUILD), "--program", str(PROGRAM), "--version",
                                self.bill["metadata"]["component"]["version"], "--out", str(out)], check=True, capture_output=True, env=environment | more)
                return out.read_text(encoding="utf-8")
        first = again()
        self.assertEqual(first, again())
        self.assertNotIn("timestamp", first)
        dated = json.loads(again(SOURCE_DATE_EPOCH="1700000000"))
        self.assertEqual(dated["metadata"]["timestamp"], "2023-11-14T22:13:20Z")
        self.assertEqual(faults_of(dated), [])


class PlantedFaults(unittest.TestCase):
    """The checks above find what they are for."""
    GOOD = {"bomFormat": "CycloneDX", "specVersion": "1.5", "version": 1, "serialNumber": "urn:uuid:00000000-0000-4000-8000-000000000000",
            "metadata": {"component": {"type": "application", "name": "x", "bom-ref": "x"}},
            "components": [{"type": "library", "name": "y", "bom-ref": "y", "hashes": [{"alg": "SHA-256", "content": "0" * 64}],
                            "licenses": [{"license": {"id": "MIT"}}], "properties": [{"name": "a", "value": "b"}], "purl": "pkg:deb/debian/y@1%2Bb~2?arch=all"}],
            "dependencies": [{"ref": "x", "dependsOn": ["y"]}]}

    def test_a_good_one_passes(self):
        self.assertEqual(faults_of(self.GOOD), [])

    def test_each_fault_is_named(self):
        for path, value in ((("specVersion",), "1.2"), (("version",), 0), (("serialNumber",), "1"), (("bill",), 1), (("components", 0, "type"), "thing"),
                            (("components", 0, "name"), ""), (("components", 0, "bom-ref"), "x"), (("components", 0, "hashes", 0, "content"), "00"),
                            (("components", 0, "licenses"), [{"id": "MIT"}]), (("components", 0, "licenses"), [{"expression": "MIT"}, {"license": {"id": "MIT"}}]),
                            (("components", 0, "purl"), "y@1"), (("components", 0, "size"), 3), (("dependencies", 0, "ref"), "z")):
            bill = copy.deepcopy(self.GOOD)
            place = bill
            for step in path[:-1]:
                place = place[step]
            place[path[-1]] = value
            self.assertNotEqual(faults_of(bill), [], path)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0]])
