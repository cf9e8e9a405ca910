"""Reads the event files of a folder with TensorBoard's own reader and prints what it finds as JSON.

Run: python test/io/tfevents/goldens/read_tfevents.py <folder> [history.jsonl]
With a run's history.jsonl as second argument it also checks the scalars against it and ends with 1 where they differ.
"""

import json
import math
import sys

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams import plugin_data_pb2


def plugin_contents(accumulator):
    try:
        return accumulator.PluginTagToContent("hparams").values()
    except KeyError:
        return []


def read(folder):
    accumulator = EventAccumulator(folder, size_guidance={"scalars": 0, "histograms": 0, "images": 0, "tensors": 0})
    accumulator.Reload()
    tags = accumulator.Tags()
    hparams = {}
    for content in plugin_contents(accumulator):
        data = plugin_data_pb2.HParamsPluginData.FromString(content)
        kind = data.WhichOneof("data")
        if kind == "session_start_info":
            hparams["start"] = {
                name: getattr(value, value.WhichOneof("kind")) for name, value in data.session_start_info.hparams.items()
            }
        elif kind == "experiment":
            hparams["infos"] = sorted(info.name for info in data.experiment.hparam_infos)
            hparams["metrics"] = [info.name.tag for info in data.experiment.metric_infos]
        else:
            hparams["status"] = data.session_end_info.status
    return {
        "scalars": {tag: [[e.step, e.value] for e in accumulator.Scalars(tag)] for tag in tags["scalars"]},
        "histograms": {
            tag: [
                {"step": e.step, "count": e.histogram_value.num, "total": sum(e.histogram_value.bucket)}
                for e in accumulator.Histograms(tag)
            ]
            for tag in tags["histograms"]
        },
        "images": {
            tag: [
                {"step": e.step, "width": e.width, "height": e.height, "png": e.encoded_image_string[:4] == b"\x89PNG"}
                for e in accumulator.Images(tag)
            ]
            for tag in tags["images"]
        },
        "hparams": hparams,
    }


def differences(found, history):
    """Where the scalars by epoch are not those of the history, as f32."""
    wrong = []
    for part in ("train", "validation"):
        for name in history[0][part] or {}:
            got = found["scalars"].get(f"{part}/{name}", [])
            want = [[record["step"], record[part][name]] for record in history]
            if len(got) != len(want) or any(
                a[0] != b[0] or not math.isclose(a[1], b[1], rel_tol=1e-6) for a, b in zip(got, want)
            ):
                wrong.append({"tag": f"{part}/{name}", "got": got, "want": want})
    for tag, events in found["histograms"].items():
        wrong.extend({"tag": tag, "event": e} for e in events if e["count"] != e["total"] or e["count"] == 0)
    for tag, events in found["images"].items():
        wrong.extend({"tag": tag, "event": e} for e in events if not e["png"])
    return wrong


found = read(sys.argv[1])
print(json.dumps(found, indent=1))
if len(sys.argv) > 2:
    with open(sys.argv[2]) as file:
        wrong = differences(found, [json.loads(line) for line in file])
    print("agrees with the history" if not wrong else json.dumps(wrong), file=sys.stderr)
    sys.exit(1 if wrong else 0)
