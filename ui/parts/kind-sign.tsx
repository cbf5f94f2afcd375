import { useApp } from "../context.ts"
import { DefectIcon } from "./icon.tsx"

/** The colours a class may have; each has a stroke of its own below the picture, so that colour is never alone. */
export const kindColors = ["c1", "c2", "c3", "c4", "c5", "c6", "c7", "c8"] as const

/** The sign of a defect class: its picture on a stroke of its own colour and pattern. */
export function KindSign({ kind, size = 24 }: { kind: string; size?: number }) {
  const { kinds } = useApp()
  const known = kinds.value.find((one) => one.key === kind)
  return <Sign icon={known?.icon} color={known?.color ?? ""} kind={kind} size={size} />
}

/** The same from parts, for a class that is being made. */
export function Sign({
  icon,
  color,
  kind,
  size = 24,
}: {
  icon: string | undefined
  color: string
  kind: string
  size?: number
}) {
  const known = (kindColors as readonly string[]).includes(color)
  return (
    <span class={`kind-sign ${known ? `kind-${color}` : ""}`}>
      <DefectIcon icon={icon} kind={kind} size={size} />
    </span>
  )
}
