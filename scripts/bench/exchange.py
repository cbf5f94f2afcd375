"""Label Studio's own converter on the tasks of result.json, without pictures; prints seconds and memory."""
import json, resource, sys, time
from pathlib import Path

from label_studio_sdk.converter import Converter

folder, form = Path(sys.argv[1]), sys.argv[2]
config = """<View><Image name="image" value="$image"/>
<Choices name="verdict" toName="image"><Choice value="OK"/><Choice value="NG"/></Choices>
<RectangleLabels name="box" toName="image">
<Label value="scratch"/><Label value="dent"/><Label value="stain"/><Label value="burr"/><Label value="crack"/>
</RectangleLabels></View>"""
converter = Converter(config=config, project_dir=str(folder), download_resources=False)
start = time.perf_counter()
target = folder / f"official-{form}"
if form == "YOLO":
    converter.convert_to_yolo(str(folder / "result.json"), str(target), is_dir=False)
else:
    converter.convert_to_coco(str(folder / "result.json"), str(target), is_dir=False)
seconds = time.perf_counter() - start
print(json.dumps({"seconds": seconds, "rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))
