"""Drives a hub with Label Studio's own clients, as anybody's script would: only the address and the key are given.

Usage: label_studio_client.py URL REFRESH_TOKEN LEGACY_TOKEN PICTURE; prints one JSON object of what it saw.
"""

import io
import json
import sys
import time

from label_studio_sdk import Client, LabelStudio

url, refresh, legacy, picture = sys.argv[1:5]
CONFIG = """<View>
  <!-- kept to the byte -->
  <Image name="image" value="$image"/>
  <Choices name="verdict" toName="image" choice="single"><Choice value="OK"/><Choice value="NG"/></Choices>
  <RectangleLabels name="defect" toName="image"><Label value="scratch"/><Label value="찍힘"/></RectangleLabels>
</View>"""


def box(label, x):
    return {
        "id": f"b{x}",
        "from_name": "defect",
        "to_name": "image",
        "type": "rectanglelabels",
        "original_width": 24,
        "original_height": 16,
        "image_rotation": 0,
        "value": {"x": x, "y": 25, "width": 25, "height": 50, "rotation": 0, "rectanglelabels": [label]},
    }


def verdict(word):
    return {"id": "v", "from_name": "verdict", "to_name": "image", "type": "choices", "value": {"choices": [word]}}


def stored(get, task):
    """The picture becomes a part in its own time."""
    for _ in range(400):
        seen = get(task)
        if seen == "stored":
            return seen
        time.sleep(0.05)
    return seen


said = {}
ls = LabelStudio(base_url=url, api_key=refresh)
said["edition"] = ls.versions.get().edition
said["me"] = ls.users.whoami().email
project = ls.projects.create(title="line 4", label_config=CONFIG)
said["config_kept"] = ls.projects.get(project.id).label_config == CONFIG
said["labels"] = sorted(ls.projects.get(project.id).get_label_interface().get_control("defect").labels)
try:
    ls.projects.create(title="bad", label_config="<View><Choices name='a' toName='b'/></View>")
except Exception as error:
    said["refused"] = [error.status_code, error.body["validation_errors"]["label_config"]]
brought = ls.projects.import_tasks(
    id=project.id,
    request=[
        {
            "data": {"image": picture, "serial": "SN-1"},
            "predictions": [{"model_version": "m1", "score": 0.8, "result": [box("scratch", 10)]}],
        },
        {"image": picture},
    ],
    return_task_ids=True,
)
said["brought"] = [brought.task_count, brought.prediction_count]
first, second = brought.task_ids
said["picture"] = stored(lambda t: ls.tasks.get(t).crux_picture, first)
said["part"] = ls.tasks.get(first).crux_inspection
made = ls.annotations.create(first, result=[verdict("NG"), box("찍힘", 50)], lead_time=4.2)
changed = ls.annotations.update(made.id, result=[verdict("NG"), box("scratch", 50)], ground_truth=True)
said["annotation"] = [made.id == changed.id, changed.ground_truth, changed.result[1]["value"]["rectanglelabels"]]
said["prediction"] = ls.predictions.create(
    task=second, result=[verdict("OK")], score=0.5, model_version="m2"
).model_version
view = ls.views.create(
    project=project.id,
    data={
        "title": "annotated",
        "filters": {
            "conjunction": "and",
            "items": [
                {"filter": "filter:tasks:total_annotations", "operator": "greater", "type": "Number", "value": 0}
            ],
        },
    },
)
said["view"] = [task.id for task in ls.tasks.list(view=view.id)] == [first]
said["exported"] = [[task["data"].get("serial"), len(task["annotations"])] for task in ls.projects.exports.as_json(project.id)]
said["table"] = sorted(ls.projects.exports.as_pandas(project.id).columns)
snapshot = ls.projects.exports.create(project.id, title="before")
ls.annotations.delete(made.id)
frozen = json.loads(b"".join(ls.projects.exports.download(project.id, export_pk=snapshot.id)))
said["snapshot"] = [len(task["annotations"]) for task in frozen]
said["deleted"] = [annotation.id for annotation in ls.annotations.list(first)]
hook = ls.webhooks.create(url="http://127.0.0.1:9/", project=project.id, actions=["TASKS_CREATED"])
said["webhooks"] = [one.url for one in ls.webhooks.list(project=project.id)]
ls.webhooks.delete(hook.id)
said["person"] = ls.users.create(email="kim@plant.example", username="kim", first_name="Kim", last_name="Minji").email
paged = ls.projects.import_tasks(id=project.id, request=[{"image": picture} for _ in range(230)])
said["paged"] = [paged.task_count, len([task.id for task in ls.tasks.list(project=project.id, page_size=100)])]

client = Client(url=url, api_key=legacy)
said["up"] = client.check_connection()["status"]
old = client.start_project(title="older script", label_config=CONFIG)
ids = old.import_tasks([{"image": picture}, {"image": picture}])
stored(lambda t: old.get_task(t)["crux_picture"], ids[0])
old.create_prediction(ids[1], result=[verdict("OK")], score=0.9, model_version="m3")
mine = old.create_annotation(ids[0], result=[verdict("OK")], lead_time=1.0)
old.update_annotation(mine["id"], ground_truth=True)
said["legacy"] = {
    "labeled": old.get_labeled_tasks_ids() == [ids[0]],
    "unlabeled": old.get_unlabeled_tasks_ids() == [ids[1]],
    "exported": [task["annotations"][0]["ground_truth"] for task in old.export_tasks()],
    "versions": old.get_model_versions(),
    "taken_over": old.create_annotations_from_predictions()["processed_items"],
    "files": [open(path, "rb").read()[:4].hex() for path in old.get_files_from_tasks([old.get_task(ids[0])])],
    "users": [user.email for user in client.get_users()],
}
said["dropped"] = client.delete_project(old.id).status_code
try:
    LabelStudio(base_url=url, api_key="0" * 40).projects.get(project.id)
except Exception as error:
    said["stranger"] = [error.status_code, error.body["detail"]]
print(json.dumps(said))
