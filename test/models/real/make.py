"""Writes the exports beside this file: real architectures of torchvision and timm through torch.onnx, with made-up weights.

Every weight of a layer is the same small number, so that an export of megabytes packs to a few kilobytes: what counts here
is what a graph looks like, not what it knows. One class of each head is made the likeliest, so that there is an answer.

    pip install torch torchvision timm onnx && python make.py FOLDER [NAME...]
"""

import gzip
import io
import sys
from pathlib import Path

import timm
import torch
import torchvision.models as tv

LIKELY = 3


def even(model):
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.fill_(0.01)
        for name, buffer in model.named_buffers():
            if buffer.dtype.is_floating_point:
                buffer.fill_(1.0 if "var" in name else 0.0)
    return model.eval()


def prefer(bias, classes):
    with torch.no_grad():
        bias.view(-1, classes)[:, LIKELY] = 5.0


def classifier(make, head, side=64, inputs="input"):
    model = even(make())
    prefer(head(model).bias, head(model).bias.numel())
    return model, torch.zeros(1, 3, side, side), [inputs], ["output"]


def segmenter(make, classes=5, side=64):
    model = even(make(num_classes=classes))
    last = [m for m in model.classifier.modules() if isinstance(m, torch.nn.Conv2d)][-1]
    prefer(last.bias, classes)

    class Out(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.model = model

        def forward(self, x):
            return self.model(x)["out"]

    return Out().eval(), torch.zeros(1, 3, side, side), ["input"], ["out"]


def ssdlite():
    model = even(tv.detection.ssdlite320_mobilenet_v3_large(weights=None, weights_backbone=None, num_classes=5))
    for block in model.head.classification_head.module_list:
        prefer(block[-1].bias, 5)
    return model, [torch.zeros(3, 96, 128)], ["images"], ["boxes", "scores", "labels"]


def fasterrcnn():
    model = even(
        tv.detection.fasterrcnn_mobilenet_v3_large_320_fpn(
            weights=None, weights_backbone=None, num_classes=5, box_detections_per_img=10
        )
    )
    prefer(model.roi_heads.box_predictor.cls_score.bias, 5)
    return model, [torch.zeros(3, 96, 128)], ["images"], ["boxes", "labels", "scores"]


def segmenter_lraspp():
    model = even(tv.segmentation.lraspp_mobilenet_v3_large(weights=None, weights_backbone=None, num_classes=5))
    prefer(model.classifier.high_classifier.bias, 5)

    class Out(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.model = model

        def forward(self, x):
            return self.model(x)["out"]

    return Out().eval(), torch.zeros(1, 3, 64, 64), ["input"], ["out"]


MAKERS = {
    "torchvision-mobilenet": lambda: classifier(
        lambda: tv.mobilenet_v3_small(weights=None, num_classes=4), lambda m: m.classifier[-1]
    ),
    "torchvision-resnet": lambda: classifier(lambda: tv.resnet18(weights=None, num_classes=4), lambda m: m.fc),
    "timm-efficientnet": lambda: classifier(
        lambda: timm.create_model("efficientnet_lite0", pretrained=False, num_classes=4), lambda m: m.classifier
    ),
    "timm-vit": lambda: classifier(
        lambda: timm.create_model("vit_tiny_patch16_224", pretrained=False, num_classes=4, img_size=64),
        lambda m: m.head,
    ),
    "torchvision-lraspp": segmenter_lraspp,
    "torchvision-deeplab": lambda: segmenter(
        lambda **more: tv.segmentation.deeplabv3_mobilenet_v3_large(weights=None, weights_backbone=None, **more)
    ),
    "torchvision-ssdlite": ssdlite,
    "torchvision-fasterrcnn": fasterrcnn,
}


def main(folder, names):
    for name in names or MAKERS:
        model, example, inputs, outputs = MAKERS[name]()
        out = io.BytesIO()
        torch.onnx.export(
            model,
            (example,),
            out,
            input_names=inputs,
            output_names=outputs,
            opset_version=17,
            dynamo=False,
            do_constant_folding=False,
        )
        packed = gzip.compress(out.getvalue(), 9, mtime=0)
        (folder / f"{name}.onnx.gz").write_bytes(packed)
        print(name, len(out.getvalue()), len(packed), flush=True)


main(Path(sys.argv[1]), sys.argv[2:])
