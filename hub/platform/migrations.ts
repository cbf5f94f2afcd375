import users from "./migrations/0001_users.sql" with { type: "text" }
import catalogue from "./migrations/0002_catalogue.sql" with { type: "text" }
import fleet from "./migrations/0003_fleet.sql" with { type: "text" }
import inspection from "./migrations/0004_inspection.sql" with { type: "text" }
import labelling from "./migrations/0005_labelling.sql" with { type: "text" }
import dataset from "./migrations/0006_dataset.sql" with { type: "text" }
import training from "./migrations/0007_training.sql" with { type: "text" }
import registry from "./migrations/0008_registry.sql" with { type: "text" }
import rollout from "./migrations/0009_rollout.sql" with { type: "text" }
import ingest from "./migrations/0010_ingest.sql" with { type: "text" }
import room from "./migrations/0011_room.sql" with { type: "text" }
import packs from "./migrations/0012_packs.sql" with { type: "text" }
import deviceSecurity from "./migrations/0013_device_security.sql" with { type: "text" }
import sources from "./migrations/0014_sources.sql" with { type: "text" }
import sourceHalves from "./migrations/0015_source_halves.sql" with { type: "text" }
import brokerCredential from "./migrations/0016_broker_credential.sql" with { type: "text" }
import judged from "./migrations/0017_judged.sql" with { type: "text" }
import settled from "./migrations/0018_settled.sql" with { type: "text" }
import shadow from "./migrations/0019_shadow.sql" with { type: "text" }
import furtherImages from "./migrations/0020_further_images.sql" with { type: "text" }
import certificateSerial from "./migrations/0021_certificate_serial.sql" with { type: "text" }
import sparkplug from "./migrations/0022_sparkplug.sql" with { type: "text" }
import drawing from "./migrations/0023_drawing.sql" with { type: "text" }
import clock from "./migrations/0024_clock.sql" with { type: "text" }
import sourceRemoved from "./migrations/0025_source_removed.sql" with { type: "text" }
import queue from "./migrations/0026_queue.sql" with { type: "text" }
import tablets from "./migrations/0027_tablets.sql" with { type: "text" }
import importJob from "./migrations/0028_import_job.sql" with { type: "text" }
import embedding from "./migrations/0029_embedding.sql" with { type: "text" }
import segmenter from "./migrations/0030_segmenter.sql" with { type: "text" }
import classes from "./migrations/0031_classes.sql" with { type: "text" }
import flow from "./migrations/0032_flow.sql" with { type: "text" }
import prelabel from "./migrations/0033_prelabel.sql" with { type: "text" }
import labelHelp from "./migrations/0034_label_help.sql" with { type: "text" }
import labelStudio from "./migrations/0035_label_studio.sql" with { type: "text" }
import webhooks from "./migrations/0036_webhooks.sql" with { type: "text" }
import labelSetup from "./migrations/0037_label_setup.sql" with { type: "text" }
import datasetVersion from "./migrations/0038_dataset_version.sql" with { type: "text" }
import together from "./migrations/0039_together.sql" with { type: "text" }
import msa from "./migrations/0040_msa.sql" with { type: "text" }
import queueWalk from "./migrations/0041_queue_walk.sql" with { type: "text" }
import learning from "./migrations/0042_learning.sql" with { type: "text" }
import suspect from "./migrations/0043_suspect.sql" with { type: "text" }
import trainers from "./migrations/0044_trainers.sql" with { type: "text" }
import parts from "./migrations/0045_parts.sql" with { type: "text" }
import freeze from "./migrations/0046_freeze.sql" with { type: "text" }
import unskip from "./migrations/0047_unskip.sql" with { type: "text" }
import queueWaiting from "./migrations/0048_queue_waiting.sql" with { type: "text" }
import preparing from "./migrations/0049_preparing.sql" with { type: "text" }
import print from "./migrations/0050_print.sql" with { type: "text" }
import keyScope from "./migrations/0051_key_scope.sql" with { type: "text" }
import trainingNote from "./migrations/0052_training_note.sql" with { type: "text" }
import modelServers from "./migrations/0053_model_servers.sql" with { type: "text" }
import settledCount from "./migrations/0054_settled_count.sql" with { type: "text" }

/** Forward only, in order; each runs in one transaction. Never edit one that has been released: add the next. */
export const migrations: { name: string; sql: string }[] = [
  { name: "0001_users", sql: users },
  { name: "0002_catalogue", sql: catalogue },
  { name: "0003_fleet", sql: fleet },
  { name: "0004_inspection", sql: inspection },
  { name: "0005_labelling", sql: labelling },
  { name: "0006_dataset", sql: dataset },
  { name: "0007_training", sql: training },
  { name: "0008_registry", sql: registry },
  { name: "0009_rollout", sql: rollout },
  { name: "0010_ingest", sql: ingest },
  { name: "0011_room", sql: room },
  { name: "0012_packs", sql: packs },
  { name: "0013_device_security", sql: deviceSecurity },
  { name: "0014_sources", sql: sources },
  { name: "0015_source_halves", sql: sourceHalves },
  { name: "0016_broker_credential", sql: brokerCredential },
  { name: "0017_judged", sql: judged },
  { name: "0018_settled", sql: settled },
  { name: "0019_shadow", sql: shadow },
  { name: "0020_further_images", sql: furtherImages },
  { name: "0021_certificate_serial", sql: certificateSerial },
  { name: "0022_sparkplug", sql: sparkplug },
  { name: "0023_drawing", sql: drawing },
  { name: "0024_clock", sql: clock },
  { name: "0025_source_removed", sql: sourceRemoved },
  { name: "0026_queue", sql: queue },
  { name: "0027_tablets", sql: tablets },
  { name: "0028_import_job", sql: importJob },
  { name: "0029_embedding", sql: embedding },
  { name: "0030_segmenter", sql: segmenter },
  { name: "0031_classes", sql: classes },
  { name: "0032_flow", sql: flow },
  { name: "0033_prelabel", sql: prelabel },
  { name: "0034_label_help", sql: labelHelp },
  { name: "0035_label_studio", sql: labelStudio },
  { name: "0036_webhooks", sql: webhooks },
  { name: "0037_label_setup", sql: labelSetup },
  { name: "0038_dataset_version", sql: datasetVersion },
  { name: "0039_together", sql: together },
  { name: "0040_msa", sql: msa },
  { name: "0041_queue_walk", sql: queueWalk },
  { name: "0042_learning", sql: learning },
  { name: "0043_suspect", sql: suspect },
  { name: "0044_trainers", sql: trainers },
  { name: "0045_parts", sql: parts },
  { name: "0046_freeze", sql: freeze },
  { name: "0047_unskip", sql: unskip },
  { name: "0048_queue_waiting", sql: queueWaiting },
  { name: "0049_preparing", sql: preparing },
  { name: "0050_print", sql: print },
  { name: "0051_key_scope", sql: keyScope },
  { name: "0052_training_note", sql: trainingNote },
  { name: "0053_model_servers", sql: modelServers },
  { name: "0054_settled_count", sql: settledCount },
]
