import { useSignal } from "@preact/signals"
import { useEffect, useRef } from "preact/hooks"
import type { DrawingTool, Question } from "#contract/questions"
import { useApp, useKindName, useWords } from "../../context.ts"
import { areasToMasks, mergeAreas } from "../../editor/areas.ts"
import type { Shape } from "../../editor/document.ts"
import { noteKey } from "../../editor/saved.ts"
import { documentOf } from "../../editor/state.ts"
import { IconButton } from "../../parts/button.tsx"
import { DefectIcon, Icon, type IconName } from "../../parts/icon.tsx"
import type { Commands, Drawer as Which } from "./commands.ts"
import type { ActionId } from "./keys.ts"
import type { Labelling } from "./labelling.ts"
import { modeIcons } from "./modes.ts"
import { Questions } from "./questions.tsx"

type Props = {
  work: Labelling
  commands: Commands
  which: Exclude<Which, "none">
  onWhich: (which: Which) => void
  tools: readonly DrawingTool[]
  questions: readonly Question[]
}

/** Everything that not every part needs, beside the picture: further tools, the regions, how the picture is shown. */
export function Drawer({ work, commands, which, onWhich, tools, questions }: Props) {
  const words = useWords()
  const tabs = [
    { id: "tools", name: words.editor.more },
    { id: "regions", name: words.editor.regions },
  ] as const
  return (
    <aside
      class="drawer"
      aria-label={words.editor[which === "tools" ? "more" : "regions"]}
      data-testid="editor-drawer"
    >
      <header class="drawer-head">
        <div class="drawer-tabs">
          {tabs.map(({ id, name }) => (
            <button
              key={id}
              type="button"
              class="drawer-tab"
              aria-pressed={which === id}
              onClick={() => onWhich(id)}
              data-testid="editor-tab"
              data-tab={id}
            >
              {name}
            </button>
          ))}
        </div>
        <IconButton icon="close" name={words.common.close} onClick={() => onWhich("none")} />
      </header>
      {which === "tools" ? (
        <Tools work={work} commands={commands} tools={tools} onChosen={() => onWhich("none")} />
      ) : (
        <Regions work={work} commands={commands} questions={questions} />
      )}
    </aside>
  )
}

function Do({
  id,
  icon,
  commands,
  pressed,
  disabled,
}: {
  id: ActionId & keyof ReturnType<typeof useWords>["editor"]["actions"]
  icon: IconName
  commands: Commands
  pressed?: boolean
  disabled?: boolean
}) {
  const words = useWords()
  return (
    <IconButton
      icon={icon}
      name={words.editor.actions[id]}
      caption={words.editor.actions[id]}
      {...(pressed === undefined ? {} : { pressed })}
      disabled={disabled ?? false}
      onClick={commands[id]}
      testid="editor-do"
      data-do={id}
    />
  )
}

function Tools({
  work,
  commands,
  tools,
  onChosen,
}: {
  work: Labelling
  commands: Commands
  tools: readonly DrawingTool[]
  /** A tool is in the hand: the picture is needed now. */
  onChosen: () => void
}) {
  const words = useWords()
  const state = work.editor.value
  const { look } = state
  const none = state.selection.length === 0
  const modes = tools.includes("brush") ? [...tools, "eraser" as const] : tools
  return (
    <div class="drawer-body">
      <h3>{words.editor.draw}</h3>
      <div class="drawer-grid">
        {modes.map((mode) => (
          <IconButton
            key={mode}
            icon={modeIcons[mode]}
            name={words.editor.tools[mode]}
            caption={words.editor.tools[mode]}
            pressed={state.mode === mode}
            onClick={() => {
              commands[mode]()
              onChosen()
            }}
            testid="editor-tool"
            data-mode={mode}
          />
        ))}
        <Do id="snap" icon="magnet" commands={commands} pressed={state.snap} />
        <Do id="redo" icon="redo" commands={commands} disabled={state.history.future.length === 0} />
      </div>
      <h3>{words.editor.choose}</h3>
      <div class="drawer-grid">
        <Do id="several" icon="several" commands={commands} pressed={state.adding} />
        <IconButton
          icon="marquee"
          name={words.editor.tools.marquee}
          caption={words.editor.tools.marquee}
          pressed={state.mode === "marquee"}
          onClick={() => {
            commands.marquee()
            onChosen()
          }}
          testid="editor-tool"
          data-mode="marquee"
        />
        <Do id="all" icon="list" commands={commands} />
        <Do id="copy" icon="copy" commands={commands} disabled={none} />
        <Do id="paste" icon="paste" commands={commands} disabled={state.clipboard.length === 0} />
        <Do id="remove" icon="trash" commands={commands} disabled={none} />
      </div>
      <h3>{words.editor.view}</h3>
      <div class="drawer-grid">
        <Do id="turnLeft" icon="undo" commands={commands} />
        <Do id="turnRight" icon="turn" commands={commands} />
        <Do id="invert" icon="invert" commands={commands} pressed={look.invert} />
      </div>
      <Stepper
        name={words.editor.brightness}
        icon="sun"
        value={look.brightness}
        less={["darker", commands]}
        more={["brighter", commands]}
      />
      <Stepper
        name={words.editor.contrast}
        icon="contrast"
        value={look.contrast}
        less={["lessContrast", commands]}
        more={["moreContrast", commands]}
      />
      <div class="drawer-grid">
        <Do
          id="asTaken"
          icon="image"
          commands={commands}
          disabled={look.brightness === 1 && look.contrast === 1 && !look.invert}
        />
      </div>
      <h3>{words.editor.move}</h3>
      <Pad commands={commands} />
    </div>
  )
}

