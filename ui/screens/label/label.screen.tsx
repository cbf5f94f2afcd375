import { type ReadonlySignal, signal, useSignal } from "@preact/signals"
import { useEffect, useLayoutEffect, useMemo, useState } from "preact/hooks"
import { Guide } from "#contract/catalogue"
import { Mention } from "#contract/flow"
import { LabelSetup } from "#contract/questions"
import { setupFor } from "#contract/setups"
import { useApp, useKindName, useMay, useWords } from "../../context.ts"
import { EditorCanvas } from "../../editor/canvas.tsx"
import { documentOf } from "../../editor/state.ts"
import { useTakeOver } from "../../opening/take-over.ts"
import { afterFrame } from "../../parts/after-frame.ts"
import { Button } from "../../parts/button.tsx"
import { isCovered } from "../../parts/dialog.tsx"
import { split } from "../../parts/split.tsx"
import { Empty, TroubleNote, Wait } from "../../parts/states.tsx"
import { whenIdle } from "../../parts/when-idle.ts"
import { useResource } from "../../resource.ts"
import { createBatch } from "./batch.ts"
import { BoxBar } from "./box-bar.tsx"
import { type Beside, createCommands, type Drawer as DrawerName, type Open } from "./commands.ts"
import { createFlow } from "./flow.ts"
import { FlowBar } from "./flow-bar.tsx"
import { FlowNote } from "./flow-note.tsx"
import { HistoryDialog } from "./history.dialog.tsx"
import { readKey } from "./keys.ts"
import { KindsPanel, usePanelKinds } from "./kinds-panel.tsx"
import { createLabelling, type Labelling } from "./labelling.ts"
import { drawingModes, hasMode } from "./modes.ts"
import { Neighbours } from "./neighbours.tsx"
import { NewKindDialog } from "./new-kind.dialog.tsx"
import { OfflineNote } from "./offline-note.tsx"
import type { Outbox } from "./outbox.ts"
import { createOutlineHelp, type OutlineHelp } from "./outline-help.ts"
import { createOwnKeys, type OwnKeys } from "./own-keys.ts"
import { openPicture } from "./pictures.ts"
import { createQueue, fetchPicture, type Queue } from "./queue.ts"
import { Stamp } from "./stamp.tsx"
import { Toast } from "./toast.tsx"
import { Toolbar } from "./toolbar.tsx"
import { TopBar } from "./top-bar.tsx"
import { VerdictButton } from "./verdict-button.tsx"

const HelpDialog = split(() => import("./help.dialog.tsx").then((m) => m.HelpDialog))
const Drawer = split(() => import("./drawer.tsx").then((m) => m.Drawer))
const BatchView = split(() => import("./batch.view.tsx").then((m) => m.BatchView))
const BesidePanel = split(() => import("./beside-panel.tsx").then((m) => m.BesidePanel))
const AskDialog = split(() => import("./flow.dialogs.tsx").then((m) => m.AskDialog))
const SkipDialog = split(() => import("./flow.dialogs.tsx").then((m) => m.SkipDialog))
const CommentsDialog = split(() => import("./flow.dialogs.tsx").then((m) => m.CommentsDialog))
const MentionsDialog = split(() => import("./flow.dialogs.tsx").then((m) => m.MentionsDialog))

type Desk = {
  work: Labelling
  outbox: Outbox
  queue: Queue
  keys: OwnKeys
  setups: ReadonlySignal<LabelSetup[]>
  outlines: OutlineHelp
}

/** Parts that a tablet lays in, the one in the hand among them; a browser on a desk holds nothing back from others. */
const stockSize = 24

/** Sets the work up as soon as the outbox of the signed-in person is open. */
function useDesk(): Desk | null {
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
      ...[Drawer, SkipDialog, AskDialog, CommentsDialog, BesidePanel, BatchView].map(
        ({ preload }) => preload,
      ),
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
  }, [app, user, outbox])
  return desk
}

export function LabelScreen() {
  const words = useWords()
  const desk = useDesk()
  useEffect(() => {
    document.title = `${words.label.title} · CRUX`
  }, [words])
  return desk ? <Work {...desk} /> : <Wait text={words.label.loadingPart} />
}

