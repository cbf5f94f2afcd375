import type { Guide } from "#contract/catalogue"
import { thumbUrl } from "../../api.ts"
import { useApp, useKindName, useWords } from "../../context.ts"
import { KindSign } from "../../parts/kind-sign.tsx"
import { PartImage } from "../../parts/part-image.tsx"
import { VerdictTag } from "../../parts/tag.tsx"

/** Criteria and limit samples beside the image: of the kinds in question and of this product, the nearest first. */
export function GuidePanel({
  guide,
  kinds,
  product,
}: {
  guide: Guide
  /** What the part may have, by the model or the person; none: every kind. */
  kinds: readonly string[]
  product: string | null
}) {
  const { prefs } = useApp()
  const words = useWords()
  const kindName = useKindName()
  const language = prefs.language.value
  const fits = (entry: { kind: string | null; product: string | null }) =>
    (entry.product === null || entry.product === product) &&
    (kinds.length === 0 || entry.kind === null || kinds.includes(entry.kind))
  const criteria = guide.criteria.filter(fits)
  const samples = guide.samples.filter(fits)
  const named = [...new Set([...criteria, ...samples].map(({ kind }) => kind))]
  // What holds for every defect closes the list.
  const sections = named.toSorted((a, b) => Number(a === null) - Number(b === null))
  return (
    <div data-testid="flow-guide-panel">
      <h2 class="guide-title">
        {words.flow.guide.title}
        {guide.version > 0 && <span class="small muted">{words.flow.guide.version(guide.version)}</span>}
      </h2>
      {sections.length === 0 && (
        <p>
          <strong>{words.flow.guide.none}</strong>
          <br />
          <span class="muted">{words.flow.guide.noneBody}</span>
        </p>
      )}
      {sections.map((kind) => (
        <section key={kind ?? ""} class="guide-kind">
          <h3>
            {kind !== null && <KindSign kind={kind} size={24} />}
            {kind === null ? words.flow.guide.general : kindName(kind)}
          </h3>
          {criteria
            .filter((criterion) => criterion.kind === kind)
            .map((criterion) => (
              <p key={criterion.version} class="guide-text">
                {criterion.texts[language] || criterion.texts[language === "ko" ? "en" : "ko"]}
              </p>
            ))}
          <ul class="guide-samples">
            {samples
              .filter((sample) => sample.kind === kind)
              .map(({ id, verdict, image, box, notes }) => (
                <li key={id}>
                  <PartImage
                    src={thumbUrl(image.sha256, 320)}
                    w={image.w}
                    h={image.h}
                    alt={verdict === "ok" ? words.flow.guide.ok : words.flow.guide.ng}
                    boxes={
                      box ? [{ name: kind === null ? words.flow.guide.general : kindName(kind), box }] : []
                    }
                  />
                  <VerdictTag verdict={verdict} />
                  <span class="small">{notes[language] || words.flow.guide[verdict]}</span>
                </li>
              ))}
          </ul>
        </section>
      ))}
    </div>
  )
}
