import { batch, computed, effect, signal } from "@preact/signals"
import * as v from "valibot"
import { Language } from "#contract/users"
import { tabletNames } from "./tablet-names.ts"

export const themes = ["auto", "light", "dark", "contrast"] as const
export type Theme = (typeof themes)[number]

const Stored = v.object({
  language: v.optional(v.fallback(Language, "ko"), "ko"),
  theme: v.optional(v.fallback(v.picklist(themes), "auto"), "auto"),
  /** WCAG 2.2 2.1.4: single-key shortcuts can be turned off. */
  singleKeys: v.optional(v.fallback(v.boolean(), true), true),
  /** Which thumb holds NG; `left` mirrors the pair for left-handers. */
  hand: v.optional(v.fallback(v.picklist(["right", "left"]), "right"), "right"),
})

function readStored(storage: Storage): v.InferOutput<typeof Stored> {
  let json: unknown = {}
  try {
    json = JSON.parse(storage.getItem(tabletNames.prefs) ?? "{}")
  } catch {
    // A damaged entry is worth nothing but the defaults; it is overwritten at the next change.
    json = {}
  }
  const parsed = v.safeParse(Stored, json)
  return parsed.success ? parsed.output : v.parse(Stored, {})
}

/**
 * What this tablet looks like: language, theme, keys, hand. Kept in the browser, applied to <html>; what is changed in one
 * window of the browser holds in the others at once.
 */
export function createPrefs(deps: {
  storage: Storage
  root: HTMLElement
  dark: MediaQueryList
  windows: Pick<Window, "addEventListener">
}) {
  const stored = readStored(deps.storage)
  const language = signal(stored.language)
  const theme = signal<Theme>(stored.theme)
  const singleKeys = signal(stored.singleKeys)
  const hand = signal(stored.hand)
  const systemDark = signal(deps.dark.matches)
  deps.dark.addEventListener("change", (event) => {
    systemDark.value = event.matches
  })
  deps.windows.addEventListener("storage", ({ key }) => {
    if (key !== tabletNames.prefs) return
    const now = readStored(deps.storage)
    batch(() => {
      language.value = now.language
      theme.value = now.theme
      singleKeys.value = now.singleKeys
      hand.value = now.hand
    })
  })
  const shownTheme = computed(() =>
    theme.value === "auto" ? (systemDark.value ? "dark" : "light") : theme.value,
  )
  effect(() => {
    deps.root.dataset.theme = shownTheme.value
    deps.storage.setItem(
      tabletNames.prefs,
      JSON.stringify({
        language: language.value,
        theme: theme.value,
        singleKeys: singleKeys.value,
        hand: hand.value,
      }),
    )
  })
  return { language, theme, shownTheme, singleKeys, hand }
}
export type Prefs = ReturnType<typeof createPrefs>
