import { useSignal } from "@preact/signals"
import { type InspectionView, takenAt } from "#contract/labelling"
import { imageUrl } from "../../api.ts"
import { useFormat, useKindName, useWords } from "../../context.ts"
import { Dialog } from "../../parts/dialog.tsx"
import { PartImage } from "../../parts/part-image.tsx"
import { Empty } from "../../parts/states.tsx"
import { Tag, VerdictTag } from "../../parts/tag.tsx"
import { useStationName } from "../stations/station-name.ts"
import { Hold } from "./hold.tsx"
import { Prelabels } from "./prelabels.tsx"
import { Similar } from "./similar.tsx"

/** One part, large, with everything known about it. */
export function InspectionDialog({
  inspection: opened,
  onClose,
}: {
  inspection: InspectionView
  onClose: () => void
}) {
  const shown = useSignal(opened)
  const inspection = shown.value
  const words = useWords()
  const format = useFormat()
  const kindName = useKindName()
  const stationName = useStationName()
  const { image, verdict, model, label, no_image } = inspection
  const facts: [string, string][] = [
    [words.label.station, stationName(inspection.device_id)],
    [words.live.partNo, inspection.part_id ?? words.common.none],
    ...(verdict.score === undefined
      ? []
      : [[words.live.score, verdict.score.toFixed(2)] as [string, string]]),
    ...(model ? [[words.label.model, words.home.release(model.release)] as [string, string]] : []),
  ]
  return (
    <Dialog title={words.live.detail} onClose={onClose} wide>
      {image ? (
        <PartImage
          src={imageUrl(image.sha256)}
          w={image.w}
          h={image.h}
          alt={words.live.partNo}
          boxes={inspection.findings.flatMap((f) => (f.box ? [{ name: kindName(f.kind), box: f.box }] : []))}
        />
      ) : (
        <Empty
          icon="image"
          title={words.live.imageNone}
          body={
            no_image === undefined
              ? ""
              : (words.arrivals.noPicture[no_image] ?? words.arrivals.noPictureOther)
          }
        />
      )}
      <dl class="facts">
        <div>
          <dt>{words.label.model}</dt>
          <dd>
            <VerdictTag verdict={verdict.eval} />{" "}
            {words.common.and([...new Set(inspection.findings.map((f) => kindName(f.kind)))])}
          </dd>
        </div>
        <Prelabels key={`prelabels ${inspection.id}`} id={inspection.id} />
        {label && (
          <div>
            <dt>{words.live.judged}</dt>
            <dd>
              <VerdictTag verdict={label.verdict} /> {words.common.and(label.kinds.map(kindName))}
            </dd>
          </div>
        )}
        {facts.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd class="num">{value}</dd>
          </div>
        ))}
        <div>
          <dt>{words.models.made}</dt>
          <dd class="num">{format.dateTime(takenAt(inspection))}</dd>
          {inspection.clock && (
            <dd class="small">
              <Tag tone="unsure" icon="warning">
                {words.devices.clock[inspection.clock](format.dateTime(inspection.captured_at))}
              </Tag>
            </dd>
          )}
        </div>
      </dl>
      <Similar
        key={inspection.id}
        id={inspection.id}
        onOpen={(part) => {
          shown.value = part
        }}
      />
      <Hold key={`hold ${inspection.id}`} inspection={inspection} />
    </Dialog>
  )
}