function Work({ work, outbox, queue, keys, setups, outlines }: Desk) {
  const app = useApp()
  useTakeOver({ work, outbox })
  const { prefs, api } = app
  const words = useWords()
  const kindName = useKindName()
  const kinds = usePanelKinds()
  const mayAll = useMay("engineer")
  const open = useSignal<Open>("none")
  const drawer = useSignal<DrawerName>("none")
  const held = work.held.value
  const single = prefs.singleKeys.value
  const setup = setupFor(setups.value, held?.task.inspection.product_id ?? null)
  const allowed = mayAll
    ? [...setup.tools, ...drawingModes.filter((mode) => !setup.tools.includes(mode))]
    : setup.tools
  // A part that is to be judged without help has no assistant either.
  const tools = held?.task.blind ? allowed.filter((tool) => tool !== "segment") : allowed
  const close = () => {
    open.value = "none"
  }
  const flow = useMemo(() => createFlow({ outbox, work, now: Date.now }), [outbox, work])
  const batch = useMemo(
    () =>
      createBatch({
        api,
        outbox,
        now: Date.now,
        isKnown: (kind) => app.kinds.value.some((known) => known.key === kind),
        criteria: () => work.criteria.value,
        setup: (product) => setupFor(setups.value, product),
      }),
    [app, work, outbox, setups],
  )
  const guide = useResource("guide", (s) => api.get("/api/guide", Guide, s), ["catalogue"])
  const mentions = useResource("mentions", (s) => api.list("/api/mentions", Mention, s), ["comment"])
  const beside = useSignal<Beside | null>(null)
  /** What was looked at last is what is opened again. */
  const besideLast = useSignal<Beside>("guide")
  // Parts like it are advice, and a part that is to be judged without help has none.
  const shown = beside.value === "alike" && held?.task.blind ? "guide" : beside.value
  const showBeside = (which: Beside | null) => {
    beside.value = which
    if (which) besideLast.value = which
  }
  /** A part that is talked about, other than the one in the hand. */
  const talked = useSignal<string | null>(null)
  useEffect(() => {
    work.criteria.value = guide.data.value?.version
  }, [guide.data.value, work])
  const unread = mentions.data.value?.filter(({ seen }) => !seen) ?? []

  async function readMentions() {
    open.value = "mentions"
    if (unread.length === 0) return
    const comments = unread.map(({ comment }) => comment.id)
    // Read on the screen already; a hub that cannot be told is told the next time.
    await api.run("POST", "/api/mentions/seen", { comments }).catch(() => undefined)
  }

  async function confirmBatch(verdict: "ok" | "ng") {
    const done = await batch.confirm(verdict)
    if (!done) return
    const { labels, odd } = done
    flow.tell({ say: "batch", count: labels.length, undo: () => void batch.undo(labels) })
    if (odd.length === 0) return batch.load()
    // The odd ones are looked at one by one, at once.
    close()
    work.putAside(await Promise.all(odd.map(work.openTask)))
  }

  const latest = useMemo(() => ({ kinds, tools, readMentions, showBeside, shown }), [])
  latest.kinds = kinds
  latest.tools = tools
  latest.readMentions = readMentions
  latest.showBeside = showBeside
  latest.shown = shown
  const commands = useMemo(
    () =>
      createCommands({
        work,
        kinds: () => latest.kinds,
        open: (what) => {
          if (what === "mentions") void latest.readMentions()
          else open.value = what
        },
        drawer: (which) => {
          drawer.value = drawer.value === which ? "none" : which
        },
        beside: (which) => latest.showBeside(latest.shown === which ? null : which),
        has: (mode) => hasMode(latest.tools, mode),
        undoBeside: flow.undo,
      }),
    [work, flow],
  )
  const showDrawer = (which: DrawerName) => {
    drawer.value = which
  }

  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.isComposing || open.value !== "none" || isCovered()) return
      const target = event.target instanceof HTMLElement ? event.target : null
      // A control somebody has walked to by keyboard keeps Space for itself.
      const walked = target?.matches("button:focus-visible, a:focus-visible, input, textarea, select")
      const action = readKey(event, prefs.singleKeys.value, keys.bindings.value)
      const own = event.code === "Space" || event.code === "Enter"
      if (!action || (walked && (own || target?.matches("input, textarea, select")))) return
      // In the hand with nothing under way Enter is left to whatever has the focus.
      if (action === "done" && work.editor.value.mode === "hand") return
      event.preventDefault()
      commands[action]()
    }
    addEventListener("keydown", onKey)
    return () => removeEventListener("keydown", onKey)
  }, [commands, keys, open, prefs, work])

  // A verdict is what was done last from then on, and has a note of its own.
  useEffect(() => work.last.subscribe((last) => last && flow.forget()), [work, flow])

  // A question that waits for its answer is where it can be seen.
  useEffect(
    () =>
      work.missing.subscribe((gap) => {
        if (gap?.region) drawer.value = "regions"
      }),
    [work],
  )

  if (open.value === "batch")
    return (
      <>
        <BatchView batch={batch} onConfirm={(verdict) => void confirmBatch(verdict)} onClose={close} />
        <FlowNote flow={flow} />
      </>
    )

  const idle = held === null
  const pair = (
    <>
      <VerdictButton
        verdict="ok"
        hint={single ? "O" : null}
        onPress={() => void work.decide("ok")}
        disabled={idle}
        testid="label-ok"
      />
      <VerdictButton
        verdict="unsure"
        hint={single ? "U" : null}
        onPress={() => void work.decide("unsure")}
        disabled={idle}
        testid="label-unsure"
      />
      <VerdictButton
        verdict="ng"
        hint={single ? "X" : null}
        onPress={() => void work.decide("ng")}
        disabled={idle}
        testid="label-ng"
      />
    </>
  )

  return (
    <main class="work" id="main" data-hand={prefs.hand.value}>
      <TopBar work={work} outbox={outbox} unread={unread.length} commands={commands} />
      <Toolbar
        work={work}
        disabled={idle}
        tools={tools}
        commands={commands}
        drawer={drawer.value}
        onDrawer={showDrawer}
      />
      <div class={`stage ${shown ? "stage-guided" : ""}`}>
        {held && (
          <EditorCanvas
            state={work.editor}
            picture={held.picture}
            dispatch={work.dispatch}
            nameOf={kindName}
            label={words.label.canvas}
            testid="label-canvas"
          />
        )}
        {held && !held.picture && <NoPicture work={work} />}
        {!held && <Idle work={work} />}
        {held && <BoxBar work={work} commands={commands} onDrawer={showDrawer} outlines={outlines} />}
        {held && drawer.value !== "none" && (
          <Drawer
            work={work}
            commands={commands}
            which={drawer.value}
            onWhich={showDrawer}
            tools={tools}
            questions={setup.questions}
          />
        )}
        <Stamp work={work} />
        {shown && (
          <BesidePanel
            which={shown}
            onWhich={showBeside}
            work={work}
            guide={guide.data.value}
            kinds={kindsInQuestion(work)}
          />
        )}
        <div class="notes">
          <Toast work={work} />
          <FlowNote flow={flow} />
          <OfflineNote queue={queue} />
          <Neighbours work={work} />
        </div>
      </div>
      <div class="side">
        <KindsPanel
          work={work}
          disabled={idle}
          keys={single}
          questions={setup.questions}
          onNew={() => {
            open.value = "new-kind"
          }}
        />
        <FlowBar
          work={work}
          commands={commands}
          beside={shown !== null}
          onBeside={() => showBeside(shown ? null : besideLast.value)}
        />
      </div>
      <div class="verdicts">{pair}</div>
      {open.value === "help" && <HelpDialog keys={keys} onClose={close} />}
      {open.value === "skip" && (
        <SkipDialog
          onClose={close}
          onSkip={(reason) => {
            close()
            void flow.skip(reason)
          }}
        />
      )}
      {open.value === "ask" && (
        <AskDialog
          onClose={close}
          onAsk={(to, note) => {
            close()
            void flow.ask(to, note)
          }}
        />
      )}
      {open.value === "comment" && (talked.value ?? held?.task.inspection.id) !== undefined && (
        <CommentsDialog
          inspection={talked.value ?? held?.task.inspection.id ?? ""}
          onClose={() => {
            talked.value = null
            close()
          }}
        />
      )}
      {open.value === "mentions" && (
        <MentionsDialog
          mentions={mentions}
          onClose={() => {
            close()
            mentions.reload()
          }}
          onOpen={(inspection) => {
            talked.value = inspection
            open.value = "comment"
            mentions.reload()
          }}
        />
      )}
      {open.value === "history" && (
        <HistoryDialog
          past={work.past.value}
          onClose={close}
          onUndo={(i) => {
            close()
            void work.undo(i)
          }}
        />
      )}
      {open.value === "new-kind" && (
        <NewKindDialog
          onClose={close}
          onMade={(key) => {
            close()
            void work.pick(key)
          }}
        />
      )}
    </main>
  )
}

