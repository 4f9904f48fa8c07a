"""Runs every model: without mistakes it must be clean, with one planted it must be caught.

python3 run.py [--short] [--trace] [WORD]
  --short   leaves out the clean rows that take long: half a minute instead of four
  --trace   prints the shortest way to each violation
  WORD      only rows that contain it
"""

import sys

from barrier import Barrier
from copies import Copies
from explore import explore
from move import Move
from outcome import Outcome
from promote import Promote
from redact import Redact
from seal import Seal

W, R = ("write", 0), ("read", 0)
FORWARDED = dict(txs=((1, 0), (0, 0)), crashes=1)  # (home, front) of each transaction
ASKED = dict(FORWARDED, asks=((0, 0),))
BESIDE = dict(txs=((1, 1), (0, 0)), asks=((0, 0),))
TIMED = dict(FORWARDED, times=1, window=0)
RIVALS = [(0, "k", True), (1, "k", True)]
MIXED = RIVALS + [(1, "o", False)]
TWO = [("x", "y"), ("-x",), ("-y",)]  # slots of blocks
MID = [("x",), ("y", "-x"), ("-y", "z")]
CUT = [("x",), ("y", "z"), ("-y",)]
FORK = [("x", "y"), ("*x", "z", "w"), ("-y",)]
LOST = dict(copiers=1, loses=True)
ONE = dict(copiers=1, verifies=True)
W1, R1 = ("write", 1), ("read", 1)
DELETE, PROTECT = ("delete", 0), ("protect", 1)  # by whose names it begins: the old place's, the new one's
AAB = ["a", "a", "b"]

CLEAN = [
    ("outcome: 3 tx, 1 forwarded, 1 crash", Outcome, [], dict(txs=((1, 0), (0, 0), (1, 1)), crashes=1)),
    ("outcome: 2 tx, 1 forwarded, 2 askers, 2 crashes", Outcome, [],
     dict(txs=((1, 0), (0, 0)), asks=((1, 0), (0, 1)), crashes=2)),
    ("outcome: 2 tx, 2 askers, losers may conflict, voids ride along", Outcome, [],
     dict(FORWARDED, asks=((1, 0), (0, 0)), carry=True, conflicts=True)),
    ("outcome: 3 tx, 2 forwarded, 1 asker, 1 crash, voids ride along", Outcome, [],
     dict(txs=((1, 0), (0, 0), (1, 0)), asks=((0, 2),), crashes=1, carry=True)),
    ("outcome: 3 servers, 2 tx, 1 asker, 1 crash", Outcome, [],
     dict(servers=3, txs=((1, 0), (2, 2)), asks=((2, 0),), crashes=1)),
    ("outcome: arbitrary clocks, 2 tx, 1 crash", Outcome, [], TIMED),
    ("outcome: arbitrary clocks, 2 tx, 1 asker, window 1", Outcome, [],
     dict(txs=((1, 0), (0, 0)), asks=((0, 0),), times=2, window=1)),
    ("outcome: arbitrary clocks, 2 tx, 1 asker, 1 crash, voids ride along", Outcome, [],
     dict(TIMED, asks=((0, 1),), times=2, carry=True)),
    ("seal: 2 deleters, create, write, 1 death", Seal, [["delete", "delete", "create", W]], dict(deaths=1)),
    ("seal: delete, 2 creates, read, 1 death", Seal, [["delete", "create", "create", R]], dict(deaths=1)),
    ("seal: delete, protect, write, create, 1 death", Seal, [["delete", "protect", W, "create"]], dict(deaths=1)),
    ("seal: delete, create, write, read, 1 death", Seal, [["delete", "create", W, R]], dict(deaths=1)),
    ("seal: name free; 2 creates, delete, read, 1 death", Seal, [["create", "create", "delete", R]],
     dict(deleted=True, deaths=1)),
    ("seal: SEAL before the name, no protection", Seal, [["delete", "delete", "create", W]],
     dict(deaths=1, seal_first=True)),
    ("redact: 2 writers, 2 redactors", Redact, [], {}),
    ("redact: 1 writer, 3 redactors", Redact, [1, 3], {}),
    ("redact: 2 writers, 1 redactor, 1 backup", Redact, [2, 1, 1], {}),
    ("redact: 1 writer, 2 redactors, 2 backups", Redact, [1, 2, 2], {}),
    ("barrier: 2 servers, 3 writers, 2 readers", Barrier, [MIXED, [(1, "read"), (1, "fails")]], {}),
    ("barrier: 2 servers, 3 writers on one key, 2 readers", Barrier,
     [RIVALS + [(0, "k", False)], [(1, "read"), (0, "read")]], {}),
    ("barrier: a follower with 2 readers, 3 writers", Barrier,
     [[(0, "k", True), (0, "o", True), (1, "k", False)], [(2, "read"), (2, "fails")]], {}),
    ("copies: 2 copiers, 2 crashes", Copies, [TWO], dict(crashes=2)),
    ("copies: 2 copiers, verify, 1 crash", Copies, [TWO], dict(verifies=True)),
    ("copies: 2 copiers, verify, the source may be lost", Copies, [TWO], dict(verifies=True, loses=True, crashes=0)),
    ("copies: 1 copier, verify, 2 crashes, the source may be lost", Copies, [MID], dict(ONE, loses=True, crashes=2)),
    ("copies: 2 copiers, verify, the source is a restored ledger", Copies, [FORK], dict(verifies=True)),
    ("copies: restore to before both redactions, source asked", Copies, [MID], dict(LOST, block=0, asks=True)),
    ("copies: restore to inside the slot of a redaction, 2 copiers", Copies, [MID], dict(block=1, crashes=0)),
    ("copies: restore to between the redactions", Copies, [MID], dict(LOST, block=2)),
    ("copies: restore to after both, inside a slot", Copies, [MID], dict(LOST, block=3)),
    ("copies: restore to the last block", Copies, [MID], dict(LOST, block=4)),
    ("copies: restore to inside a slot whose data is redacted", Copies, [CUT], dict(LOST, block=1)),
    ("copies: restore of a restored ledger, to before its fork slot", Copies, [FORK], dict(LOST, block=0)),
    ("copies: restore of a restored ledger, to inside its fork slot", Copies, [FORK], dict(LOST, block=3)),
    ("move: 2 movers, 2 writers, 2 deaths", Move, [["move", "move", W, W1]], dict(deaths=2)),
    ("move: mover, 2 writers, read, 1 death, one server begins in the new place", Move, [["move", W, W1, R]],
     dict(deaths=1, new=(1,))),
    ("move: 2 movers, delete, write, 1 death", Move, [["move", "move", DELETE, W1]], dict(deaths=1)),
    ("move: mover, delete, protect, write, 1 death", Move, [["move", DELETE, PROTECT, W1]], dict(deaths=1)),
    ("move: mover, delete, write, read, 1 death", Move, [["move", ("delete", 1), W, R1]], dict(deaths=1, new=(1,))),
    ("promote: synchronous, 3 writes, read on both sides, 2 crashes", Promote, [AAB, ["a", "b"]], dict(crashes=2)),
    ("promote: synchronous, 3 writes, 2 reads of the old primary, 2 crashes", Promote, [AAB, ["a", "a"]],
     dict(crashes=2)),
    ("promote: lag 1, 3 writes, read on both sides, 2 crashes", Promote, [AAB, ["a", "b"]], dict(lag=1, crashes=2)),
    ("promote: lag 2, 4 writes, 2 reads of the new primary", Promote, [["a"] + AAB, ["b", "b"]], dict(lag=2)),
]

