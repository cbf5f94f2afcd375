import { useSignal } from "@preact/signals"
import { useEffect } from "preact/hooks"
import { Prelabel, type SimilarParts } from "#contract/assist"
import type { InspectionView } from "#contract/labelling"
import { thumbUrl } from "../../api.ts"
import { useApp, useKindName, useWords } from "../../context.ts"
import { Button } from "../../parts/button.tsx"
import { PartImage } from "../../parts/part-image.tsx"
import { VerdictTag } from "../../parts/tag.tsx"
import { useResource } from "../../resource.ts"
import { Similar } from "../live/similar.tsx"
import { adviceOfModel, adviceOfParts } from "./label.rules.ts"
import type { Labelling } from "./labelling.ts"

/** Advice beside the image: what a second model says, and parts that look alike with how people judged them. */
export function AlikePanel({ id, work }: { id: string; work: Labelling }) {
  const { api } = useApp()
  const words = useWords()
  const kindName = useKindName()
  const open = useSignal<InspectionView | null>(null)
  const said = useResource(`advice ${id}`, (signal) =>
    api.list(`/api/inspections/${id}/prelabels`, Prelabel, signal),
  )
  const teacher = said.data.value?.find(({ role }) => role === "teacher")
  // Shown is what counts: with the label goes what became of it.
  useEffect(() => {
    const advice = teacher && adviceOfModel(teacher)
    if (advice) work.advise("teacher", advice)
  }, [teacher, work])
  const onFound = ({ judged }: SimilarParts) => {
    const advice = adviceOfParts(judged)
    if (advice) work.advise("similar", advice)
  }
  return (
    <div class="alike" data-testid="flow-alike-panel">
      {teacher && (
        <section class="guide-kind" data-testid="flow-teacher">
          <h3>{words.assist.role.teacher}</h3>
          <p>
            <VerdictTag verdict={teacher.verdict.eval} />{" "}
            {words.common.and([...new Set(teacher.findings.map(({ kind }) => kindName(kind)))])}
          </p>
          {teacher.findings.some(({ box }) => box) && (
            <Button icon="check" onClick={() => work.takeOver(teacher.findings)} testid="flow-teacher-take">
              {words.station.alike.take}
            </Button>
          )}
        </section>
      )}
      {said.data.value
        ?.filter(({ role }) => role === "server")
        .map(({ role, model, verdict, findings }) => (
          <section key={model} class="guide-kind" data-testid="flow-server">
            <h3>
              {words.assist.role[role]} {model}
            </h3>
            <p>
              <VerdictTag verdict={verdict.eval} />{" "}
              {words.common.and([...new Set(findings.map(({ kind }) => kindName(kind)))])}
            </p>
            {findings.some(({ box }) => box) && (
              <Button icon="check" onClick={() => work.takeOver(findings)} testid="flow-server-take">
                {words.station.alike.take}
              </Button>
            )}
          </section>
        ))}
      {open.value?.image && (
        <section class="guide-kind">
          <PartImage
            src={thumbUrl(open.value.image.sha256, 640)}
            w={open.value.image.w}
            h={open.value.image.h}
            alt={open.value.part_id ?? open.value.device_id}
            boxes={open.value.findings.flatMap(({ kind, box }) =>
              box ? [{ name: kindName(kind), box }] : [],
            )}
          />
          <Button
            onClick={() => {
              open.value = null
            }}
          >
            {words.common.close}
          </Button>
        </section>
      )}
      <Similar
        id={id}
        onFound={onFound}
        onOpen={(part) => {
          open.value = part
        }}
      />
    </div>
  )
}
