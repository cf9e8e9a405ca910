"""torchvision's transforms v2 on tensors: image by image, as a data set applies them, or --batch: one draw for all images."""

import sys

import torch

# A wheel of the CPU may lack operators whose registration alone would fail; the transforms need none of them.
torch.library.register_fake = lambda *_, **__: lambda function: function
import torchvision  # noqa: E402
from torchvision.transforms import v2  # noqa: E402

from serve import job, serve  # noqa: E402
from values import timed, values  # noqa: E402

torch.set_num_threads(job["threads"])
batch, size, classes = job["batch"], job["size"], job["classes"]
images = torch.from_numpy(values(batch * size * size * 3, 1, 0, 1).reshape(batch, 3, size, size))
labels = torch.arange(batch) % classes
single = v2.Compose(
    [v2.RandomHorizontalFlip(), v2.RandomCrop(size, padding=4), v2.ColorJitter(brightness=0.4, contrast=0.4, saturation=0.4)]
)
mixup = v2.MixUp(alpha=0.2, num_classes=classes)


def once():
    changed = single(images) if "--batch" in sys.argv else torch.stack([single(image) for image in images])
    return mixup(changed, labels)


def run(units):
    for _ in range(units):
        once()


def check(_steps):
    changed, targets = once()
    return [changed.shape[0], changed.shape[2], changed.shape[1], targets.numel()]


serve({"torch": torch.__version__, "torchvision": torchvision.__version__}, check, timed(run))
