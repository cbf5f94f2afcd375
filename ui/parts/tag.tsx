import type { ComponentChildren } from "preact"
import { useWords } from "../context.ts"
import { Icon, type IconName, VerdictMark } from "./icon.tsx"

export type Tone = "neutral" | "ok" | "ng" | "unsure" | "strong"

/** A state in one word, with a sign beside the colour. */
export function Tag({
  tone = "neutral",
  icon,
  children,
}: {
  tone?: Tone
  icon?: IconName
  children: ComponentChildren
}) {
  return (
    <span class={`tag tag-${tone}`}>
      {icon && <Icon name={icon} size={18} />}
      {children}
    </span>
  )
}

/** A verdict of a model or a person: sign, word, colour. */
export function VerdictTag({ verdict }: { verdict: "ok" | "ng" | "unsure" | "undecidable" | "undefined" }) {
  const words = useWords()
  const tone = { ok: "ok", ng: "ng", unsure: "unsure", undecidable: "unsure", undefined: "neutral" } as const
  return (
    <span class={`tag tag-${tone[verdict]}`}>
      <VerdictMark verdict={verdict} size={16} />
      {words.verdict[verdict]}
    </span>
  )
}
