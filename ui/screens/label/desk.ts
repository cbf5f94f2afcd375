import { type ReadonlySignal, signal } from "@preact/signals"
import { useLayoutEffect, useState } from "preact/hooks"
import { LabelSetup } from "#contract/questions"
import { setupFor } from "#contract/setups"
import { useApp } from "../../context.ts"
import { afterFrame } from "../../parts/after-frame.ts"
import { whenIdle } from "../../parts/when-idle.ts"
import { createLabelling, type Labelling } from "./labelling.ts"
import type { Outbox } from "./outbox.ts"
import { createOutlineHelp, type OutlineHelp } from "./outline-help.ts"
import { createOwnKeys, type OwnKeys } from "./own-keys.ts"
import { openPicture } from "./pictures.ts"
import { createQueue, fetchPicture, type Queue } from "./queue.ts"

/** What one person works with at one tablet. */
export type Desk = {
  work: Labelling
  outbox: Outbox
  queue: Queue
  keys: OwnKeys
  setups: ReadonlySignal<LabelSetup[]>
  outlines: OutlineHelp
}

/** Parts that a tablet lays in, the one in the hand among them; a browser on a desk holds nothing back from others. */
const stockSize = 24

/** Sets the work up as soon as the outbox of the signed-in person is open. `later`: what is fetched behind the first part. */
export function useDesk(later: readonly (() => void)[]): Desk | null {
  const app = useApp()
  const [desk, setDesk] = useState<Desk | null>(null)
  const user = app.session.value?.user.id ?? ""
  const outbox = app.outbox.value
  // Not after the frame: the first part is asked for while the screen is drawn.
  useLayoutEffect(() => {
    // Right after a sign-in the outbox of nobody may still be open.
    if (outbox?.user !== user) return
    const known = app.opened.take("setups")
    const setups = signal<LabelSetup[]>(known ?? [])
    // Without an answer the plain setup stands: judging goes on.
    const readSetups = () =>
      app.api.list("/api/label-setups", LabelSetup).then(
        (items) => {
          setups.value = items
        },
        (error: unknown) => console.warn("label setups", error),
      )
    const installed =
      app.session.peek()?.tablet !== undefined || matchMedia("(display-mode: standalone)").matches
    const queue = createQueue({
      api: app.api,
      decode: openPicture,
      first: app.opened.take("task") ?? undefined,
      judged: () => [...outbox.judged(), ...app.opened.judged()],
      stock: installed ? { user, size: stockSize, kept: outbox.kept, fetchPicture } : undefined,
    })
    const work = createLabelling({
      queue,
      outbox,
      now: Date.now,
      isKnown: (kind) => app.kinds.value.some((known) => known.key === kind),
      moreTools: () => import("../../editor/drawing-tools.ts").then((m) => m.drawingTools),
      setup: (product) => setupFor(setups.value, product),
      afterFrame,
    })
    const outlines = createOutlineHelp({ work, api: app.api })
    setDesk({ work, outbox, queue, keys: createOwnKeys({ storage: localStorage, user }), setups, outlines })
    work.start()
    if (!known) void readSetups()
    // Behind the first part, and before anybody can ask for a tool while the network is away.
    const stopPreparing = whenIdle([
      () => void work.prepare(),
      ...later,
      () => void import("./colleagues.ts").then((m) => m.readColleagues(app)).catch(() => undefined),
    ])
    const offCatalogue = app.live.on(["catalogue"], () => void readSetups())
    // Back from a pocket, or from behind a wall of steel: what was laid in may be somebody else's by now.
    const wake = () => {
      void queue.renew()
      work.poke()
    }
    const seen = () => {
      if (document.visibilityState === "visible") wake()
    }
    addEventListener("online", wake)
    document.addEventListener("visibilitychange", seen)
    let connected = app.live.connected.peek()
    const offConnected = app.live.connected.subscribe((now) => {
      if (now && !connected) wake()
      connected = now
    })
    // A busy line sends many events a second; an idle tablet asks for work twice a second at most.
    let nudge: ReturnType<typeof setTimeout> | undefined
    const off = app.live.on(["inspection", "label", "review"], () => {
      nudge ??= setTimeout(() => {
        nudge = undefined
        work.poke()
      }, 500)
    })
    return () => {
      clearTimeout(nudge)
      removeEventListener("online", wake)
      document.removeEventListener("visibilitychange", seen)
      offConnected()
      off()
      offCatalogue()
      outlines.stop()
      stopPreparing()
      queue.stop()
      work.stop()
      setDesk(null)
    }
  }, [app, user, outbox, later])
  return desk
}
