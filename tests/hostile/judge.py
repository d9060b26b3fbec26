"""What each attack may cost, and what the server must have counted."""
from dataclasses import dataclass, field

from processes import MIB

BASE_MIB = 96        # the server at rest, its stores' caches, the honest clients
RECOVERED_MS = 50    # 99 % latency, or twice the quiet value, once an attack is over
LEFT_MIB = 96        # what the allocator may keep afterwards, above the start


@dataclass
class Case:
    budget_mib: int  # at scale 1
    why: str         # where the budget comes from
    counters: tuple = ()  # each must have grown
    settings: dict = field(default_factory=dict)  # numbers, at scale 1
    left_mib: int = LEFT_MIB
    quiet_times: float = 5          # how much slower honest clients may be
    calm_seconds: float = 60        # in which the attackers' connections go after the attack
    least_share: float = 0          # of all connections and of all messages that are the attack's
    least_cpu: float = 0            # of the server's core that is busy under the attack, at scale 1


CASES = {
    "slow_readers": Case(BASE_MIB + 50 * 6, "50 readers: 4 MiB of QoS 0 queue or 1 MiB in memory, 1 MiB of output", ('dunlin_hub_dropped_total{reason="qos0_queue"}',)),
    "unread_answers": Case(BASE_MIB + 30 * 4, "30 askers: 2 MiB of answers, 256 KiB of input", ("dunlin_mqtt_reading_stopped_total",)),
    "no_connect": Case(BASE_MIB + 64, "5000 waiting connections of 2 KiB", ("dunlin_mqtt_waiting_dropped_total",), {"mqtt.max_waiting_connections": 5000}),
    "topic_bombs": Case(BASE_MIB + 256, "40 sessions with at most 1000 filters, 1 MiB of input each", ("dunlin_mqtt_refusals_total",)),
    "wildcard_storm": Case(BASE_MIB + 100 * 6, "100 readers with 4 MiB of queue and 1 MiB of output", ()),
    "subscribe_churn": Case(BASE_MIB + 64, "20 sessions with at most 1000 filters", ()),
    "retained_flood": Case(BASE_MIB + 600, "1,000,000 retained messages of 300 bytes, and their rows on the way to the disk", (), left_mib=500),
    "takeover": Case(BASE_MIB + 300, "300 connections, 10 queues of 1 MiB in memory", ("dunlin_mqtt_sessions_opened_total", "dunlin_hub_takeovers_refused_total")),
    "websocket_bombs": Case(BASE_MIB + 40 * 4, "40 connections: a message of 1 MiB, 1 MiB of output", ()),
    "half_handshakes": Case(BASE_MIB + 160, "1000 handshakes of 128 KiB at most; the others wait unread, until those have passed their deadline",
                            ("dunlin_net_tls_handshake_failures_total",), {"listen.max_tls_handshakes": 1000}),
    "botnet": Case(BASE_MIB + 160 + 200, "1024 handshakes of 128 KiB at most, 150 sessions of a MiB and their input",
                   ("dunlin_mqtt_refusals_total", "dunlin_mqtt_dropped_total"), quiet_times=10, calm_seconds=5, least_share=0.9, least_cpu=0.9),
}


@dataclass
class CaseResult:
    name: str
    quiet: dict | None = None
    attacked: dict | None = None
    after_honest: dict | None = None
    limit_ms: float = 0
    rss_start: int = 0
    rss_peak: int = 0
    rss_end: int = 0
    alive: bool = False
    calm: bool = False
    calm_seconds: float = 0
    cpu: float = 0       # of its core, under the attack
    shares: dict = field(default_factory=dict)  # of connections and messages that were the attack's
    exit_code: int | None = None
    before: dict = field(default_factory=dict)
    after: dict = field(default_factory=dict)
    done: dict = field(default_factory=dict)
    wrong: list = field(default_factory=list)


def not_counted(case, before, after):
    return [counter for counter in case.counters if after.get(counter, 0) <= before.get(counter, 0)]


def judge(case, result):
    """What was wrong, in words; nothing when the server held."""
    wrong = []
    if not result.alive:
        return ["the server ended"]
    if result.exit_code != 0:
        wrong.append(f"the server ended with {result.exit_code}")
    if result.attacked["faults"]:
        wrong.append(f"honest clients: {result.attacked['faults']}")
    if result.after_honest["faults"]:
        wrong.append(f"honest clients afterwards: {result.after_honest['faults']}")
    if result.limit_ms and result.attacked["p99_ms"] > result.limit_ms:
        wrong.append("too slow for honest clients")
    if result.rss_peak > case.budget_mib * MIB:
        wrong.append("too much memory")
    if result.rss_end > result.rss_start + case.left_mib * MIB:
        wrong.append("memory stays")
    if not result.calm:
        wrong.append("connections stay")
    if not result.done.get("bytes") and result.name != "no_connect":
        wrong.append("the attack sent nothing")
    wrong += [f"only {share:.0%} of the {what} were the attack's" for what, share in result.shares.items() if share < case.least_share]
    if result.limit_ms and result.cpu < case.least_cpu:
        wrong.append(f"the attack took only {result.cpu:.0%} of the server's core")
    if result.limit_ms and case.least_cpu and result.after_honest["p99_ms"] > max(RECOVERED_MS, 2 * result.quiet["p99_ms"]):
        wrong.append("not recovered")
    wrong += [f"{counter} has not grown" for counter in not_counted(case, result.before, result.after)]
    return wrong
