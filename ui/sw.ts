/**
 * The service worker: the screens open without the network. It holds the files of one build and answers for nothing else;
 * what the hub says is never kept here. Built on its own, with the list of files in place of the two constants.
 */
// A module, so that its names are its own; the build makes a plain script of it.
export {}

declare const CRUX_BUILD: string
declare const CRUX_FILES: readonly string[]

/** The part of a worker's global scope that is used; TypeScript's own names clash with those of pages. */
type ServiceScope = {
  addEventListener(
    type: "install" | "activate",
    listener: (event: { waitUntil(work: Promise<unknown>): void }) => void,
  ): void
  addEventListener(
    type: "fetch",
    listener: (event: { request: Request; respondWith(answer: Promise<Response>): void }) => void,
  ): void
  skipWaiting(): Promise<void>
  clients: { claim(): Promise<void> }
  location: Location
}
const worker = globalThis as unknown as ServiceScope

const prefix = "crux-shell-"
const own = prefix + CRUX_BUILD
/** On bad Wi-Fi a page that takes longer than this is not waited for. */
const patienceMs = 2_000

worker.addEventListener("install", (event) => {
  event.waitUntil(
    caches
      .open(own)
      .then((cache) => cache.addAll(CRUX_FILES.map((path) => new Request(path, { cache: "no-cache" }))))
      .then(() => worker.skipWaiting()),
  )
})

worker.addEventListener("activate", (event) => {
  event.waitUntil(
    caches
      .keys()
      .then((names) => {
        const builds = names.filter((name) => name.startsWith(prefix))
        // The build before stays: a page that still runs it may yet want a screen it has not opened.
        const old = builds.filter((name) => name !== own).slice(0, -1)
        return Promise.all(old.map((name) => caches.delete(name)))
      })
      .then(() => worker.clients.claim()),
  )
})

worker.addEventListener("fetch", (event) => {
  const { request } = event
  const url = new URL(request.url)
  if (request.method !== "GET" || url.origin !== worker.location.origin) return
  if (request.mode === "navigate") {
    if (!url.pathname.startsWith("/api/")) event.respondWith(page(request))
    return
  }
  // Names carry the hash of what is inside: what is here is right.
  if (url.pathname.startsWith("/assets/")) event.respondWith(asset(request))
  else if (CRUX_FILES.includes(url.pathname)) event.respondWith(page(request))
})

/** From the hub, so that a new build is seen at once; from here when the hub does not answer soon. */
async function page(request: Request): Promise<Response> {
  const { pathname } = new URL(request.url)
  const kept = caches.match(request.mode === "navigate" ? "/" : pathname, { cacheName: own })
  const late = new Promise<Response | undefined>((resolve) => setTimeout(resolve, patienceMs, kept))
  const asked = fetch(request)
  const first = await Promise.race([asked.catch(() => kept), late])
  return first ?? asked
}

async function asset(request: Request): Promise<Response> {
  const kept = await caches.match(request)
  if (kept) return kept
  const answer = await fetch(request)
  // Pieces of the font come as words need them.
  if (answer.ok) await (await caches.open(own)).put(request, answer.clone())
  return answer
}
