import type { InspectionView } from "#contract/labelling"
import type { Doubt } from "#contract/review"
import { useKindName, useWords } from "../../context.ts"

/** Why a trainer doubts a label, in one sentence. */
export function DoubtLine({
  doubt: { said, p_said },
  label,
}: {
  doubt: Doubt
  label: NonNullable<InspectionView["label"]>
}) {
  const words = useWords()
  const kindName = useKindName()
  const ok = words.verdict.ok
  const given =
    label.kinds.length > 0 ? words.common.and(label.kinds.map(kindName)) : words.verdict[label.verdict]
  return (
    <span class="small">{words.learning.suspect(given, said === null ? ok : kindName(said), p_said)}</span>
  )
}
