import { useEffect, useRef } from "preact/hooks"
import { useApp, useWords } from "../../context.ts"
import { Loaded } from "../../parts/loaded.tsx"
import { useResource } from "../../resource.ts"

/** What the trainer writes, the newest in sight. */
export function Log({ job }: { job: string }) {
  const { api } = useApp()
  const words = useWords()
  const text = useResource(`log ${job}`, (s) => api.text(`/api/training/jobs/${job}/log`, s), ["job"])
  const place = useRef<HTMLPreElement>(null)
  const shown = text.data.value
  useEffect(() => {
    const box = place.current
    if (box && shown) box.scrollTop = box.scrollHeight
  }, [shown])
  return (
    <Loaded resource={text}>
      {(lines) =>
        lines === "" ? (
          <p class="muted">{words.trainers.logEmpty}</p>
        ) : (
          // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard
          <pre ref={place} class="job-log" tabIndex={0} data-testid="training-log">
            {lines}
          </pre>
        )
      }
    </Loaded>
  )
}
