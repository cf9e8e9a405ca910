"""The loop of a contestant in Python: see ../peer.ts for the protocol."""

import json
import sys

import numpy as np

job = json.loads(sys.argv[-1])


def read(file, dtype):
    """A job's ArrayFile as a flat numpy array."""
    return np.fromfile(file["path"], dtype=dtype, offset=file["header"])


def serve(versions, check, run):
    """check(steps) gives the numbers to agree on; run(units, limit) gives seconds, {seconds, units} or {value}."""

    def answer(value):
        print(json.dumps(value), flush=True)

    answer({"versions": versions})
    for line in sys.stdin:
        request = json.loads(line)
        if request["command"] == "check":
            answer({"numbers": [float(number) for number in check(request["steps"])]})
        else:
            done = run(request["units"], request["limit"])
            answer(done if isinstance(done, dict) else {"seconds": done})
