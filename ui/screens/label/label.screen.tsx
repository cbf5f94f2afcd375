import { useSignal } from "@preact/signals"
import { useEffect, useMemo } from "preact/hooks"
import { Guide } from "#contract/catalogue"
import { Mention } from "#contract/flow"
import { setupFor } from "#contract/setups"
import { useApp, useKindName, useMay, useWords } from "../../context.ts"
import { EditorCanvas } from "../../editor/canvas.tsx"
import { documentOf } from "../../editor/state.ts"
import { useTakeOver } from "../../opening/take-over.ts"
import { split } from "../../parts/split.tsx"
import { Wait } from "../../parts/states.tsx"
import { useResource } from "../../resource.ts"
import { createBatch } from "./batch.ts"
import { BoxBar } from "./box-bar.tsx"
import { type Beside, createCommands, type Drawer as DrawerName, type Open } from "./commands.ts"
import { type Desk, useDesk } from "./desk.ts"
import { createFlow } from "./flow.ts"
import { FlowBar } from "./flow-bar.tsx"
import { FlowNote } from "./flow-note.tsx"
import { Idle, NoPicture } from "./idle.tsx"
import { KindsPanel, usePanelKinds } from "./kinds-panel.tsx"
import type { Labelling } from "./labelling.ts"
import { drawingModes, hasMode } from "./modes.ts"
import { Neighbours } from "./neighbours.tsx"
import { OfflineNote } from "./offline-note.tsx"
import { OverWork, overWork } from "./over-work.tsx"
import { Stamp } from "./stamp.tsx"
import { Toast } from "./toast.tsx"
import { Toolbar } from "./toolbar.tsx"
import { TopBar } from "./top-bar.tsx"
import { VerdictButton } from "./verdict-button.tsx"
import { useWorkKeys } from "./work-keys.ts"

const Drawer = split(() => import("./drawer.tsx").then((m) => m.Drawer))
const BatchView = split(() => import("./batch.view.tsx").then((m) => m.BatchView))
const BesidePanel = split(() => import("./beside-panel.tsx").then((m) => m.BesidePanel))
const later = [Drawer, ...overWork, BesidePanel, BatchView].map(({ preload }) => preload)

export function LabelScreen() {
  const words = useWords()
  const desk = useDesk(later)
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
  useWorkKeys({ work, commands, keys, open })

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
      <OverWork open={open} talked={talked} work={work} flow={flow} keys={keys} mentions={mentions} />
    </main>
  )
}

/** The kinds a person may have to look up: what is drawn or picked, which the model's findings are at first. */
const kindsInQuestion = (work: Labelling): string[] => [
  ...new Set([...documentOf(work.editor.value).shapes.map((shape) => shape.kind), ...work.picked.value]),
]
