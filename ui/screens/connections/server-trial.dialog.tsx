import { type ModelServer, ModelServerTrial } from "#contract/label-studio"
import { InspectionView } from "#contract/labelling"
import { thumbUrl } from "../../api.ts"
import { useApp, useFormat, useKindName, useWords } from "../../context.ts"
import { useDeskWords } from "../../desk-words.ts"
import { Button } from "../../parts/button.tsx"
import { Dialog } from "../../parts/dialog.tsx"
import { Loaded } from "../../parts/loaded.tsx"
import { PartImage } from "../../parts/part-image.tsx"
import { VerdictTag } from "../../parts/tag.tsx"
import { useResource } from "../../resource.ts"

/** What a model server says of the newest part of its project; nothing is kept. */
export function ServerTrial({ server, onClose }: { server: ModelServer; onClose: () => void }) {
  const { api } = useApp()
  const words = useWords()
  const format = useFormat()
  const kindName = useKindName()
  const w = useDeskWords().servers
  const said = useResource(`try ${server.id}`, async (signal) => {
    const trial = await api.post(`/api/label-studio/servers/${server.id}/try`, {}, ModelServerTrial)
    const part =
      trial.part === null ? null : await api.get(`/api/inspections/${trial.part}`, InspectionView, signal)
    return { trial, image: part?.image ?? null }
  })
  return (
    <Dialog
      title={w.tryTitle}
      onClose={onClose}
      wide
      actions={
        <Button icon="redo" onClick={said.reload} testid="servers-try-again">
          {w.tryAgain}
        </Button>
      }
    >
      <p class="muted">{w.tryLead}</p>
      <Loaded resource={said}>
        {({ trial, image }) => (
          <div class="form" data-testid="servers-said">
            <p>
              {trial.verdict ? <VerdictTag verdict={trial.verdict.eval} /> : w.saysNothing}{" "}
              <b>{words.common.and([...new Set(trial.findings.map(({ kind }) => kindName(kind)))])}</b>{" "}
              <span class="muted num">{w.took(format.number(Math.round(trial.ms)))}</span>
            </p>
            {trial.note !== null && <p class="muted">{trial.note}</p>}
            {image ? (
              <PartImage
                src={thumbUrl(image.sha256, 640)}
                w={image.w}
                h={image.h}
                alt={w.tryTitle}
                boxes={trial.findings.flatMap(({ kind, box }) =>
                  box ? [{ name: kindName(kind), box }] : [],
                )}
              />
            ) : (
              <p class="muted">{w.noPicture}</p>
            )}
          </div>
        )}
      </Loaded>
    </Dialog>
  )
}
