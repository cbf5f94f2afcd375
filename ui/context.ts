import { computed, effect, type ReadonlySignal, type Signal, signal } from "@preact/signals"
import { createContext } from "preact"
import { useCallback, useContext } from "preact/hooks"
import type { DefectClass } from "#contract/catalogue"
import { type Role, roles, type Session } from "#contract/users"
import type { Api } from "./api.ts"
import { createFormat, type Format, readWords } from "./i18n/format.ts"
import type { Words } from "./i18n/ko.ts"
import type { Live } from "./live.ts"
import type { Opened } from "./opening/opened.ts"
import type { Prefs } from "./prefs.ts"
import type { Kept } from "./screens/label/kept.ts"
import type { Outbox } from "./screens/label/outbox.ts"
import type { Tablet } from "./tablet.ts"

/** The outbox with the tablet's disk behind it. */
export type OpenOutbox = Outbox & { kept: Kept; user: string | null }

/** What every screen may use; made once in main.tsx. */
export type App = {
  api: Api
  live: Live
  prefs: Prefs
  session: Signal<Session | null>
  /** What this device is, beside a browser. */
  tablet: Tablet
  /** What came with the page. */
  opened: Opened
  /** Of the signed-in person, or of nobody; null until it is open. */
  outbox: Signal<OpenOutbox | null>
  /** The defect catalogue, read at sign-in and after a new kind was made. */
  kinds: Signal<DefectClass[]>
  words: ReadonlySignal<Words>
  format: ReadonlySignal<Format>
  now: ReadonlySignal<number>
}

/** The words of the chosen language; on a change the ones before stay until the others are here. */
export async function createWords({
  language,
}: Pick<Prefs, "language">): Promise<Pick<App, "words" | "format">> {
  const words = signal(await readWords(language.value))
  effect(() => {
    const wanted = language.value
    if (words.peek().code === wanted) return
    readWords(wanted).then(
      (found) => {
        if (language.peek() === wanted) words.value = found
      },
      (error: unknown) => console.warn("words", error),
    )
  })
  return { words, format: computed(() => createFormat(words.value)) }
}

/** A clock that ticks once a second, for "3 min ago". */
export function createClock(): ReadonlySignal<number> {
  const now = signal(Date.now())
  setInterval(() => {
    now.value = Date.now()
  }, 1000)
  return now
}

export const AppContext = createContext<App | null>(null)

export function useApp(): App {
  const app = useContext(AppContext)
  if (!app) throw new Error("useApp is used outside the app")
  return app
}

export const useWords = (): Words => useApp().words.value
export const useFormat = (): Format => useApp().format.value

/** Whether the signed-in person holds this role or a higher one. The hub decides; this only hides what it would refuse. */
export function useMay(role: Role): boolean {
  const own = useApp().session.value?.user.role
  return own !== undefined && roles.indexOf(own) >= roles.indexOf(role)
}

/** The name of a defect kind in the person's language; a kind the catalogue lacks shows its key. */
export function useKindName(): (key: string) => string {
  const app = useApp()
  const { kind: named } = useWords()
  const kinds = app.kinds.value
  const language = app.prefs.language.value
  // The same until a name changes: what is drawn with it is not drawn again before.
  return useCallback(
    (key) =>
      kinds.find((kind) => kind.key === key)?.names[language] ?? (key === "unknown" ? named.unknown : key),
    [kinds, language, named],
  )
}
