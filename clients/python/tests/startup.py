"""Measures how much longer a program takes than the imports of the libraries that it stands on. usage: startup.py PROGRAM

Exits with 1 if the difference of the medians exceeds 150 ms.
"""

import statistics
import subprocess
import sys
import time

IMPORTS = "import boto3, amazon.ion.simpleion\nfrom pyqldb.driver.qldb_driver import QldbDriver"


def seconds(*arguments):
    begin = time.perf_counter()
    subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - begin


def main(program):
    # In turns, so that whatever else the machine does meets both.
    pairs = [(seconds("-c", IMPORTS), seconds(program)) for _ in range(7)]
    imports, whole = (statistics.median(times) for times in zip(*pairs))
    print(f"{whole * 1000:.0f} ms in all, {imports * 1000:.0f} ms for the imports alone")
    if whole > imports + 0.150:
        sys.exit("more than 150 ms above the imports")


if __name__ == "__main__":
    main(*sys.argv[1:])
