import { VerdictMark } from "../../parts/icon.tsx"
import type { Labelling } from "./labelling.ts"

/** The answer to a tap, over the part. It reads nothing but the verdict, so that it is drawn before all that follows. */
export function Stamp({ work }: { work: Labelling }) {
  const last = work.last.value
  return last ? (
    <div key={last.seq} class={`stamp stamp-${last.verdict}`} aria-hidden="true">
      <VerdictMark verdict={last.verdict} size={200} edged />
    </div>
  ) : null
}