type Step = readonly ["brighter" | "darker" | "moreContrast" | "lessContrast", Commands]

function Stepper({
  name,
  icon,
  value,
  less,
  more,
}: {
  name: string
  icon: IconName
  value: number
  less: Step
  more: Step
}) {
  const words = useWords()
  const button = ([id, commands]: Step, sign: IconName) => (
    <IconButton
      icon={sign}
      name={words.editor.actions[id]}
      onClick={commands[id]}
      testid="editor-do"
      data-do={id}
    />
  )
  return (
    <div class="drawer-step">
      <Icon name={icon} />
      <span class="drawer-step-name">{name}</span>
      {button(less, "minus")}
      <span class="drawer-step-value num">{words.common.percent(value)}</span>
      {button(more, "plus")}
    </div>
  )
}

/** What dragging does, by taps: moves the selection, or with nothing selected the picture. */
function Pad({ commands }: { commands: Commands }) {
  const words = useWords()
  return (
    <div class="drawer-pad">
      {(["left", "up", "down", "right"] as const).map((id) => (
        <IconButton
          key={id}
          icon={id === "right" ? "next" : id}
          name={words.editor.actions[id]}
          onClick={commands[id]}
          testid="editor-do"
          data-do={id}
        />
      ))}
      {(["farLeft", "farUp", "farDown", "farRight"] as const).map((id) => (
        <IconButton
          key={id}
          icon={id === "farRight" ? "next" : id === "farLeft" ? "left" : id === "farUp" ? "up" : "down"}
          name={words.editor.actions[id]}
          caption="×10"
          onClick={commands[id]}
          testid="editor-do"
          data-do={id}
        />
      ))}
    </div>
  )
}

function Regions({
  work,
  commands,
  questions,
}: {
  work: Labelling
  commands: Commands
  questions: readonly Question[]
}) {
  const words = useWords()
  const state = work.editor.value
  const { shapes } = documentOf(state)
  const chosen = shapes.filter(({ id }) => state.selection.includes(id))
  const [only] = chosen
  if (shapes.length === 0) return <p class="drawer-body muted">{words.editor.regionsNone}</p>
  return (
    <div class="drawer-body">
      {only && (
        <>
          <div class="drawer-grid">
            <Do
              id="merge"
              icon="merge"
              commands={commands}
              disabled={chosen.length < 2 || mergeAreas(state) === null}
            />
            <Do id="toMask" icon="mask" commands={commands} disabled={areasToMasks(state) === null} />
            <Do id="bring" icon="bring" commands={commands} disabled={only.locked === true} />
            <Do id="copy" icon="copy" commands={commands} />
            <Do
              id="lock"
              icon={only.locked ? "unlock" : "lock"}
              commands={commands}
              pressed={only.locked === true}
            />
            <Do id="hide" icon="eyeOff" commands={commands} />
          </div>
          {chosen.length === 1 && (
            <div class="drawer-grid drawer-pile">
              <Do id="front" icon="front" commands={commands} />
              <Do id="forward" icon="forward" commands={commands} />
              <Do id="backward" icon="backward" commands={commands} />
              <Do id="back" icon="backmost" commands={commands} />
            </div>
          )}
          {chosen.length === 1 && <Details key={only.id} work={work} shape={only} questions={questions} />}
        </>
      )}
      <h3>{words.editor.regionsCount(shapes.length)}</h3>
      <RegionList work={work} shapes={shapes} />
      {only && (
        <>
          <h3>{words.editor.move}</h3>
          <Pad commands={commands} />
          <h3>{words.editor.reshape}</h3>
          <div class="drawer-grid">
            <Do id="wider" icon="next" commands={commands} disabled={only.locked === true} />
            <Do id="taller" icon="down" commands={commands} disabled={only.locked === true} />
            <Do id="spinRight" icon="turn" commands={commands} disabled={only.locked === true} />
            <Do id="narrower" icon="left" commands={commands} disabled={only.locked === true} />
            <Do id="shorter" icon="up" commands={commands} disabled={only.locked === true} />
            <Do id="spinLeft" icon="undo" commands={commands} disabled={only.locked === true} />
          </div>
        </>
      )}
    </div>
  )
}

