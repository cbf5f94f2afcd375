import { useSignal } from "@preact/signals"
import { useEffect, useMemo, useState } from "preact/hooks"
import { useApp, useKindName, useWords } from "../../context.ts"
import { EditorCanvas } from "../../editor/canvas.tsx"
import { Button } from "../../parts/button.tsx"
import { VerdictMark } from "../../parts/icon.tsx"
import { Empty, TroubleNote, Wait } from "../../parts/states.tsx"
import { BoxBar } from "./box-bar.tsx"
import { HelpDialog } from "./help.dialog.tsx"
import { HistoryDialog } from "./history.dialog.tsx"
import { type KeyCommand, readKey } from "./keys.ts"
import { KindsPanel, usePanelKinds } from "./kinds-panel.tsx"
import { createLabelling, type Labelling } from "./labelling.ts"
import { NewKindDialog } from "./new-kind.dialog.tsx"
import { OfflineNote } from "./offline-note.tsx"
import type { Outbox } from "./outbox.ts"
import { createQueue, decodePicture, fetchPicture, type Queue } from "./queue.ts"
import { Toast } from "./toast.tsx"
import { Toolbar } from "./toolbar.tsx"
import { TopBar } from "./top-bar.tsx"
import { VerdictButton } from "./verdict-button.tsx"

type Desk = { work: Labelling; outbox: Outbox; queue: Queue }

/** Parts that a tablet lays in, the one in the hand among them; a browser on a desk holds nothing back from others. */
const stockSize = 24

/** Sets the work up as soon as the outbox of the signed-in person is open. */
function useDesk(): Desk | null {
  const app = useApp()
  const [desk, setDesk] = useState<Desk | null>(null)
  const user = app.session.value?.user.id ?? ""
  const outbox = app.outbox.value
  useEffect(() => {
    if (!outbox) return
    const installed =
      app.session.peek()?.tablet !== undefined || matchMedia("(display-mode: standalone)").matches
    const queue = createQueue({
      api: app.api,
      decode: decodePicture,
      stock: installed ? { user, size: stockSize, kept: outbox.kept, fetchPicture } : undefined,
    })
    const work = createLabelling({
      queue,
      outbox,
      now: Date.now,
      isKnown: (kind) => app.kinds.value.some((known) => known.key === kind),
    })
    setDesk({ work, outbox, queue })
    work.start()
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
    const off = app.live.on(["inspection", "label"], () => {
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

type Open = "none" | "help" | "history" | "new-kind"

function Work({ work, outbox, queue }: Desk) {
  const { prefs } = useApp()
  const words = useWords()
  const kindName = useKindName()
  const kinds = usePanelKinds()
  const open = useSignal<Open>("none")
  const held = work.held.value
  const keys = prefs.singleKeys.value
  const close = () => {
    open.value = "none"
  }

  const run = (command: KeyCommand) => {
    const state = work.editor.value
    switch (command.do) {
      case "accept":
        void work.accept()
        return
      case "ok":
      case "ng":
      case "unsure":
        void work.decide(command.do)
        return
      case "kind": {
        const kind = kinds[command.index]
        if (kind && held) void work.pick(kind.key)
        return
      }
      case "undo":
        if (state.history.past.length > 0) work.dispatch({ type: "undo" })
        else void work.undo()
        return
      case "remove":
        if (state.selected !== null) work.dispatch({ type: "remove", id: state.selected })
        return
      case "box":
        work.dispatch({ type: "mode", mode: state.mode === "box" ? "hand" : "box" })
        return
      case "escape":
        work.stopAsking()
        work.dispatch({ type: "escape" })
        return
      case "help":
        open.value = "help"
        return
      case "edit":
        work.dispatch(command.action)
    }
  }
  const latest = useMemo(() => ({ run }), [])
  latest.run = run

  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.isComposing || open.value !== "none") return
      const target = event.target instanceof HTMLElement ? event.target : null
      // A control somebody has walked to by keyboard keeps Space for itself.
      const walked = target?.matches("button:focus-visible, a:focus-visible, input, textarea, select")
      const command = readKey(event, prefs.singleKeys.value)
      if (!command || (walked && (event.code === "Space" || target?.matches("input, textarea, select"))))
        return
      event.preventDefault()
      latest.run(command)
    }
    addEventListener("keydown", onKey)
    return () => removeEventListener("keydown", onKey)
  }, [latest, open, prefs])

  const idle = held === null
  const pair = (
    <>
      <VerdictButton
        verdict="ok"
        hint={keys ? "O" : null}
        onPress={() => void work.decide("ok")}
        disabled={idle}
        testid="label-ok"
      />
      <VerdictButton
        verdict="unsure"
        hint={keys ? "U" : null}
        onPress={() => void work.decide("unsure")}
        disabled={idle}
        testid="label-unsure"
      />
      <VerdictButton
        verdict="ng"
        hint={keys ? "X" : null}
        onPress={() => void work.decide("ng")}
        disabled={idle}
        testid="label-ng"
      />
    </>
  )

  return (
    <main class="work" id="main" data-hand={prefs.hand.value}>
      <TopBar
        work={work}
        outbox={outbox}
        onHelp={() => {
          open.value = "help"
        }}
        onHistory={() => {
          open.value = "history"
        }}
      />
      <Toolbar work={work} disabled={idle} />
      <div class="stage">
        <OfflineNote queue={queue} />
        {held && (
          <EditorCanvas
            state={work.editor}
            picture={held.picture}
            dispatch={work.dispatch}
            nameOf={kindName}
            label={words.label.canvas}
            theme={prefs.theme.value}
            testid="label-canvas"
          />
        )}
        {held && !held.picture && <NoPicture work={work} />}
        {!held && <Idle work={work} />}
        {held && <BoxBar work={work} />}
        {work.last.value && (
          <div key={work.last.value.seq} class={`stamp stamp-${work.last.value.verdict}`} aria-hidden="true">
            <VerdictMark verdict={work.last.value.verdict} size={180} />
          </div>
        )}
        <Toast work={work} />
      </div>
      <KindsPanel
        work={work}
        disabled={idle}
        keys={keys}
        onNew={() => {
          open.value = "new-kind"
        }}
      />
      <div class="verdicts">{pair}</div>
      {open.value === "help" && <HelpDialog onClose={close} />}
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
