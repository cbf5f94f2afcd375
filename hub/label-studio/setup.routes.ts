import { Hono } from "hono"
import type { DefectClass } from "#contract/catalogue"
import { ConfigToRead, SetupOfConfig } from "#contract/label-studio"
import { allow, doc, type HubEnv, json } from "../http/kit.ts"
import { isConfig, readConfig } from "./config.rules.ts"
import { classOfLabel, defectLabels } from "./dialect.ts"
import type { Projects } from "./projects.service.ts"
import { setupOf } from "./setup.ts"

/** Where engineers see what a labelling config is on the tablets, before they set it. */
export function createSetupRoutes({
  projects,
  classes,
}: {
  projects: Pick<Projects, "get">
  classes: () => DefectClass[]
}): Hono<HubEnv> {
  return new Hono<HubEnv>().post(
    "/api/label-studio/setup",
    allow("engineer"),
    doc("Reads a labelling config as tools and questions of the label screen; nothing is stored.", {
      200: SetupOfConfig,
    }),
    json(ConfigToRead),
    (c) => {
      const asked = c.req.valid("json")
      const config = readConfig("project" in asked ? projects.get(asked.project).config : asked.config)
      if (!isConfig(config))
        return c.json({ tools: [], questions: [], left: [], unknown: [], faults: [...config] })
      const known = classes()
      const unknown = defectLabels(config).filter((word) => classOfLabel(word, known) === undefined)
      return c.json({ ...setupOf(config), unknown, faults: [] })
    },
  )
}
