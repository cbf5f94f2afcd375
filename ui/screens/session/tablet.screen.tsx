import type { Trouble } from "../../api.ts"
import { useApp, useWords } from "../../context.ts"
import { GateFrame } from "./gate.tsx"
import { TabletEntry } from "./tablet-entry.tsx"
import { UnsentHere } from "./unsent-here.tsx"

/** The sign-in screen of an enrolled tablet. */
export function TabletScreen({ trouble }: { trouble?: Trouble }) {
  const { tablet } = useApp()
  const words = useWords()
  return (
    <GateFrame title={words.tablet.who} lead={tablet.face.value?.tablet?.name ?? ""} wide>
      <UnsentHere />
      <TabletEntry {...(trouble && { trouble })} />
    </GateFrame>
  )
}
