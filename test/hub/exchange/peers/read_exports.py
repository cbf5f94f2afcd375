"""Reads what CRUX has exported with the programs of others; prints one JSON of what they saw."""
import json, sys, zipfile
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pyarrow.parquet as pq
from PIL import Image
from pycocotools.coco import COCO

root = Path(sys.argv[1])
out = {}

with zipfile.ZipFile(root / "export.zip") as z:
    out["zip"] = {"bad": z.testzip(), "names": z.namelist(), "dates": sorted({str(i.date_time) for i in z.infolist()})}

def first(folder, pattern):
    """By name: in which order a folder gives its files is the file system's choice."""
    return sorted(folder.glob(pattern))[0]


coco = COCO(str(first(root / "coco/annotations", "instances_*.json")))
seen = []
for ann in coco.loadAnns(coco.getAnnIds()):
    name = coco.loadCats(ann["category_id"])[0]["name"]
    mask = int(coco.annToMask(ann).sum()) if ann["segmentation"] else None
    seen.append({"name": name, "bbox": ann["bbox"], "area": ann["area"], "pixels": mask})
out["coco"] = {"images": len(coco.imgs), "annotations": seen}
points = COCO(str(first(root / "coco-keypoints/annotations", "person_keypoints_*.json")))
out["keypoints"] = [a["keypoints"] for a in points.loadAnns(points.getAnnIds())]

table = pq.read_table(root / "parquet/labels.parquet")
out["parquet"] = {"rows": table.num_rows, "types": {f.name: str(f.type) for f in table.schema},
                  "verdicts": table.column("verdict").to_pylist(), "x": table.column("x").to_pylist()}

semantic = Image.open(first(root / "masks/semantic", "*.png"))
instance = Image.open(first(root / "masks/instance", "*.png"))
numbers = np.array(semantic)
out["masks"] = {"mode": semantic.mode, "counts": {str(n): int((numbers == n).sum()) for n in np.unique(numbers)},
                "instance_mode": instance.mode, "instances": sorted(int(n) for n in np.unique(np.array(instance))),
                "colour": semantic.getpalette()[3:6]}
truth = Image.open(first(root / "mvtec", "*/ground_truth/*/*_mask.png"))
out["mvtec"] = {"mode": truth.mode, "white": int((np.array(truth) == 255).sum())}

box = ElementTree.parse(first(root / "voc/Annotations", "*.xml")).getroot().find("object/bndbox")
out["voc"] = [float(box.find(n).text) for n in ("xmin", "ymin", "xmax", "ymax")]
print(json.dumps(out))
