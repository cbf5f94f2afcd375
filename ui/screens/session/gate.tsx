import type { ComponentChildren } from "preact"
import { useApp, useWords } from "../../context.ts"
import { languageNames } from "../../i18n/format.ts"
import { Segmented } from "../../parts/field.tsx"
import { Wordmark } from "../../parts/icon.tsx"

/** Frame of the two screens before anyone is signed in. */
export function GateFrame({
  title,
  lead,
  wide = false,
  children,
}: {
  title: string
  lead?: string
  /** For many names: the brand gives way. */
  wide?: boolean
  children: ComponentChildren
}) {
  const { prefs } = useApp()
  const words = useWords()
  return (
    <div class={`gate ${wide ? "gate-wide" : ""}`}>
      <aside class="gate-brand">
        <Wordmark />
        <p class="gate-line">{words.productLine}</p>
      </aside>
      <main class="gate-form" id="main">
        <div class="gate-language">
          <Segmented
            label={words.settings.language}
            value={prefs.language.value}
            options={[
              { value: "ko", text: languageNames.ko },
              { value: "en", text: languageNames.en },
            ]}
            onValue={(language) => {
              prefs.language.value = language
            }}
            testid="language"
          />
        </div>
        <div>
          <h1>{title}</h1>
          {lead && <p class="muted">{lead}</p>}
        </div>
        {children}
      </main>
    </div>
  )
}
