import type { LabelTask } from "#contract/labelling"
import type { Opening } from "#contract/opening"
import { setupFor } from "#contract/setups"
import { first as en, late as enLate } from "../i18n/en/first.ts"
import { first as ko, late as koLate } from "../i18n/ko/first.ts"
import { afterFrame } from "../parts/after-frame.ts"
import { inNextTask } from "../parts/next-task.ts"
import { openOutboxDisk, putOnDisk } from "../screens/label/outbox-disk.ts"
import { tabletNames } from "../tablet-names.ts"
import { createFirstHand } from "./first-hand.ts"
import { drawFirst } from "./first-view.ts"
import { type EarlyKey, leaveFirstHand } from "./handover.ts"
import { forgetTries, tryAgainLater } from "./try-again.ts"

/**
 * The first script of the work screen: it shows the part that the page carries and takes a verdict on it, then fetches the
 * screens, which go on from there. One small file that waits for nothing.
 */
const opening = read<Opening>("opening")
const place = document.getElementById("first")
const screens = document.getElementById("app")

/** What the hub has written into the page: its own, of this very build. */
function read<T>(id: string): T | null {
  const text = document.getElementById(id)?.textContent
  return text ? (JSON.parse(text) as T) : null
}

/** How this tablet is set; what cannot be read is as it comes. */
function readLook(): { theme: string; hand: "left" | "right"; singleKeys: boolean } {
  let stored: unknown
  try {
    stored = JSON.parse(localStorage.getItem(tabletNames.prefs) ?? "{}")
  } catch {
    stored = {}
  }
  const found = (typeof stored === "object" && stored !== null ? stored : {}) as Record<string, unknown>
  const chosen = typeof found.theme === "string" && found.theme !== "auto" ? found.theme : undefined
  const system = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light"
  return {
    theme: chosen ?? system,
    hand: found.hand === "left" ? "left" : "right",
    singleKeys: found.singleKeys !== false,
  }
}

/** Not for a locked screen, for somebody who has signed out while the hub was away, or for a link that signs in. */
const isForNow = (): boolean =>
  localStorage.getItem(tabletNames.locked) === null &&
  localStorage.getItem(tabletNames.leaving) === null &&
  location.hash.length < 2

async function showFirst(task: LabelTask, { session, kinds, setups }: Opening, root: HTMLElement) {
  const { language, id: user } = session.user
  const { theme, hand, singleKeys } = readLook()
  document.documentElement.dataset.theme = theme
  document.documentElement.lang = language
  let opened: ReturnType<typeof openOutboxDisk> | undefined
  const disk = () => {
    opened ??= openOutboxDisk()
    return opened
  }
  // Asked only when there may be something: a disk that is still to be made would be waited for.
  const isUnsent = localStorage.getItem(tabletNames.unsent) !== null
  const lying = isUnsent ? disk().then((found) => found.getAll("outbox")) : Promise.resolve([])
  const first = createFirstHand({
    task,
    user,
    setup: setupFor(setups, task.inspection.product_id),
    isKnown: (kind) => kinds.some(({ key }) => key === kind),
    keep: async (entry) => {
      localStorage.setItem(tabletNames.unsent, "yes")
      await putOnDisk(await disk(), entry)
    },
    now: Date.now,
  })
  const view = drawFirst(root, {
    task,
    shapes: first.shapes,
    words: language === "ko" ? ko : en,
    nameOf: (key) => kinds.find((kind) => kind.key === key)?.names[language] ?? key,
    hand,
    hints: singleKeys,
    onPress: first.press,
  })
  const keys: EarlyKey[] = []
  const hear = (event: KeyboardEvent) => {
    const { code, key, shiftKey } = event
    if (event.ctrlKey || event.metaKey || event.altKey || event.target !== document.body || code === "Tab")
      return
    event.stopImmediatePropagation()
    keys.push({ code, key, shiftKey })
  }
  addEventListener("keydown", hear, true)
  // What is drawn below is not to be reached until it is to be seen.
  screens?.toggleAttribute("inert", true)
  let isOver = false
  let isTaken = true
  leaveFirstHand({
    get opening() {
      return isTaken ? opening : { ...opening, task: null }
    },
    end() {
      isOver = true
      removeEventListener("keydown", hear, true)
      screens?.toggleAttribute("inert", false)
      view.end()
      return { ...first.done(), keys }
    },
  })
  try {
    const [, rows] = await Promise.all([view.loaded(), lying])
    // Judged before the page was opened anew, and still unsent: the hub could not know.
    isTaken = !rows.some((row) => JSON.stringify(row).includes(task.inspection.id))
  } catch (error) {
    // A picture or a disk that does not open: the screens say what is the matter.
    console.warn("first part", error)
    view.end()
    return
  }
  if (!isTaken) view.end()
  // What somebody marked before is shown by the editor alone: nobody shall judge over it unseen.
  if (isOver || !isTaken || task.inspection.label) return
  first.show()
  view.ready()
  await new Promise<void>(afterFrame)
  // Before anybody can have seen the part and moved a finger.
  disk().catch((error: unknown) => console.warn("the tablet's disk", error))
}

type Screens = {
  main: string
  style: string
  fonts: string
  scripts: string[]
  words: Readonly<Partial<Record<string, string>>>
}

async function startScreens({ main, style, fonts, scripts, words }: Screens): Promise<void> {
  const link = (rel: string, href: string) => {
    const made = document.createElement("link")
    made.rel = rel
    made.href = href
    return made
  }
  const sheet = link("stylesheet", style)
  const styled = new Promise<unknown>((resolve, reject) => {
    sheet.onload = resolve
    sheet.onerror = reject
  })
  // As the other page has it: shown when the screens say so.
  const typeface = link("stylesheet", fonts)
  typeface.id = "typeface"
  typeface.media = "not all"
  const spoken = words[opening?.session.user.language ?? ""]
  const modules = [
    main,
    ...(spoken === undefined ? [] : [spoken]),
    ...scripts.filter((path) => path !== main),
  ]
  // One a task: to ask for a file takes a slow tablet so long that a tap would wait for all of them.
  for (const each of [sheet, ...modules.map((href) => link("modulepreload", href)), typeface]) {
    document.head.append(each)
    await new Promise<void>(inNextTask)
  }
  await styled
  await import(main)
}

async function run(): Promise<void> {
  if (opening?.task?.inspection.image && place && isForNow()) await showFirst(opening.task, opening, place)
  else {
    place?.remove()
    const nothing = { shownAt: undefined, label: null, kept: Promise.resolve(true), later: null, keys: [] }
    if (opening && isForNow()) leaveFirstHand({ opening, end: () => nothing })
  }
  const found = read<Screens>("screens")
  if (found) await startScreens(found)
}

run().then(
  () => forgetTries(sessionStorage),
  (error: unknown) => {
    // A hub that has just stopped, or a wall of steel: what was judged lies on the disk.
    console.warn("screens", error)
    const language = opening?.session.user.language ?? document.documentElement.lang
    tryAgainLater({ storage: sessionStorage, words: language === "ko" ? koLate : enLate })
  },
)