/** Further classes, a text, and answers of one region. */
function Details({
  work,
  shape,
  questions,
}: {
  work: Labelling
  shape: Shape
  questions: readonly Question[]
}) {
  const app = useApp()
  const words = useWords()
  const kindName = useKindName()
  const note = shape.answers?.[noteKey]
  const missing = work.missing.value
  return (
    <>
      <h3>{words.editor.also}</h3>
      <div class="answers">
        {app.kinds.value
          .filter((kind) => kind.active && kind.key !== shape.kind)
          .map((kind) => (
            <button
              key={kind.key}
              type="button"
              class="answer"
              aria-pressed={shape.also?.includes(kind.key) ?? false}
              onClick={() => work.dispatch({ type: "also", kind: kind.key })}
              data-testid="editor-also"
              data-kind={kind.key}
            >
              <DefectIcon icon={kind.icon} kind={kind.key} size={20} />
              {kindName(kind.key)}
            </button>
          ))}
      </div>
      <Questions
        questions={questions.filter(({ of }) => of === "region")}
        answers={shape.answers}
        missing={missing?.region === shape.id ? missing.question.key : null}
        disabled={false}
        onAnswer={(key, answer) => work.dispatch({ type: "answer", id: shape.id, key, answer })}
      />
      <label class="drawer-note">
        <span>{words.editor.note}</span>
        <textarea
          class="input answers-text"
          rows={2}
          maxLength={2_000}
          placeholder={words.editor.noteHint}
          value={typeof note === "string" ? note : ""}
          onInput={(event) =>
            work.dispatch({
              type: "answer",
              id: shape.id,
              key: noteKey,
              answer: event.currentTarget.value || undefined,
            })
          }
          data-testid="editor-note"
        />
      </label>
    </>
  )
}

const rowHeight = 56
/** Rows drawn beyond those that are seen. */
const spare = 6

/** The pile, the uppermost first. Only the rows that are seen are there: thousands of regions are one list. */
function RegionList({ work, shapes }: { work: Labelling; shapes: readonly Shape[] }) {
  const app = useApp()
  const words = useWords()
  const kindName = useKindName()
  const ref = useRef<HTMLUListElement>(null)
  const from = useSignal(0)
  const state = work.editor.value
  const rows = Math.ceil(420 / rowHeight) + 2 * spare
  const first = Math.max(0, Math.min(from.value - spare, shapes.length - rows))
  const seen = shapes.map((shape, i) => ({ shape, number: i + 1 })).reverse()

  useEffect(() => {
    const list = ref.current
    const at = seen.findIndex(({ shape }) => shape.id === state.selected)
    if (!list || at < 0) return
    const top = at * rowHeight
    if (top < list.scrollTop || top > list.scrollTop + list.clientHeight - rowHeight)
      list.scrollTop = Math.max(0, top - rowHeight)
  }, [state.selected])

  return (
    <ul
      ref={ref}
      class="regions"
      onScroll={(event) => {
        from.value = Math.floor(event.currentTarget.scrollTop / rowHeight)
      }}
    >
      <li aria-hidden="true" style={{ height: `${first * rowHeight}px` }} />
      {seen.slice(first, first + rows).map(({ shape, number }) => {
        const on = state.selection.includes(shape.id)
        const icon = app.kinds.value.find((kind) => kind.key === shape.kind)?.icon
        return (
          <li key={shape.id} class={`region ${on ? "region-on" : ""}`} data-testid="editor-region">
            <button
              type="button"
              class="region-name"
              aria-pressed={on}
              onClick={() => work.dispatch({ type: "select", id: on ? null : shape.id })}
            >
              <DefectIcon icon={icon} kind={shape.kind} size={22} />
              <span class="region-text">
                {number} {kindName(shape.kind)}
                <span class="small region-kind">{words.editor.tools[modeOf(shape)]}</span>
              </span>
            </button>
            <IconButton
              icon={shape.hidden ? "eyeOff" : "eye"}
              name={shape.hidden ? words.editor.show : words.editor.hidden}
              pressed={shape.hidden === true}
              onClick={() => work.dispatch({ type: "hide", ids: [shape.id], on: !shape.hidden })}
              testid="editor-region-hide"
            />
            <IconButton
              icon={shape.locked ? "lock" : "unlock"}
              name={shape.locked ? words.editor.unlock : words.editor.locked}
              pressed={shape.locked === true}
              onClick={() => work.dispatch({ type: "lock", ids: [shape.id], on: !shape.locked })}
              testid="editor-region-lock"
            />
          </li>
        )
      })}
      <li
        aria-hidden="true"
        style={{ height: `${Math.max(0, shapes.length - first - rows) * rowHeight}px` }}
      />
    </ul>
  )
}

/** The tool a region looks as if it was drawn with. */
function modeOf({ outline }: Shape): "box" | "rotated" | "ellipse" | "polygon" | "line" | "point" | "brush" {
  if (outline.type === "mask") return "brush"
  return outline.type === "box" && outline.angle ? "rotated" : outline.type
}
