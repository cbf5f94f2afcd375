import { useEffect } from "preact/hooks"
import { type App, useApp } from "../../context.ts"

/**
 * The outbox of whoever is signed in, or of nobody: what lies unsent on this tablet goes out on every screen, also on the
 * sign-in screen. It comes in a file of its own, after the first screen.
 */
export function useOutbox(): void {
  const app = useApp()
  const person = app.session.value?.user.id ?? null
  useEffect(() => {
    let close = () => {}
    let gone = false
    void openOutbox(app, person).then((opened) => {
      if (gone) opened.stop()
      else close = opened.stop
    })
    return () => {
      gone = true
      close()
    }
  }, [app, person])
}

async function openOutbox(app: App, user: string | null): Promise<{ stop: () => void }> {
  const [{ createOutbox, webLock }, { openKept, createMemoryKept }] = await Promise.all([
    import("../label/outbox.ts"),
    import("../label/kept.ts"),
  ])
  const store = await openKept().catch((error: unknown) => {
    console.warn("IndexedDB is not to be had; unsent verdicts live until the page is closed", error)
    return createMemoryKept()
  })
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
  const opened = { ...outbox, kept: store }
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
  return {
    stop: () => {
      removeEventListener("online", wake)
      document.removeEventListener("visibilitychange", seen)
      off()
      outbox.stop()
      channel?.close()
      if (app.outbox.value === opened) app.outbox.value = null
    },
  }
}
