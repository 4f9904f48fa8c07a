"""Measures how much longer a program takes than the imports of the libraries that it stands on. usage: startup.py PROGRAM

Exits with 1 if it takes 150 ms more of a processor. The least of seven runs counts, because other work of the machine only adds to it; the
time on the clock is printed.
"""

import os
import subprocess
import sys
import time

IMPORTS = "import boto3, amazon.ion.simpleion\nfrom pyqldb.driver.qldb_driver import QldbDriver"


def seconds(*arguments):
    """Of a processor, and on the clock."""
    begin = time.perf_counter()
    process = subprocess.Popen([sys.executable, *arguments], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if status != 0:
        sys.exit(f"{arguments} failed")
    return usage.ru_utime + usage.ru_stime, time.perf_counter() - begin


def main(program):
    # In turns, so that whatever else the machine does meets both.
    pairs = [(seconds("-c", IMPORTS), seconds(program)) for _ in range(7)]
    imports, whole = zip(*pairs)
    least = {}
    for place, name in enumerate(("of a processor", "on the clock")):
        least[name] = [min(run[place] for run in runs) for runs in (whole, imports)]
        print("{:.0f} ms in all, {:.0f} ms for the imports alone, {}".format(*(1000 * time for time in least[name]), name))
    whole, imports = least["of a processor"]
    if whole > imports + 0.150:
        sys.exit("more than 150 ms above the imports")


if __name__ == "__main__":
    main(*sys.argv[1:])
