import { useComputed, useSignal } from "@preact/signals"
import type { FunctionComponent } from "preact"
import { InspectionView } from "#contract/labelling"
import type { ModelContract } from "#contract/model"
import { TrialResult, type TriedPicture } from "#contract/registry"
import { asTrouble, imageUrl, type Trouble, thumbUrl } from "../../api.ts"
import { useApp, useFormat, useKindName } from "../../context.ts"
import { useDeskWords } from "../../desk-words.ts"
import { Button } from "../../parts/button.tsx"
import { Loaded } from "../../parts/loaded.tsx"
import { Panel } from "../../parts/page.tsx"
import { PartImage } from "../../parts/part-image.tsx"
import { VerdictTag } from "../../parts/tag.tsx"
import { useResource } from "../../resource.ts"
import { Doubts } from "./doubts.tsx"

const offered = 24
const most = 6

type Props = {
  file: string
  contract: ModelContract
  /** Whether the description can be read as it stands. */
  right: boolean
  Trouble: FunctionComponent<{ trouble: Trouble }>
}
type Pictured = InspectionView & { image: NonNullable<InspectionView["image"]> }

/** What the model finds on parts of this hub, as it is described just now. */
export function Trial(props: Props) {
  const { api } = useApp()
  const w = useDeskWords().wizard
  const parts = useResource("wizard parts", async (signal) => {
    const list = await api.list(`/api/inspections?limit=${offered * 2}`, InspectionView, signal)
    return list.filter((part): part is Pictured => part.image !== null).slice(0, offered)
  })
  return (
    <Panel title={w.trial}>
      <p class="muted">{w.trialLead}</p>
      <Loaded resource={parts}>{(list) => <Chosen {...props} parts={list} />}</Loaded>
    </Panel>
  )
}

/** Some of each verdict, the newest first: a model that is right shows it on both. */
function firstOf(parts: readonly Pictured[]): ReadonlySet<string> {
  const bad = parts.filter(({ verdict }) => verdict.eval === "ng").slice(0, most / 2)
  const others = parts.filter((part) => !bad.includes(part)).slice(0, most - bad.length)
  return new Set([...bad, ...others].map(({ id }) => id))
}

function Chosen({ file, contract, right, Trouble: Told, parts }: Props & { parts: readonly Pictured[] }) {
  const { api } = useApp()
  const w = useDeskWords().wizard
  const chosen = useSignal<ReadonlySet<string>>(firstOf(parts))
  const busy = useSignal(false)
  const trouble = useSignal<Trouble | undefined>(undefined)
  const result = useSignal<{ of: ModelContract; said: TrialResult } | undefined>(undefined)
  const byId = useComputed(() => new Map(parts.map((part) => [part.id, part])))

  async function run() {
    busy.value = true
    trouble.value = undefined
    try {
      const body = { contract, parts: parts.flatMap(({ id }) => (chosen.value.has(id) ? [id] : [])) }
      const said = await api.post(`/api/models/files/${file}/try`, body, TrialResult)
      result.value = { of: contract, said }
    } catch (error) {
      trouble.value = asTrouble(error)
    } finally {
      busy.value = false
    }
  }
  function toggle(id: string) {
    const next = new Set(chosen.value)
    if (!next.delete(id) && next.size < most) next.add(id)
    chosen.value = next
  }
  const shown = result.value
  return (
    <div class="form">
      {parts.length === 0 ? (
        <p class="muted">{w.noParts}</p>
      ) : (
        <>
          <p class="small muted num">{w.pick(chosen.value.size, most)}</p>
          <ul class="similar-strip">
            {parts.map(({ id, part_id, device_id, image, verdict }) => (
              <li key={id}>
                <button
                  type="button"
                  class="similar-part wizard-part"
                  aria-pressed={chosen.value.has(id)}
                  onClick={() => toggle(id)}
                  data-testid="wizard-part"
                >
                  <img
                    src={thumbUrl(image.sha256, 160)}
                    alt={w.partName(part_id ?? device_id)}
                    loading="lazy"
                  />
                  <VerdictTag verdict={verdict.eval} />
                </button>
              </li>
            ))}
          </ul>
        </>
      )}
      <div class="wizard-actions">
        <Button
          icon="play"
          busy={busy.value}
          disabled={!right}
          onClick={() => void run()}
          testid="wizard-try"
        >
          {shown ? w.tryAgain : w.tryIt}
        </Button>
      </div>
      {trouble.value && <Told trouble={trouble.value} />}
      {shown && shown.of !== contract && <p class="muted">{w.tried}</p>}
      {shown && shown.said.doubts.length > 0 && (
        <Doubts texts={shown.said.doubts.map((doubt) => w.trialDoubts[doubt])} />
      )}
      {shown && (
        <ul class="wizard-pictures">
          {shown.said.pictures.map((said) => {
            const part = said.part === null ? undefined : byId.value.get(said.part)
            return part && <Picture key={part.id} said={said} part={part} />
          })}
        </ul>
      )}
      {shown && <Blanks pictures={shown.said.pictures.filter(({ part }) => part === null)} />}
    </div>
  )
}

function Picture({ said, part }: { said: TriedPicture; part: Pictured }) {
  const kindName = useKindName()
  const { image } = part
  const boxes = said.findings.flatMap(({ kind, box }) => (box ? [{ name: kindName(kind), box }] : []))
  return (
    <li data-testid="wizard-picture" data-found={boxes.length}>
      <PartImage
        src={imageUrl(image.sha256)}
        w={image.w}
        h={image.h}
        alt={part.part_id ?? part.device_id}
        boxes={boxes}
      />
      <Said said={said} />
      <p class="small">
        {said.findings
          .slice(0, 4)
          .map(({ kind, score }) => `${kindName(kind)} ${score.toFixed(2)}`)
          .join(", ")}
      </p>
    </li>
  )
}

function Said({ said }: { said: TriedPicture }) {
  const format = useFormat()
  const w = useDeskWords().wizard
  return (
    <p class="wizard-said">
      <VerdictTag verdict={said.eval} />
      <span class="num">{said.score?.toFixed(2)}</span>
      <span class="muted small">
        {said.code === null ? w.took(format.milliseconds(said.ms)) : (w.codes[said.code] ?? said.code)}
      </span>
    </p>
  )
}

function Blanks({ pictures }: { pictures: readonly TriedPicture[] }) {
  const w = useDeskWords().wizard
  return (
    <dl class="facts" aria-label={w.blankTitle}>
      {pictures.map((said, i) => (
        <div key={w.blanks[i]}>
          <dt>{w.blanks[i]}</dt>
          <dd>
            <Said said={said} />
          </dd>
        </div>
      ))}
    </dl>
  )
}
