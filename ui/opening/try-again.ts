import type { late as Words } from "../i18n/ko/first.ts"

const counted = "crux.opening-tries"
const firstWaitMs = 3_000
const longestWaitMs = 60_000

/** Whether the hub answers; without asking for a part. */
const isThere = (): Promise<boolean> =>
  fetch(location.href, { method: "HEAD", cache: "no-store" }).then(
    ({ ok }) => ok,
    () => false,
  )

/** The screens are there: the next failure is a first one. */
export const forgetTries = (storage: Storage): void => storage.removeItem(counted)

/**
 * The screens could not be fetched: says so, and opens the page anew once the hub answers, each time after a longer wait.
 * The page with what was judged on it stays until then: a browser that finds no hub would show a page of its own.
 */
export function tryAgainLater({ storage, words }: { storage: Storage; words: typeof Words }): void {
  let tries = Number(storage.getItem(counted)) || 0
  let timer: ReturnType<typeof setTimeout> | undefined
  let isAsking = false
  const note = document.createElement("div")
  note.className = "first-note"
  note.dataset.testid = "first-note"
  note.setAttribute("role", "status")
  const text = document.createElement("p")
  const now = document.createElement("button")
  now.type = "button"
  now.className = "first-again"
  now.dataset.testid = "first-again"
  now.textContent = words.tryNow
  note.append(text, now)
  document.body.append(note)

  async function ask(): Promise<void> {
    if (isAsking) return
    isAsking = true
    clearTimeout(timer)
    tries += 1
    storage.setItem(counted, String(tries))
    if (await isThere()) location.reload()
    else wait()
    isAsking = false
  }
  function wait(): void {
    const ms = Math.min(longestWaitMs, firstWaitMs * 2 ** tries)
    text.textContent = words.screensFailed(ms / 1_000)
    timer = setTimeout(() => void ask(), ms)
  }
  now.onclick = () => void ask()
  addEventListener("online", () => void ask())
  wait()
}
