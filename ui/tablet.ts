import { signal } from "@preact/signals"
import * as v from "valibot"
import { DefectClass } from "#contract/catalogue"
import type { ThisTablet } from "#contract/tablets"
import { Session } from "#contract/users"
import { whenIdle } from "./parts/when-idle.ts"
import { tabletNames as keys } from "./tablet-names.ts"

const installAfterMs = 2_000

/** Whether the screens open without the network. */
export type OfflineState = "preparing" | "ready" | "insecure" | "unsupported"

const Kinds = v.array(DefectClass)

/**
 * What this device is, beside a browser: enrolled or not, locked or not, installed or not; and what it remembers so that
 * the screens open without the network.
 */
export function createTablet(deps: {
  storage: Storage
  /** Browsers give service workers to pages with a trusted certificate alone. */
  secure: boolean
  workers: ServiceWorkerContainer | undefined
  reload: () => void
}) {
  const { storage, workers } = deps
  const face = signal<ThisTablet | null>(null)
  const locked = signal(storage.getItem(keys.locked) === "yes")
  const offline = signal<OfflineState>(
    !deps.secure ? "insecure" : workers === undefined ? "unsupported" : "preparing",
  )
  /** A newer build of the screens is here; what runs is the one before. */
  const outdated = signal(false)
  /** The screens were opened from memory: the hub has not said yet that this person is signed in. */
  const away = signal(false)
  /** The person has gone by their own will: nobody needs to be told that a session has ended. */
  const left = signal(false)

  const read = <T>(key: string, schema: v.GenericSchema<unknown, T>): T | undefined => {
    try {
      const parsed = v.safeParse(schema, JSON.parse(storage.getItem(key) ?? "null"))
      return parsed.success ? parsed.output : undefined
    } catch {
      // Damaged: worth as much as nothing.
      return undefined
    }
  }

  return {
    face,
    locked,
    offline,
    outdated,
    away,
    left,
    setLocked(value: boolean): void {
      locked.value = value
      if (value) storage.setItem(keys.locked, "yes")
      else storage.removeItem(keys.locked)
    },
    remember: (session: Session) => storage.setItem(keys.session, JSON.stringify(session)),
    /** Who was signed in here when the hub was last heard of, if that session cannot have ended by itself. */
    recall(now: number): Session | undefined {
      const session = read(keys.session, Session)
      return session && session.expires_at > now ? session : undefined
    },
    forget(): void {
      storage.removeItem(keys.session)
      storage.removeItem(keys.colleagues)
    },
    /** Somebody signed out while the hub did not answer: it is told before anything else. */
    leaveLater: () => storage.setItem(keys.leaving, "yes"),
    isLeaving: () => storage.getItem(keys.leaving) === "yes",
    hasLeft: () => storage.removeItem(keys.leaving),
    isSessionKey: (key: string | null) => key === keys.session,
    rememberedUser: (): string | undefined => read(keys.session, Session)?.user.id,
    rememberKinds: (kinds: readonly DefectClass[]) => storage.setItem(keys.kinds, JSON.stringify(kinds)),
    recallKinds: (): DefectClass[] => read(keys.kinds, Kinds) ?? [],

    /** Starts the service worker once the first screen is there: it fetches every file, and nothing waits for it. */
    async install(): Promise<void> {
      if (!deps.secure || !workers) return
      await new Promise((resolve) => setTimeout(resolve, installAfterMs))
      await new Promise<void>((resolve) => whenIdle([resolve]))
      const hadOne = workers.controller !== null
      try {
        const registration = await workers.register("/sw.js", { updateViaCache: "none" })
        await workers.ready
        offline.value = "ready"
        registration.addEventListener("updatefound", () => {
          const worker = registration.installing
          worker?.addEventListener("statechange", () => {
            if (hadOne && worker.state === "activated") outdated.value = true
          })
        })
        // A tablet that is never switched off would run the same build for weeks.
        setInterval(() => void registration.update().catch(() => {}), 60 * 60_000)
      } catch (error) {
        console.info("the screens will not open without the network", error)
        // Whoever clicked a certificate's warning away has a page, and no worker: it is the address that is at fault.
        const isRefused = error instanceof DOMException && error.name === "SecurityError"
        offline.value = isRefused ? "insecure" : "unsupported"
      }
    },
    /** Takes the newer build; what is unsent lies on the tablet's disk and goes on from there. */
    renew: deps.reload,
  }
}
export type Tablet = ReturnType<typeof createTablet>
