"""CPU time and memory of processes, from /proc. Linux only."""

import os
import time

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


def _snapshot():
    """pid -> (parent, CPU ticks of it and of those of its children that have ended)."""
    found = {}
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            with open(f"/proc/{entry}/stat") as file:
                text = file.read()
        except OSError:
            continue  # ended meanwhile
        # The name, in parentheses, may hold anything; what follows is fixed (proc(5)).
        fields = text[text.rindex(")") + 2:].split()
        found[int(entry)] = (int(fields[1]), sum(int(ticks) for ticks in fields[11:15]))
    return found


def _tree(snapshot, root):
    members = {root}
    while True:
        more = {pid for pid, (parent, _) in snapshot.items() if parent in members} - members
        if not more:
            return members
        members |= more


class CpuSeconds:
    """CPU seconds used so far: of each named process tree, and of the whole machine."""

    def __init__(self, roots):
        snapshot = _snapshot()
        self.by_name = {
            name: sum(snapshot[pid][1] for pid in _tree(snapshot, root) if pid in snapshot) / TICKS_PER_SECOND
            for name, root in roots.items()
        }
        with open("/proc/stat") as file:
            ticks = [int(field) for field in file.readline().split()[1:]]
        # user, nice, system, irq, softirq; and steal: what the hypervisor gave to others.
        self.machine = (sum(ticks[:3]) + ticks[5] + ticks[6] + ticks[7]) / TICKS_PER_SECOND

    def since(self, earlier):
        """(seconds by name, seconds of the whole machine)."""
        return {name: used - earlier.by_name[name] for name, used in self.by_name.items()}, self.machine - earlier.machine


def memory_mib(pid):
    """(resident now, the most it ever was), in MiB."""
    sizes = {}
    with open(f"/proc/{pid}/status") as file:
        for line in file:
            name, _, value = line.partition(":")
            if name in ("VmRSS", "VmHWM"):
                sizes[name] = int(value.split()[0]) / 1024
    return sizes["VmRSS"], sizes["VmHWM"]


def children_named(parent, word):
    """The direct children of `parent` that have `word` in their command line."""
    found = []
    for pid, (its_parent, _) in _snapshot().items():
        if its_parent != parent:
            continue
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                if word.encode() in file.read():
                    found.append(pid)
        except OSError:
            pass
    return found


class Others:
    """What others used of the machine since this was made, in cores: not this process, what it started, or PostgreSQL."""

    def __init__(self, postgres):
        self._roots = {"own": os.getpid(), "postgres": postgres}
        self._started, self._at = CpuSeconds(self._roots), time.monotonic()

    def cores(self):
        used, machine = CpuSeconds(self._roots).since(self._started)
        return max(0.0, machine - sum(used.values())) / (time.monotonic() - self._at)


def machine():
    """The processor's name and how many of them this process may use."""
    model = "unknown processor"
    with open("/proc/cpuinfo") as file:
        for line in file:
            if line.startswith("model name"):
                model = line.split(":", 1)[1].strip()
                break
    return model, len(os.sched_getaffinity(0))