PLANTED = [
    ("absent means never", Outcome, [], ASKED),
    ("void outside the chain", Outcome, [], ASKED),
    ("void checked at the first group only", Outcome, [], ASKED),
    ("voids forgotten too early", Outcome, [], BESIDE),
    ("voids counted from the snapshot", Outcome, [], BESIDE),
    ("never while the void is unknown", Outcome, [], ASKED),
    ("search of new slots only", Outcome, [], ASKED),
    ("InvalidSession for a commit in flight", Outcome, [], ASKED),
    ("not queued means never, at the holder", Outcome, [], dict(BESIDE, asks=((1, 0),))),
    ("never by the asker's clock", Outcome, [], TIMED),
    ("times of ids not enforced", Outcome, [], TIMED),
    ("SEAL before the name, beside protection", Seal, [["delete", "protect"]], dict(seal_first=True)),
    ("X at the next free revision", Seal, [["delete", "delete", "create"]], {}),
    ("X before the SEAL is known", Seal, [["delete", "create", W]], {}),
    ("D counts as free", Seal, [["delete", "create"]], {}),
    ("negative caching of a name", Seal, [["create", R, R]], dict(deleted=True)),
    ("SEAL taken for a commit", Seal, [["delete", W]], {}),
    ("read by a cached name, no barrier", Seal, [["delete", R, W]], {}),
    ("own by bytes", Redact, [2, 1], {}),
    ("tag of a later read", Redact, [1, 2], {}),
    ("replacement under the link alone", Redact, [1, 2], {}),
    ("resend overwrites", Redact, [1, 1], {}),
    ("replacement is delete and create", Redact, [2, 1], {}),
    ("refused replacement is done", Redact, [1, 2], {}),
    ("backup overwrites", Redact, [1, 1, 2], {}),
    ("slots that are there are not sent again", Redact, [1, 1, 1], {}),
    ("no barrier", Barrier, [MIXED, [(1, "read"), (1, "read")]], {}),
    ("error without barrier", Barrier, [MIXED, [(1, "fails"), (1, "read")]], {}),
    ("negative caching", Barrier, [MIXED, [(1, "read"), (1, "read")]], {}),
    ("joins a read under way", Barrier, [MIXED, [(1, "read"), (1, "read")]], {}),
    ("any win is a barrier", Barrier, [MIXED, [(1, "read"), (1, "read")]], {}),
    ("overlapped and not validated", Barrier, [MIXED, [(1, "read"), (1, "read")]], {}),
    ("validated against the last slot only", Barrier, [[(1, "k", True), (0, "k", False), (0, "o", False)], []], {}),
    ("copy overwrites", Copies, [TWO], {}),
    ("slots that are there are skipped", Copies, [TWO], dict(copiers=1)),
    ("replaced without tag", Copies, [TWO], {}),
    ("emptied because it was read so", Copies, [TWO], {}),
    ("several slots at a time", Copies, [TWO], dict(copiers=1)),
    ("emptied before the REDACT is copied", Copies, [TWO], dict(ONE, loses=True)),
    ("incomplete copy is opened", Copies, [TWO], ONE),
    ("refused as a whole", Copies, [MID], dict(ONE, loses=True)),
    ("verify ignores what still stands", Copies, [TWO], ONE),
    ("redactions read before the slots", Copies, [MID], dict(copiers=1, block=0)),
    ("served without a fork slot", Copies, [MID], dict(copiers=1, block=0)),
    ("fork slot without list", Copies, [MID], dict(copiers=1, block=0)),
    ("the rest of its slot is not searched", Copies, [MID], dict(copiers=1, block=1)),
    ("fork slot byte for byte", Copies, [CUT], dict(copiers=1, block=1)),
    ("list of the older fork slot is left out", Copies, [FORK], dict(copiers=1, block=0)),
    ("SEAL copied to the new place", Move, [["move", W]], {}),
    ("new place opened before the SEAL is known", Move, [["move", W]], {}),
    ("copy taken for the ledger", Move, [["move", W, W1]], dict(new=(1,))),
    ("in flight and sent again in the new place", Move, [["move", W, R]], {}),
    ("read in the old place after its SEAL", Move, [["move", W, R1]], {}),
    ("delete counts the move's SEAL", Move, [["move", DELETE]], {}),
    ("SEAL without the name", Move, [["move", DELETE, PROTECT]], {}),
    ("protection left behind", Move, [["move", DELETE, ("protect", 0)]], {}),
    ("answered before the copy has it", Promote, [AAB], {}),
    ("read before the copy has it", Promote, [AAB, ["a", "b"]], {}),
    ("old primary reads without the copy", Promote, [AAB, ["a"]], {}),
    ("promoted without fence", Promote, [AAB, ["b"]], {}),
    ("serves before the fence is known", Promote, [AAB, ["b"]], {}),
    ("fence overwrites", Promote, [AAB], {}),
    ("two slots shipped at a time", Promote, [AAB], {}),
    ("lag without bound", Promote, [AAB], dict(lag=1)),
    ("old primary goes on after the fence", Promote, [AAB], {}),
    ("old primary forgets its tail", Promote, [AAB], dict(lag=1)),
]


