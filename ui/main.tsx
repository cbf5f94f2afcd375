import { signal } from "@preact/signals"
import { render } from "preact"
import type { DefectClass } from "#contract/catalogue"
import type { Session } from "#contract/users"
import { createApi } from "./api.ts"
import { Root } from "./app.tsx"
import { type App, createClock, createWords, type OpenOutbox } from "./context.ts"
import { createLive } from "./live.ts"
import { findFirstHand } from "./opening/handover.ts"
import { createOpened } from "./opening/opened.ts"
import { createPrefs } from "./prefs.ts"
import { createTablet } from "./tablet.ts"
import { showTypeface } from "./typeface.ts"

/** Composition root of the screens: made once, handed down by context. */
const prefs = createPrefs({
  storage: localStorage,
  root: document.documentElement,
  dark: matchMedia("(prefers-color-scheme: dark)"),
  windows: window,
})
const opened = createOpened(findFirstHand())
const signedIn = opened.take("session")
// The words of another language would be fetched in vain.
if (signedIn) prefs.language.value = signedIn.user.language
const session = signal<Session | null>(signedIn ?? null)
const tablet = createTablet({
  storage: localStorage,
  secure: isSecureContext,
  workers: navigator.serviceWorker,
  reload: () => location.reload(),
})
tablet.face.value = opened.take("tablet") ?? null
session.subscribe((open) => open && tablet.remember(open))
const app: Omit<App, "words" | "format"> = {
  api: createApi({
    fetch: (path, init) => fetch(path, init),
    onSignedOut: () => {
      tablet.forget()
      session.value = null
    },
  }),
  live: createLive({ url: "/api/live", open: (url) => new EventSource(url) }),
  prefs,
  session,
  tablet,
  opened,
  outbox: signal<OpenOutbox | null>(null),
  kinds: signal<DefectClass[]>([]),
  now: createClock(),
}

const typeface = document.getElementById("typeface")
if (typeface instanceof HTMLLinkElement) showTypeface({ link: typeface, storage: localStorage })
void tablet.install()
const root = document.getElementById("app")
if (!root) throw new Error("index.html has no #app")
void createWords(prefs).then((worded) => {
  // The language of the words that are there, not of those that are on their way.
  worded.words.subscribe(({ code }) => {
    document.documentElement.lang = code
  })
  render(<Root app={{ ...app, ...worded }} />, root)
})
