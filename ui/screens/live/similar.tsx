import { useEffect } from "preact/hooks"
import { SimilarParts } from "#contract/assist"
import { type InspectionView, takenAt } from "#contract/labelling"
import { thumbUrl } from "../../api.ts"
import { useApp, useFormat, useKindName, useWords } from "../../context.ts"
import { Icon } from "../../parts/icon.tsx"
import { Wait } from "../../parts/states.tsx"
import { VerdictTag } from "../../parts/tag.tsx"
import { useResource } from "../../resource.ts"

/** Parts that look like one, the nearest first, and how people judged them. Help only: where there is none, a word says so. */
export function Similar({
  id,
  onOpen,
  onFound,
}: {
  id: string
  onOpen: (part: InspectionView) => void
  /** They are on the screen. */
  onFound?: (parts: SimilarParts) => void
}) {
  const { api } = useApp()
  const words = useWords()
  const format = useFormat()
  const kindName = useKindName()
  const similar = useResource(
    `similar ${id}`,
    (signal) => api.get(`/api/inspections/${id}/similar?limit=12`, SimilarParts, signal),
    ["label"],
  )
  const found = similar.data.value
  useEffect(() => {
    if (found) onFound?.(found)
  }, [found])
  const { judged, items = [], waiting = 0 } = found ?? {}
  const said = [
    ...(judged && judged.ok > 0 ? [words.assist.judgedOk(judged.ok)] : []),
    ...(judged && judged.ng > 0 ? [words.assist.judgedNg(judged.ng)] : []),
    ...(judged && judged.unsure > 0 ? [words.assist.judgedUnsure(judged.unsure)] : []),
  ]
  return (
    <section class="similar" aria-label={words.assist.similar} data-testid="similar">
      <h2 class="similar-title">{words.assist.similar}</h2>
      {!found && !similar.trouble.value && <Wait />}
      {!found && similar.trouble.value && <p class="muted">{words.assist.similarNone}</p>}
      {found && items.length === 0 && (
        <p class="muted">{waiting > 0 ? words.assist.similarSoon(waiting) : words.assist.similarNone}</p>
      )}
      {items.length > 0 && (
        <>
          <p data-testid="similar-judged">
            {said.length === 0 ? words.assist.judgedNone : words.common.and(said)}
            {(judged?.kinds.length ?? 0) > 0 && (
              <span class="muted">
                {" · "}
                {words.common.and(judged?.kinds.map(({ kind, parts }) => `${kindName(kind)} ${parts}`) ?? [])}
              </span>
            )}
          </p>
          <ul class="similar-strip">
            {items.map(({ similarity, inspection }) => (
              <li key={inspection.id}>
                <button
                  type="button"
                  class="similar-part"
                  onClick={() => onOpen(inspection)}
                  data-testid="similar-part"
                >
                  {inspection.image ? (
                    <img
                      src={thumbUrl(inspection.image.sha256, 160)}
                      alt={inspection.part_id ?? inspection.device_id}
                      loading="lazy"
                    />
                  ) : (
                    <span class="similar-gone">
                      <Icon name="image" />
                    </span>
                  )}
                  {inspection.label ? (
                    <VerdictTag verdict={inspection.label.verdict} />
                  ) : (
                    <span class="muted small">{words.assist.notJudged}</span>
                  )}
                  <span class="small">
                    {words.common.and((inspection.label?.kinds ?? []).slice(0, 2).map(kindName))}
                  </span>
                  <span class="muted small num">
                    <span>{words.assist.alike(similarity)}</span>
                    <span>{format.dateTime(takenAt(inspection))}</span>
                  </span>
                </button>
              </li>
            ))}
          </ul>
        </>
      )}
    </section>
  )
}
