import { useSignal } from "@preact/signals"
import { useEffect, useId } from "preact/hooks"
import * as v from "valibot"
import { DefectKey } from "#contract/ids"
import { decodings, type ModelContract, type ModelInput } from "#contract/model"
import type { ModelLook } from "#contract/registry"
import { useApp, useWords } from "../../context.ts"
import { useDeskWords } from "../../desk-words.ts"
import { Field, Segmented, Select } from "../../parts/field.tsx"
import { classesUpTo, type Decoding, isDecoding, readAs, readNumbers } from "./draft.rules.ts"

type Props = {
  look: ModelLook
  contract: ModelContract
  onContract: (contract: ModelContract) => void
  /** Whether everything that was typed can be read. */
  onRight: (right: boolean) => void
}

/** Everything the hub has to know of a model, filled in with what it was taken for. */
export function ContractForm({ look, contract, onContract, onRight }: Props) {
  const w = useDeskWords().wizard
  const wrong = useSignal<ReadonlySet<string>>(new Set())
  const mark = (name: string, right: boolean) => {
    const next = new Set(wrong.value)
    if (right) next.delete(name)
    else next.add(name)
    wrong.value = next
    onRight(next.size === 0)
  }
  const { decode, inputs, outputs, thresholds } = contract
  const input = inputs[0]
  const ends = look.outputs.map(({ name }) => name)
  const setInput = (change: Partial<ModelInput>) =>
    input && onContract({ ...contract, inputs: [{ ...input, ...change }, ...inputs.slice(1)] })
  const number = (
    name: string,
    label: string,
    value: number,
    onNumber: (value: number) => void,
    { least = 0, most = 1, whole = false, hint }: NumberLimits = {},
  ) => (
    <NumberField
      key={name}
      label={label}
      value={[value]}
      counts={[1]}
      hint={hint}
      is={([one = Number.NaN]) => one >= least && one <= most && (!whole || Number.isInteger(one))}
      onNumbers={([one = 0]) => onNumber(one)}
      onRight={(right) => mark(name, right)}
    />
  )
  const own = !isDecoding(decode.type)
  return (
    <div class="form">
      <h3>{w.answer}</h3>
      <Select
        label={w.decoding}
        value={decode.type}
        options={[
          ...(own ? [{ value: decode.type, text: w.decodings.crux_patch }] : []),
          ...(Object.keys(decodings) as Decoding[]).map((value) => ({ value, text: w.decodings[value] })),
        ]}
        onValue={(type) => isDecoding(type) && onContract(readAs(contract, type, ends))}
        testid="wizard-decoding"
      />
      <div class="form-two">
        {outputs.map((output, i) => (
          <Select
            key={output.role}
            label={w.output[output.role]}
            value={output.name}
            options={ends.map((name) => ({ value: name, text: name }))}
            onValue={(name) =>
              onContract({
                ...contract,
                outputs: outputs.map((one, at) => (at === i ? { ...one, name } : one)),
              })
            }
          />
        ))}
        {decode.iou !== undefined &&
          number("iou", w.iou, decode.iou, (iou) => onContract({ ...contract, decode: { ...decode, iou } }))}
      </div>
      <h3>{w.thresholds}</h3>
      <div class="form-two">
        {number("low", w.low, thresholds.t_low, (t_low) =>
          onContract({ ...contract, thresholds: { ...thresholds, t_low } }),
        )}
        {number("high", w.high, thresholds.t_high, (t_high) =>
          onContract({ ...contract, thresholds: { ...thresholds, t_high } }),
        )}
        {thresholds.pixel !== undefined &&
          number("pixel", w.pixel, thresholds.pixel, (pixel) =>
            onContract({ ...contract, thresholds: { ...thresholds, pixel } }),
          )}
      </div>
      <p class="muted small">{w.between}</p>
      <Classes contract={contract} onContract={onContract} mark={mark} number={number} />
      {input && (
        <>
          <h3>{w.picture}</h3>
          <div class="form-two">
            {number(
              "w",
              w.width,
              input.resize.w,
              (value) => setInput({ resize: { ...input.resize, w: value } }),
              { least: 1, most: 8192, whole: true },
            )}
            {number(
              "h",
              w.height,
              input.resize.h,
              (value) => setInput({ resize: { ...input.resize, h: value } }),
              { least: 1, most: 8192, whole: true },
            )}
            <Select
              label={w.resize}
              value={input.resize.mode}
              options={choices(w.resizes)}
              onValue={(mode) => setInput({ resize: { ...input.resize, mode: mode as Mode } })}
            />
            <Select
              label={w.color}
              value={input.color}
              options={choices(w.colors)}
              onValue={(color) => setInput({ color: color as ModelInput["color"] })}
            />
          </div>
          <details>
            <summary>{w.more}</summary>
            <div class="form">
              <div class="form-two">
                <Select
                  label={w.input}
                  value={input.name}
                  options={look.inputs.map(({ name }) => ({ value: name, text: name }))}
                  onValue={(name) => setInput({ name })}
                />
                <Select
                  label={w.layout}
                  value={input.layout}
                  options={choices(w.layouts)}
                  onValue={(layout) => setInput({ layout: layout as ModelInput["layout"] })}
                />
                {(["mean", "std"] as const).map((name) => (
                  <NumberField
                    key={name}
                    label={w[name]}
                    value={input[name]}
                    counts={[1, 3]}
                    hint={w.numbersHint}
                    is={(numbers) => name === "mean" || numbers.every((one) => one !== 0)}
                    onNumbers={(numbers) => setInput({ [name]: numbers })}
                    onRight={(right) => mark(name, right)}
                  />
                ))}
                {number("scale", w.scale, input.scale, (scale) => setInput({ scale }), {
                  most: 65_535,
                  hint: w.scaleHint,
                })}
              </div>
            </div>
          </details>
        </>
      )}
    </div>
  )
}
type Mode = ModelInput["resize"]["mode"]
type NumberLimits = { least?: number; most?: number; whole?: boolean; hint?: string }
type NumberOf = (
  name: string,
  label: string,
  value: number,
  onNumber: (value: number) => void,
  limits?: NumberLimits,
) => preact.JSX.Element

