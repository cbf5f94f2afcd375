import { effect } from "@preact/signals"
import { useLayoutEffect } from "preact/hooks"
import { type App, useApp } from "../../context.ts"
import { tabletNames } from "../../tablet-names.ts"

/**
 * The outbox of whoever is signed in, or of nobody: what lies unsent on this tablet goes out on every screen, also on the
 * sign-in screen; not before it is known who that is. It comes in a file of its own.
 */
export function useOutbox(known: boolean): void {
  const app = useApp()
  const person = app.session.value?.user.id ?? null
  // Not after the frame: on a slow tablet each frame that work waits for is a tenth of a second.
  useLayoutEffect(() => {
    if (!known) return
    let close = () => {}
    let gone = false
    // Opening for nobody and for the person who has just signed in may overtake each other.
    void openOutbox(app, person, () => gone).then((stop) => {
      close = stop
    })
    return () => {
      gone = true
      close()
    }
  }, [app, person, known])
}

/** Answers how to close it again; does nothing when it is not wanted any more by the time it could open. */
async function openOutbox(app: App, user: string | null, isGone: () => boolean): Promise<() => void> {
  const [{ createOutbox, webLock }, { openKept, createMemoryKept }] = await Promise.all([
    import("../label/outbox.ts"),
    import("../label/kept.ts"),
  ])
  const store = await openKept().catch((error: unknown) => {
    console.warn("IndexedDB is not to be had; unsent verdicts live until the page is closed", error)
    return createMemoryKept()
  })
  if (isGone()) return () => {}
  const channel = typeof BroadcastChannel === "undefined" ? undefined : new BroadcastChannel("crux-outbox")
  // Only pages with a trusted certificate have locks.
  const locks: LockManager | undefined = navigator.locks
  const outbox = createOutbox({
    store,
    api: app.api,
    user,
    ...(locks && { oneAtATime: webLock(locks) }),
    ...(channel && { channel }),
  })
  // For whoever must know before this is open: a part whose label waits here is not judged again.
  const stopNoting = effect(() => {
    const waits = outbox.unsent.value + outbox.unsentOfOthers.value + outbox.refused.value > 0
    if (waits) localStorage.setItem(tabletNames.unsent, "yes")
    else if (outbox.isRead.value) localStorage.removeItem(tabletNames.unsent)
  })
  const opened = { ...outbox, kept: store, user }
  app.outbox.value = opened
  void outbox.flush()
  const wake = () => void outbox.flush()
  const seen = () => {
    if (document.visibilityState === "visible") wake()
  }
  addEventListener("online", wake)
  document.addEventListener("visibilitychange", seen)
  const off = app.live.connected.subscribe((connected) => {
    if (connected) wake()
  })
  return () => {
    removeEventListener("online", wake)
    document.removeEventListener("visibilitychange", seen)
    off()
    stopNoting()
    outbox.stop()
    channel?.close()
    if (app.outbox.value === opened) app.outbox.value = null
  }
}
