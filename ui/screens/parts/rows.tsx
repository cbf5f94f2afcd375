import { type InspectionView, takenAt } from "#contract/labelling"
import type { PartRow } from "#contract/parts"
import { thumbUrl } from "../../api.ts"
import { useFormat, useKindName, useWords } from "../../context.ts"
import { Icon } from "../../parts/icon.tsx"
import { VerdictTag } from "../../parts/tag.tsx"
import { useProductName } from "../catalogue/product-name.ts"
import { useStationName } from "../stations/station-name.ts"

type Props = { rows: readonly PartRow[]; ticked: ReadonlySet<string>; onTick: (id: string) => void }

const nameOf = ({ part_id, id }: InspectionView) => part_id ?? id.slice(-8)

function Tick({ part, ticked, onTick }: { part: InspectionView } & Omit<Props, "rows">) {
  const words = useWords()
  return (
    <label class="parts-tick">
      <input
        type="checkbox"
        checked={ticked.has(part.id)}
        aria-label={words.parts.choose(nameOf(part))}
        onChange={() => onTick(part.id)}
        data-testid="parts-tick"
      />
    </label>
  )
}

/** Parts as pictures: the part is the largest thing. */
export function PartGrid({ rows, ticked, onTick }: Props) {
  const words = useWords()
  const format = useFormat()
  const kindName = useKindName()
  const stationName = useStationName()
  return (
    <ul class="parts-grid">
      {rows.map(({ inspection, waits }) => (
        <li key={inspection.id} class="parts-card" data-ticked={ticked.has(inspection.id)}>
          <a href={`/parts/${inspection.id}`} class="parts-card-link" data-testid="parts-item">
            <span class="thumb">
              {inspection.image ? (
                <img src={thumbUrl(inspection.image.sha256, 320)} alt="" loading="lazy" />
              ) : (
                <Icon name="image" size={40} />
              )}
            </span>
            <span class="parts-card-name">{nameOf(inspection)}</span>
            <span class="parts-card-tags">
              <VerdictTag verdict={inspection.verdict.eval} />
              {inspection.label && (
                <span class="parts-card-said">
                  <Icon name="people" size={18} />
                  <VerdictTag verdict={inspection.label.verdict} />
                </span>
              )}
            </span>
            <span class="small muted">
              {words.common.and((inspection.label?.kinds ?? []).slice(0, 2).map(kindName)) ||
                (waits && words.label.reason[waits]) ||
                stationName(inspection.device_id)}
            </span>
            <span class="small muted num">{format.dateTime(takenAt(inspection))}</span>
          </a>
          <Tick part={inspection} ticked={ticked} onTick={onTick} />
        </li>
      ))}
    </ul>
  )
}

/** Parts as a table: many at a look. */
export function PartTable({ rows, ticked, onTick }: Props) {
  const words = useWords()
  const format = useFormat()
  const kindName = useKindName()
  const stationName = useStationName()
  const productName = useProductName()
  const { columns } = words.parts
  return (
    <div class="msa-scroll">
      <table class="msa-table parts-table">
        <thead>
          <tr>
            <th />
            <th>{columns.part}</th>
            <th>{columns.taken}</th>
            <th>{words.parts.fields.station}</th>
            <th>{words.parts.fields.product}</th>
            <th>{words.parts.fields.lot}</th>
            <th>{columns.verdict}</th>
            <th>{words.parts.fields.score}</th>
            <th>{columns.label}</th>
            <th>{columns.waits}</th>
          </tr>
        </thead>
        <tbody>
          {rows.map(({ inspection, lot, waits }) => (
            <tr key={inspection.id} data-ticked={ticked.has(inspection.id)}>
              <td>
                <Tick part={inspection} ticked={ticked} onTick={onTick} />
              </td>
              <td>
                <a class="parts-name" href={`/parts/${inspection.id}`} data-testid="parts-item">
                  {inspection.image && (
                    <img
                      src={thumbUrl(inspection.image.sha256, 160)}
                      alt=""
                      width={56}
                      height={44}
                      loading="lazy"
                    />
                  )}
                  {nameOf(inspection)}
                </a>
              </td>
              <td class="num">{format.dateTime(takenAt(inspection))}</td>
              <td>{stationName(inspection.device_id)}</td>
              <td>{inspection.product_id && productName(inspection.product_id)}</td>
              <td>{lot}</td>
              <td>
                <VerdictTag verdict={inspection.verdict.eval} />
              </td>
              <td class="num">{inspection.verdict.score?.toFixed(2)}</td>
              <td>
                {inspection.label && <VerdictTag verdict={inspection.label.verdict} />}{" "}
                {words.common.and((inspection.label?.kinds ?? []).map(kindName))}
              </td>
              <td class="small">{waits && words.label.reason[waits]}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}
