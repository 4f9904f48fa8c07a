"""Measures how long a server in memory takes to its first line, what that costs the processor, and how much memory it holds when idle.

usage: startup.py PROGRAM

The least time of 30 starts counts, because whatever else the machine does only adds to it.
"""

import os
import signal
import statistics
import subprocess
import sys
import time


def memory(process):
    """Resident kilobytes of a process: all, and those that are no pages of its file."""
    with open(f"/proc/{process.pid}/status") as lines:
        values = dict(line.split(":", 1) for line in lines)
    return tuple(int(values[name].split()[0]) for name in ("VmRSS", "RssAnon"))


def start(program, idle_seconds=0.0):
    """Milliseconds to the first line and of processor time, and the memory after some idle seconds."""
    begin = time.perf_counter()
    command = [program, "serve", "--in-memory", "--listen", "127.0.0.1:0", "--create-ledger", "cars"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    process.stdout.readline()
    ready = time.perf_counter() - begin
    time.sleep(idle_seconds)
    held = memory(process)
    process.send_signal(signal.SIGTERM)
    _, _, usage = os.wait4(process.pid, 0)
    return ready * 1000, (usage.ru_utime + usage.ru_stime) * 1000, held


def main(program):
    ready, processor, _ = zip(*(start(program) for _ in range(30)))
    _, _, (resident, own) = start(program, idle_seconds=2)
    print(f"{os.stat(program).st_size / 1e6:.1f} MB on disk")
    print(f"first line after {min(ready):.1f} ms (median {statistics.median(ready):.1f}); start and stop take {min(processor):.1f} ms of a processor")
    print(f"idle: {resident / 1000:.1f} MB resident, {own / 1000:.1f} MB without the pages of its file")


if __name__ == "__main__":
    main(*sys.argv[1:])
