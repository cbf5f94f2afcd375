import { useSignal } from "@preact/signals"
import { useEffect, useMemo, useState } from "preact/hooks"
import { useLocation, useRoute } from "preact-iso"
import { uuidv7 } from "uuidv7"
import type { NewLabel } from "#contract/labelling"
import { LabelSetup } from "#contract/questions"
import { ReviewCase } from "#contract/review"
import { setupFor } from "#contract/setups"
import { asTrouble, type Trouble } from "../../api.ts"
import { useApp, useKindName, useMay, useWords } from "../../context.ts"
import { EditorCanvas } from "../../editor/canvas.tsx"
import { IconButton } from "../../parts/button.tsx"
import { isCovered } from "../../parts/dialog.tsx"
import { TroubleNote, Wait } from "../../parts/states.tsx"
import { VerdictTag } from "../../parts/tag.tsx"
import { BoxBar } from "../label/box-bar.tsx"
import { createCommands, type Drawer as DrawerName } from "../label/commands.ts"
import { Drawer } from "../label/drawer.tsx"
import { readKey } from "../label/keys.ts"
import { KindsPanel, usePanelKinds } from "../label/kinds-panel.tsx"
import { createLabelling, type Labelling } from "../label/labelling.ts"
import { drawingModes, hasMode } from "../label/modes.ts"
import { NewKindDialog } from "../label/new-kind.dialog.tsx"
import { createOutlineHelp, type OutlineHelp } from "../label/outline-help.ts"
import { createOwnKeys, type OwnKeys } from "../label/own-keys.ts"
import { openPicture } from "../label/pictures.ts"
import { onePart } from "../label/queue.ts"
import { Toolbar } from "../label/toolbar.tsx"
import { VerdictButton } from "../label/verdict-button.tsx"

type Desk = { work: Labelling; outlines: OutlineHelp; keys: OwnKeys; setup: LabelSetup; found: ReviewCase }

/**
 * A label put right by hand: the editor of the work screen with what stands there, and OK or NG as the reviewer's own
 * word. It goes to the hub as a review, not as one more label.
 */
export function DrawScreen() {
  const app = useApp()
  const words = useWords()
  const { route } = useLocation()
  const id = useRoute().params.id ?? ""
  const [desk, setDesk] = useState<Desk | null>(null)
  const trouble = useSignal<Trouble | undefined>(undefined)
  const again = useSignal(0)

  useEffect(() => {
    let gone = false
    let stop = () => {}
    const open = async () => {
      trouble.value = undefined
      const [found, setups] = await Promise.all([
        app.api.get(`/api/reviews/${id}`, ReviewCase),
        app.api.list("/api/label-setups", LabelSetup),
      ])
      const { image, product_id } = found.inspection
      const picture = image ? await openPicture(image) : null
      if (gone) return picture?.close()
      const made = deskOf({ app, found, picture, setup: setupFor(setups, product_id), route, trouble })
      stop = made.stop
      setDesk(made.desk)
    }
    open().catch((error: unknown) => {
      trouble.value = asTrouble(error)
    })
    return () => {
      gone = true
      stop()
      setDesk(null)
    }
  }, [app, id, again.value])

  useEffect(() => {
    document.title = `${words.station.draw.title} · CRUX`
  }, [words])
  if (desk) return <Work desk={desk} id={id} trouble={trouble.value} />
  return (
    <main class="page" id="main">
      {trouble.value ? (
        <TroubleNote
          trouble={trouble.value}
          retry={() => {
            again.value += 1
          }}
        />
      ) : (
        <Wait />
      )}
    </main>
  )
}

/** The work at one part, whose label goes to the reviews. */
function deskOf({
  app,
  found,
  picture,
  setup,
  route,
  trouble,
}: {
  app: ReturnType<typeof useApp>
  found: ReviewCase
  picture: Awaited<ReturnType<typeof openPicture>> | null
  setup: LabelSetup
  route: (to: string) => void
  trouble: { value: Trouble | undefined }
}): { desk: Desk; stop: () => void } {
  const { inspection, revisions } = found
  const earlier = revisions.findLast(({ verdict }) => verdict !== "withdrawn") ?? null
  const task = {
    inspection,
    reason: "unsure_label" as const,
    lease: { id: inspection.id, expires_at: Number.POSITIVE_INFINITY },
    waiting: 0,
  }
  const held = { task, picture, earlier }
  const review = uuidv7()
  const work: Labelling = createLabelling({
    queue: onePart(held),
    outbox: { add: send },
    now: Date.now,
    isKnown: (kind) => app.kinds.value.some((known) => known.key === kind),
    moreTools: () => import("../../editor/drawing-tools.ts").then((m) => m.drawingTools),
    setup: () => setup,
  })

  async function send({ verdict, kinds, boxes, drawing }: NewLabel): Promise<void> {
    trouble.value = undefined
    const label = { verdict, kinds, boxes, ...(drawing && { drawing }) }
    const asked = {
      id: review,
      inspection_id: inspection.id,
      revision: revisions.at(-1)?.revision ?? 0,
      outcome: "fixed",
      label,
    }
    try {
      await app.api.post("/api/reviews", asked, ReviewCase)
      route("/review")
    } catch (error) {
      trouble.value = asTrouble(error)
      // What was drawn is still here.
      work.putBack()
    }
  }

  work.start()
  void work.prepare()
  const outlines = createOutlineHelp({ work, api: app.api })
  const keys = createOwnKeys({ storage: localStorage, user: app.session.peek()?.user.id ?? "" })
  return {
    desk: { work, outlines, keys, setup, found },
    stop: () => {
      outlines.stop()
      work.stop()
      picture?.close()
    },
  }
}