# Clean rows of at most some fifty thousand states.
SHORT = {
    "outcome: arbitrary clocks, 2 tx, 1 crash",
    "seal: name free; 2 creates, delete, read, 1 death",
    "seal: delete, create, write, read, 1 death",
    "redact: 2 writers, 2 redactors",
    "copies: 2 copiers, verify, the source may be lost",
    "copies: restore to after both, inside a slot",
    "move: mover, 2 writers, read, 1 death, one server begins in the new place",
    "promote: lag 1, 3 writes, read on both sides, 2 crashes",
}


def main():
    word = next((w for w in sys.argv[1:] if not w.startswith("--")), "")
    unknown = SHORT - {name for name, *_ in CLEAN}
    failed = len(unknown)
    for name in unknown:
        print(f"WRONG no row is called {name}")
    for rows, bug in ((CLEAN, False), (PLANTED, True)):
        for name, model, args, options in rows:
            if word not in name and word not in model.__name__.lower():
                continue
            if "--short" in sys.argv and not bug and name not in SHORT:
                continue
            m = model(*args, **options, **({"bug": name} if bug else {}))
            r = explore(m.initial, m.steps, m.bad, m.stuck)
            is_right = bool(r.why) == bug and r.complete
            failed += not is_right
            print(f"{'ok   ' if is_right else 'WRONG'} {model.__name__.lower():8} {name:68} {r.states:>9} states"
                  f" {r.seconds:6.1f} s  {r.why or ''}", flush=True)
            if r.why and "--trace" in sys.argv or not is_right:
                print("".join(f"        {label}\n" for label in r.trace), end="")
    sys.exit(1 if failed else 0)


main()
