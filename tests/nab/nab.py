"""The labelled series, and the score of a detector on them by the rules of the Numenta Anomaly Benchmark 1.1."""
import csv
import json
import lzma
import math
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT / "tests/data/nab"

# Cost of a false alarm, cost of a missed window; a window that is found at its first record is worth 1.
PROFILES = {"standard": (0.11, 1.0), "reward_low_FP_rate": (0.22, 1.0), "reward_low_FN_rate": (0.11, 2.0)}


def sigma(y):
    return 2 / (1 + math.exp(5 * y)) - 1


class Series:
    """One file: its text, its times, and the labelled windows as pairs of record numbers."""

    def __init__(self, name, windows):
        self.name, self.folder = name, name.split("/")[0]
        packed = DATA / (name + ".xz")
        plain = ROOT / "data/nab" / Path(name).name
        self.text = lzma.decompress(packed.read_bytes()) if packed.exists() else plain.read_bytes()
        rows = list(csv.reader(self.text.decode().splitlines()))[1:]
        number = {row[0]: index for index, row in enumerate(rows)}
        self.records = len(rows)
        self.windows = [tuple(number[edge.split(".")[0]] for edge in window) for window in windows]
        # The first records are not scored: a detector may learn from them.
        self.probation = min(int(0.15 * self.records), 750)

    def worth(self, false_alarm):
        """Of an alarm at each record that is scored: (record, window or None, worth)."""
        for record in range(self.probation, self.records):
            inside = next((w for w in self.windows if w[0] <= record <= w[1]), None)
            if inside:
                left, right = inside
                yield record, inside, sigma(-(right - record + 1) / (right - left + 1)) / sigma(-1)
                continue
            before = [w for w in self.windows if w[1] < record]
            distance = math.inf
            if before and before[-1][1] > before[-1][0]:
                left, right = before[-1]
                distance = (record - right) / (right - left)
            yield record, None, false_alarm * (sigma(distance) if distance <= 3 else -1)


def load():
    labels = json.loads((DATA / "windows.json").read_text())
    return [Series(name, windows) for name, windows in sorted(labels.items())]


class Judge:
    """Of scores, {name: [score of each record]}, in one profile."""

    def __init__(self, corpus, scores, profile):
        self.false_alarm, self.missed = PROFILES[profile]
        self.windows = sum(len(series.windows) for series in corpus)
        self.alarms = sorted(
            ((scores[series.name][record], worth, window and (series.name, window))
             for series in corpus for record, window, worth in series.worth(self.false_alarm)),
            key=lambda alarm: -alarm[0])

    def raw(self, threshold):
        """The sum for the alarms from that score on; nothing found is 0, everything at once 2 (or 3) a window."""
        return next((gain for score, gain in reversed(self.steps()) if score >= threshold), 0.0)

    def steps(self):
        """(threshold, sum for it), for every score that occurs, falling."""
        found, gain, steps = {}, 0.0, []
        for score, worth, window in self.alarms:
            if window is None:
                gain += worth
            elif worth > found.get(window, -self.missed):
                gain += worth - found.get(window, -self.missed)
                found[window] = worth
            if steps and steps[-1][0] == score:
                steps.pop()
            steps.append((score, gain))
        return steps

    def normalised(self, gain):
        return 100 * gain / (self.windows * (1 + self.missed))

    def best(self):
        """(score, threshold) for the threshold that suits these scores most."""
        threshold, gain = max(self.steps(), key=lambda step: step[1])
        return (self.normalised(gain), threshold) if gain > 0 else (0.0, math.inf)

    def at(self, threshold):
        return self.normalised(self.raw(threshold))