/** The kinds a person may have to look up: what is drawn or picked, which the model's findings are at first. */
const kindsInQuestion = (work: Labelling): string[] => [
  ...new Set([...documentOf(work.editor.value).shapes.map((shape) => shape.kind), ...work.picked.value]),
]

/** Nothing in the hand: on its way, all done, or cut off. */
function Idle({ work }: { work: Labelling }) {
  const words = useWords()
  const supply = work.supply.value
  if (supply.state === "empty")
    return (
      <div class="idle" data-testid="label-empty">
        <Empty icon="check" title={words.label.emptyTitle} body={words.label.emptyBody} />
      </div>
    )
  if (supply.state === "cut")
    return (
      <div class="idle">
        <Empty icon="cloudOff" title={words.label.offlineTitle} body={words.label.offlineBody}>
          <TroubleNote trouble={supply.trouble} retry={work.poke} />
        </Empty>
      </div>
    )
  return <Wait text={words.label.loadingPart} />
}

function NoPicture({ work }: { work: Labelling }) {
  const words = useWords()
  const none = work.held.value?.task.inspection.image === null
  return (
    <div class="idle">
      <Empty
        icon="image"
        title={none ? words.live.imageNone : words.label.imageFailed}
        body={words.label.imageFailedBody}
      >
        {!none && (
          <Button look="primary" onClick={() => void work.reopenPicture()}>
            {words.common.retry}
          </Button>
        )}
      </Empty>
    </div>
  )
}
