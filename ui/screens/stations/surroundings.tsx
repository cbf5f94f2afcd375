import type { Surroundings } from "#contract/release"
import { useApp, useFormat, useWords } from "../../context.ts"
import { Tag } from "../../parts/tag.tsx"

/** What a station sees with, what tells it to look and whom it tells; quiet while all is well, each trouble by name. */
export function SurroundingTags({ surroundings }: { surroundings: Surroundings | undefined }) {
  const { now } = useApp()
  const words = useWords()
  const format = useFormat()
  if (!surroundings) return null
  const { camera, triggers, outputs } = surroundings
  const untaken = triggers.missed + triggers.refused
  const text = words.surroundings
  return (
    <div class="tags station-arrivals" data-testid="station-surroundings">
      <Tag
        tone={camera.state === "lost" ? "ng" : "neutral"}
        icon={camera.state === "lost" ? "warning" : "image"}
      >
        {text.camera[camera.state]}
        {camera.state === "lost" && ` · ${format.ago(camera.since, now.value)}`}
      </Tag>
      {camera.dropped > 0 && <Tag>{text.dropped(format.number(camera.dropped))}</Tag>}
      {untaken > 0 && (
        <Tag tone="unsure" icon="warning">
          {text.untaken(format.number(untaken), format.number(triggers.received))}
        </Tag>
      )}
      {Object.entries(outputs).map(([name, output]) => (
        <Tag
          key={name}
          tone={output.state === "failing" ? "ng" : "neutral"}
          {...(output.state === "failing" && { icon: "warning" })}
        >
          {name} · {text.output[output.state]}
          {output.failed > 0 && ` · ${text.untold(format.number(output.failed))}`}
        </Tag>
      ))}
    </div>
  )
}
