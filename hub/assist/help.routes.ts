import { Hono } from "hono"
import * as v from "valibot"
import { HelpReport, NewTeacher, Prelabel, TeacherView } from "#contract/assist"
import { Uuid } from "#contract/ids"
import type { InspectionView } from "#contract/labelling"
import { listOf } from "#contract/list"
import { actor, allow, doc, type HubEnv, json, param, query } from "../http/kit.ts"
import type { Help } from "./help.service.ts"
import type { Prelabels } from "./prelabel.service.ts"

const Days = v.object({
  days: v.optional(
    v.pipe(v.string(), v.regex(/^\d{1,3}$/), v.transform(Number), v.minValue(1), v.maxValue(365)),
    "30",
  ),
})

export function createHelpRoutes({
  help,
  prelabels,
  servers,
  inspection,
}: {
  help: Help
  prelabels: Prelabels
  /** What model servers say of a part. */
  servers: (inspection: string) => Prelabel[]
  inspection: (id: string) => InspectionView
}) {
  return new Hono<HubEnv>()
    .get(
      "/api/inspections/:id/prelabels",
      allow("worker"),
      doc(
        "What the champion, the teacher and model servers say of a part; nothing of one to be judged without help.",
        {
          200: listOf(Prelabel),
        },
      ),
      param(v.object({ id: Uuid })),
      (c) => {
        const { id, label } = inspection(c.req.valid("param").id)
        const items = label === null && help.isBlind(id) ? [] : [...prelabels.of(id), ...servers(id)]
        return c.json({ items, next: null })
      },
    )
    .get(
      "/api/assist/help",
      allow("engineer"),
      doc("Whether help helps: time with and without, and how often suggestions are taken.", {
        200: HelpReport,
      }),
      query(Days),
      (c) => c.json(help.report(c.req.valid("query").days)),
    )
    .get(
      "/api/assist/teacher",
      allow("worker"),
      doc("The models that look at parts waiting for a person.", { 200: TeacherView }),
      (c) => c.json(prelabels.view()),
    )
    .put(
      "/api/assist/teacher",
      allow("engineer"),
      doc("Names a registered model the teacher, or nobody.", { 200: TeacherView }),
      json(NewTeacher),
      (c) => {
        prelabels.name(actor(c), c.req.valid("json").model)
        return c.json(prelabels.view())
      },
    )
}