function Work({ desk, id, trouble }: { desk: Desk; id: string; trouble: Trouble | undefined }) {
  const { work, outlines, keys, setup, found } = desk
  const { prefs } = useApp()
  const words = useWords()
  const kindName = useKindName()
  const kinds = usePanelKinds()
  const mayAll = useMay("engineer")
  const { route } = useLocation()
  const drawer = useSignal<DrawerName>("none")
  const naming = useSignal(false)
  const held = work.held.value
  const tools = mayAll
    ? [...setup.tools, ...drawingModes.filter((mode) => !setup.tools.includes(mode))]
    : setup.tools
  const latest = useMemo(() => ({ kinds, tools }), [])
  latest.kinds = kinds
  latest.tools = tools
  const commands = useMemo(() => {
    const nothing = () => {}
    return {
      ...createCommands({
        work,
        kinds: () => latest.kinds,
        open: nothing,
        beside: nothing,
        drawer: (which) => {
          drawer.value = drawer.value === which ? "none" : which
        },
        has: (mode) => hasMode(latest.tools, mode),
      }),
      // A reviewer decides; these are for people who may leave it open.
      accept: nothing,
      unsure: nothing,
      same: nothing,
    }
  }, [work])
  const showDrawer = (which: DrawerName) => {
    drawer.value = which
  }

  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.isComposing || isCovered()) return
      const target = event.target instanceof HTMLElement ? event.target : null
      const action = readKey(event, prefs.singleKeys.value, keys.bindings.value)
      const walked = target?.matches("button:focus-visible, a:focus-visible")
      const own = event.code === "Space" || event.code === "Enter"
      if (!action || target?.matches("input, textarea, select") || (walked && own)) return
      if (action === "done" && work.editor.value.mode === "hand") return
      event.preventDefault()
      commands[action]()
    }
    addEventListener("keydown", onKey)
    return () => removeEventListener("keydown", onKey)
  }, [commands, keys, prefs, work])

  const idle = held === null
  const single = prefs.singleKeys.value
  const verdict = (which: "ok" | "ng") => (
    <VerdictButton
      verdict={which}
      name={which === "ok" ? words.together.fixOk : words.together.fixNg}
      hint={single ? (which === "ok" ? "O" : "X") : null}
      onPress={() => void work.decide(which)}
      disabled={idle}
      testid={which === "ok" ? "label-ok" : "label-ng"}
    />
  )
  return (
    <main class="work" id="main" data-hand={prefs.hand.value} data-testid="review-drawing">
      <header class="top">
        <IconButton
          icon="back"
          name={words.common.back}
          onClick={() => route(`/review/${id}`)}
          testid="review-draw-back"
        />
        <div class="top-why">
          {found.inspection.label && <VerdictTag verdict={found.inspection.label.verdict} />}
          <span class="top-reason">{words.station.draw.title}</span>
          <span class="top-part muted num">{found.inspection.part_id ?? id.slice(-8)}</span>
        </div>
      </header>
      <Toolbar
        work={work}
        disabled={idle}
        tools={tools}
        commands={commands}
        drawer={drawer.value}
        onDrawer={showDrawer}
      />
      <div class="stage">
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
        {idle && <Wait />}
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
        {trouble && (
          <div class="toast-place" role="status">
            <TroubleNote trouble={trouble} />
          </div>
        )}
      </div>
      <div class="side">
        <KindsPanel
          work={work}
          disabled={idle}
          keys={single}
          questions={setup.questions}
          onNew={() => {
            naming.value = true
          }}
        />
      </div>
      <div class="verdicts verdicts-two">
        {verdict("ok")}
        {verdict("ng")}
      </div>
      {naming.value && (
        <NewKindDialog
          onClose={() => {
            naming.value = false
          }}
          onMade={(key) => {
            naming.value = false
            void work.pick(key)
          }}
        />
      )}
    </main>
  )
}
