"""The programs of a run: the server on one core, the load and the attack on the other. Each ends with this process, whatever
happens."""
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

HERE = Path(__file__).resolve().parent
START_DEADLINE = 60
STOP_DEADLINE = 30
SERVER_CORE, LOAD_CORE = (0, 1) if (os.cpu_count() or 1) > 1 else (0, 0)
HONEST = ["--mode", "pairs", "--qos", "1", "--payload", "64", "--publishers", "10", "--subscribers", "10", "--rate", "1000"]
FAULTS = ("lost", "doubled", "reordered", "unconfirmed", "confirmed_out_of_order", "failed_connections", "unsent")
MIB = 1 << 20


def start(command, core, **options):
    return subprocess.Popen(["setpriv", "--pdeathsig", "KILL", "taskset", "-c", str(core), *map(str, command)], text=True, **options)


def end(process, deadline=STOP_DEADLINE):
    """Ends a process that this run has started; gives its exit code."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(deadline)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    return process.returncode


class Server:
    """`dunlin serve` in a folder of its own."""

    LISTENERS = ("mqtt", "mqtts", "http", "https")

    def __init__(self, binary, settings):
        self.binary = binary
        self.folder = Path(tempfile.mkdtemp(prefix="hostile-"))
        self.log = (self.folder / "log").open("w+")
        command = [binary, "serve", "--data", self.folder / "data"]
        wanted = [f"listen.{name}=127.0.0.1:0" for name in self.LISTENERS] + ["security.anonymous_on_loopback=true", "threads.reactors=1"]
        for setting in [*wanted, *settings]:
            command += ["--set", setting]
        self.process = start(command, SERVER_CORE, stdout=subprocess.PIPE, stderr=self.log)
        self.ports = {}
        line = ""
        while not line.startswith("ready"):
            line = self.process.stdout.readline()
            if not line:
                sys.exit(f"the server did not start:\n{self.tail()}")
        self.ports = {name: int(port) for name, port in re.findall(r"(\w+)=\S+?:(\d+)", line)}

    def tail(self):
        return (self.folder / "log").read_text()[-3000:]

    def alive(self):
        return self.process.poll() is None

    def status(self, field):
        """VmRSS: resident now; VmHWM: the most so far. Bytes."""
        if not self.alive():
            return 0
        text = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(rf"^{field}:\s+(\d+)", text, re.M).group(1)) * 1024

    def cpu_seconds(self):
        """User and system, of all threads."""
        if not self.alive():
            return 0
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def forget_peak(self):
        Path(f"/proc/{self.process.pid}/clear_refs").write_text("5")

    def metrics(self):
        """By name with labels, and summed by name alone."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.ports['http']}/metrics", timeout=30) as answer:
            lines = answer.read().decode().splitlines()
        found = {}
        for line in lines:
            match = re.match(r"(\w+)(\{.*\})? (\S+)$", line)
            if match:
                name, labels, value = match.groups()
                found[name] = found.get(name, 0) + float(value)
                if labels:
                    found[name + labels] = float(value)
        return found

    def stop(self):
        code = end(self.process)
        self.log.close()
        self.last_words = self.tail()
        shutil.rmtree(self.folder, ignore_errors=True)
        return code


class Attack:
    def __init__(self, name, ports, scale):
        self.process = start([sys.executable, HERE / "attacks.py", name, "--scale", scale, "--mqtt", ports["mqtt"], "--http", ports["http"],
                              "--mqtts", ports["mqtts"]], LOAD_CORE, stdout=subprocess.PIPE)

    def wait_until_set_up(self):
        self.process.stdout.readline()

    def stop(self):
        """Gives what it has done."""
        end(self.process)
        return json.loads(self.process.stdout.read().strip().splitlines()[-1])


class Sink:
    """Takes every attack and is no server; on the generators' core, so that the server's belongs to the server."""

    def __init__(self):
        self.process = start([sys.executable, HERE / "sink.py"], LOAD_CORE, stdout=subprocess.PIPE)
        port = int(self.process.stdout.readline())
        self.ports = dict.fromkeys(("mqtt", "http", "mqtts"), port)

    def stop(self):
        end(self.process)


class Honest:
    """Pairs that publish with QoS 1 at a steady rate: every message is accounted for."""

    def __init__(self, server, seconds):
        self.process = start([server.binary, "bench", "mqtt", "--json", "--server", f"mqtt://127.0.0.1:{server.ports['mqtt']}", "--seconds", seconds,
                              *HONEST], LOAD_CORE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def result(self):
        out, err = self.process.communicate()
        if not out.strip():
            return {"p99_ms": float("inf"), "faults": {"no result": err[-300:]}, "delivered": 0}
        report = json.loads(out.strip().splitlines()[-1])
        return {"p99_ms": report["latency_us"]["p99"] / 1000, "p50_ms": report["latency_us"]["p50"] / 1000,
                "max_ms": report["latency_us"]["max"] / 1000, "late_ms": report["send_delay_us"]["p99"] / 1000,
                "faults": {key: report[key] for key in FAULTS if report.get(key)}, "delivered": report["delivered"]}


def until(condition, seconds):
    """Whether it became true; the time is only how long a broken server is waited for."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.1)
    return condition()
