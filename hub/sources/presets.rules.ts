import type { SourcePreset, SourceProfile } from "#contract/source"

/** Words that most machines use. */
const ok = ["ok", "pass", "passed", "good", "true", "1", "양품", "합격"]
const ng = ["ng", "nok", "fail", "failed", "bad", "reject", "defect", "false", "0", "불량", "불합격"]
const undecidable = ["unknown", "unsure", "retry", "보류"]
const words = (path: string) => ({ path, ok, ng, undecidable })
const usual = { max_bytes: 8 * 1024 * 1024, repeat_s: 60 }

const preset = (key: string, profile: SourceProfile, foreign_topics: string[] = []): SourcePreset => ({
  key,
  profile,
  foreign_topics,
})

/** Ready profiles, as the products document their messages; `{source}` becomes the source's id. */
export const presets: readonly SourcePreset[] = [
  preset("jpeg-mqtt", { kind: "picture", topics: ["crux/v1/in/{source}/#"], fields: {}, ...usual }),
  preset("jpeg-http", { kind: "http", fields: {}, ...usual }),
  preset("json-mqtt", {
    kind: "json",
    topics: ["crux/v1/in/{source}/#"],
    image: "image",
    fields: { part: "part", verdict: words("result"), time: { path: "time", form: "auto" } },
    ...usual,
  }),
  preset(
    "frigate",
    {
      kind: "pair",
      picture_topic: "frigate/{camera}/{label}/snapshot",
      data_topic: "frigate/events",
      join: {
        by: "key",
        picture: ["$topic.camera", "$topic.label"],
        data: ["after.camera", "after.label"],
      },
      wait_s: 120,
      newest: true,
      fields: {
        id: "after.id",
        product: "after.camera",
        only: { path: "type", is: ["end"] },
        verdict: words("after.label"),
        time: { path: "after.start_time", form: "s" },
      },
      ...usual,
    },
    ["frigate/#"],
  ),
  preset("axis-mqtt", {
    kind: "json",
    topics: ["crux/v1/in/{source}/#"],
    image: "message.data.image",
    fields: {
      product: "message.data.scenario",
      verdict: words("message.data.result"),
      time: { path: "timestamp", form: "ms" },
    },
    ...usual,
  }),
  preset("axis-http", { kind: "http", fields: { part: "$query.part" }, ...usual }),
  preset("milesight-mqtt", {
    kind: "json",
    topics: ["crux/v1/in/{source}/#"],
    image: "values.image",
    fields: { id: "values.file", time: { path: "ts", form: "ms" } },
    ...usual,
  }),
  preset("milesight-http", {
    kind: "http",
    image: "values.image",
    fields: { time: { path: "ts", form: "ms" } },
    ...usual,
  }),
  preset("cognex-folder", {
    kind: "folder",
    folder: "{source}",
    sidecar: "txt",
    sidecar_wait_s: 10,
    after: "move",
    fields: { part: "serial", job: "job", verdict: words("result") },
    ...usual,
  }),
]
