import type { Arrival, RefusalView } from "#contract/ingest"
import type { Storage } from "#contract/storage"
import { useFormat, useWords } from "../../context.ts"
import { Icon } from "../../parts/icon.tsx"
import { Panel } from "../../parts/page.tsx"
import { Tag } from "../../parts/tag.tsx"
import { TechnicalDetail } from "../../parts/technical-detail.tsx"

/** What does not arrive whole from one station, each with its reason; nothing when all is well. */
export function ArrivalTags({
  arrival,
  shed,
}: {
  arrival: Arrival | undefined
  shed: Record<string, number>
}) {
  const words = useWords()
  const format = useFormat()
  const count = (whole: boolean) =>
    Object.entries(shed).reduce((sum, [kind, n]) => (kind.endsWith("_row") === whole ? sum + n : sum), 0)
  const [pictures, records] = [count(false), count(true)]
  const lost = arrival?.unexplained ?? 0
  const refused = arrival?.refusals ?? 0
  if (pictures + records + lost + refused === 0) return null
  return (
    <div class="tags station-arrivals">
      {lost > 0 && (
        <Tag tone="ng" icon="warning">
          {words.arrivals.lost(format.number(lost))}
        </Tag>
      )}
      {records > 0 && (
        <Tag tone="unsure" icon="warning">
          {words.arrivals.recordsShed(format.number(records))}
        </Tag>
      )}
      {pictures > 0 && <Tag icon="image">{words.arrivals.picturesShed(format.number(pictures))}</Tag>}
      {refused > 0 && (
        <Tag tone="unsure" icon="warning">
          {words.arrivals.refused(format.number(refused))}
        </Tag>
      )}
    </div>
  )
}

/** How full the hub's disk is; loud only when pictures wait for it. */
export function DiskNote({ storage }: { storage: Storage }) {
  const words = useWords()
  const format = useFormat()
  const { level, free, total, tight_in_ms, evicted, waiting } = storage
  const soon = tight_in_ms !== null && tight_in_ms > 0 && tight_in_ms < 7 * 24 * 3_600_000
  const lines = [
    words.arrivals.disk(format.bytes(free), format.bytes(total)),
    level === "fine" ? "" : words.arrivals.level[level],
    level === "fine" && soon ? words.arrivals.tightIn(format.duration(tight_in_ms / 1000, 1)) : "",
    waiting > 0 ? words.arrivals.waiting(format.number(waiting)) : "",
    evicted.images > 0
      ? words.arrivals.evicted(format.number(evicted.images), format.bytes(evicted.bytes))
      : "",
  ]
  const loud = level !== "fine"
  return (
    <div class={loud ? "note note-trouble" : "note"} role={loud ? "alert" : undefined} data-testid="hub-disk">
      <Icon name={loud ? "warning" : "settings"} />
      <div class="note-text">
        {lines.filter(Boolean).map((line) => (
          <p key={line}>{line}</p>
        ))}
      </div>
    </div>
  )
}

/** The last messages the hub did not take, with the reason their sender was given. */
export function Refusals({ list, names }: { list: RefusalView[]; names: ReadonlyMap<string, string> }) {
  const words = useWords()
  const format = useFormat()
  if (list.length === 0) return null
  return (
    <Panel title={words.arrivals.refusals} aside={<span class="muted">{words.arrivals.refusalsAside}</span>}>
      <ul class="rows" data-testid="refusals">
        {list.map((refusal) => (
          <li class="row" key={refusal.n}>
            <div class="row-main">
              <span class="row-title">{names.get(refusal.device_id) ?? refusal.device_id}</span>
              <span class="muted num">{format.dateTime(refusal.at)}</span>
            </div>
            <div class="refusal-why">
              <span>{words.arrivals.why[refusal.code] ?? words.arrivals.whyOther}</span>
              <TechnicalDetail text={`${refusal.detail} · ${format.bytes(refusal.size)}`} />
            </div>
          </li>
        ))}
      </ul>
    </Panel>
  )
}
