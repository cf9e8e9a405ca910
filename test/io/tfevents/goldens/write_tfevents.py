"""Writes golden.tfevents with TensorBoard's own writer, and golden.json: what TensorBoard's own reader finds in it.

Run: python test/io/tfevents/goldens/write_tfevents.py   (pip install tensorboard; made with 2.21)
"""

import json
import os
import struct
import tempfile

from tensorboard.compat.proto import event_pb2, summary_pb2
from tensorboard.plugins.hparams import api_pb2, metadata, plugin_data_pb2
from tensorboard.summary.writer.event_file_writer import EventFileWriter

here = os.path.dirname(os.path.abspath(__file__))
PNG = bytes.fromhex("89504e470d0a1a0a")


def hparams(tag, content):
    """A value of the hparams plugin."""
    value = summary_pb2.Summary.Value(tag=tag, tensor=metadata.NULL_TENSOR)
    value.metadata.plugin_data.plugin_name = "hparams"
    value.metadata.plugin_data.content = content.SerializeToString()
    return value


def events():
    """Times and steps whose varints have one byte and several."""
    yield event_pb2.Event(
        wall_time=1.5,
        step=3,
        summary=summary_pb2.Summary(value=[summary_pb2.Summary.Value(tag="train/loss", simple_value=0.25)]),
    )
    image = summary_pb2.Summary.Image(height=2, width=300, colorspace=3, encoded_image_string=PNG)
    yield event_pb2.Event(
        wall_time=2.5,
        step=2**40,
        summary=summary_pb2.Summary(value=[summary_pb2.Summary.Value(tag="image", image=image)]),
    )
    histo = summary_pb2.HistogramProto(
        min=-1, max=1, num=3, sum=0.5, sum_squares=2.25, bucket_limit=[0, 1], bucket=[1, 2]
    )
    yield event_pb2.Event(
        wall_time=3,
        step=300,
        summary=summary_pb2.Summary(value=[summary_pb2.Summary.Value(tag="histo", histo=histo)]),
    )
    yield event_pb2.Event(wall_time=4, step=7, session_log=event_pb2.SessionLog(status=event_pb2.SessionLog.START))
    experiment = api_pb2.Experiment(time_created_secs=5.0)
    experiment.hparam_infos.add(name="rate", type=api_pb2.DATA_TYPE_FLOAT64)
    experiment.hparam_infos.add(name="kind", type=api_pb2.DATA_TYPE_STRING)
    experiment.hparam_infos.add(name="flag", type=api_pb2.DATA_TYPE_BOOL)
    experiment.metric_infos.add(name=api_pb2.MetricName(tag="validation/loss"))
    start = plugin_data_pb2.SessionStartInfo(start_time_secs=5.0)
    start.hparams["rate"].number_value = 0.5
    end = plugin_data_pb2.SessionEndInfo(status=api_pb2.STATUS_SUCCESS, end_time_secs=6.0)
    data = plugin_data_pb2.HParamsPluginData
    for tag, content in [
        ("_hparams_/experiment", data(version=0, experiment=experiment)),
        ("_hparams_/session_start_info", data(version=0, session_start_info=start)),
        ("_hparams_/session_end_info", data(version=0, session_end_info=end)),
    ]:
        yield event_pb2.Event(wall_time=5, step=0, summary=summary_pb2.Summary(value=[hparams(tag, content)]))


def main():
    with tempfile.TemporaryDirectory() as folder:
        writer = EventFileWriter(folder)
        for event in events():
            writer.add_event(event)
        writer.close()
        (name,) = os.listdir(folder)
        with open(os.path.join(folder, name), "rb") as file:
            content = file.read()
    # Without its first record, whose time is now and which names the writer.
    (length,) = struct.unpack("<Q", content[:8])
    with open(os.path.join(here, "golden.json"), "w") as file:
        json.dump({"records": content[16 + length :].hex()}, file)
        file.write("\n")


main()