const choices = (texts: Record<string, string>) =>
  Object.entries(texts).map(([value, text]) => ({ value, text }))

/** The classes of an answer, in the order of their numbers: names of the catalogue where there are, and which are good. */
function Classes({
  contract,
  onContract,
  mark,
  number,
}: Pick<Props, "contract" | "onContract"> & {
  mark: (name: string, right: boolean) => void
  number: NumberOf
}) {
  const { kinds } = useApp()
  const words = useWords()
  const w = useDeskWords().wizard
  const list = useId()
  const { classes } = contract
  const change = (id: number, to: Partial<(typeof classes)[number]>) =>
    onContract({ ...contract, classes: classes.map((one) => (one.id === id ? { ...one, ...to } : one)) })
  return (
    <>
      <h3>{w.classes}</h3>
      <p class="muted small">{w.classHint}</p>
      <datalist id={list}>
        {kinds.value.map(({ key }) => (
          <option key={key} value={key} />
        ))}
      </datalist>
      {number("classes", w.classCount, classes.length, (count) => onContract(classesUpTo(contract, count)), {
        least: 1,
        most: 1_000,
        whole: true,
      })}
      <ul class="wizard-classes">
        {classes.map(({ id, key, verdict }) => (
          <li key={id} class="wizard-class" data-testid="wizard-class">
            <ClassName
              id={id}
              value={key}
              list={list}
              taken={classes.some((one) => one.id !== id && one.key === key)}
              onName={(name) => change(id, { key: name })}
              onRight={(right) => mark(`class ${id}`, right)}
            />
            <Segmented
              label={w.verdictOf(key)}
              value={verdict}
              options={[
                { value: "OK", text: words.verdict.ok },
                { value: "NG", text: words.verdict.ng },
              ]}
              onValue={(value) => change(id, { verdict: value })}
            />
          </li>
        ))}
      </ul>
    </>
  )
}

function ClassName({
  id,
  value,
  list,
  taken,
  onName,
  onRight,
}: {
  id: number
  value: string
  list: string
  taken: boolean
  onName: (name: string) => void
  onRight: (right: boolean) => void
}) {
  const w = useDeskWords().wizard
  const typed = useSignal(value)
  const right = v.is(DefectKey, typed.value) && !taken
  useEffect(() => {
    onRight(right)
    return () => onRight(true)
  }, [right])
  return (
    <input
      class={`input ${right ? "" : "wizard-wrong"}`}
      aria-label={w.className(id)}
      aria-invalid={!right}
      list={list}
      value={typed.value}
      maxLength={48}
      spellcheck={false}
      autocapitalize="none"
      onInput={(event) => {
        typed.value = event.currentTarget.value.trim()
        if (v.is(DefectKey, typed.value)) onName(typed.value)
      }}
    />
  )
}

/** Numbers as text while they are typed; what can be read goes on at once. */
function NumberField({
  label,
  value,
  counts,
  hint,
  is,
  onNumbers,
  onRight,
}: {
  label: string
  value: readonly number[]
  counts: readonly number[]
  hint?: string | undefined
  is: (numbers: readonly number[]) => boolean
  onNumbers: (numbers: number[]) => void
  onRight: (right: boolean) => void
}) {
  const w = useDeskWords().wizard
  const typed = useSignal(value.map((one) => Number(one.toFixed(6))).join(", "))
  const read = readNumbers(typed.value, counts)
  const right = read !== undefined && is(read)
  return (
    <Field
      label={label}
      value={typed.value}
      onValue={(text) => {
        typed.value = text
        const numbers = readNumbers(text, counts)
        const fits = numbers !== undefined && is(numbers)
        onRight(fits)
        if (fits) onNumbers(numbers)
      }}
      spellcheck={false}
      hint={right ? hint : w.numbersWrong}
    />
  )
}
