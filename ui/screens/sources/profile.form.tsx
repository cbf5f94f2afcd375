import type { ComponentChildren } from "preact"
import { useDeskWords } from "../../desk-words.ts"
import { Field, Segmented } from "../../parts/field.tsx"
import type { Draft } from "./draft.rules.ts"

/** The profile as a form. Only what the kind of message has is shown. */
export function ProfileForm({
  draft,
  onDraft,
  children,
}: {
  draft: Draft
  onDraft: (draft: Draft) => void
  children: ComponentChildren
}) {
  const texts = useDeskWords().sources
  const w = texts.form
  const set = (key: string) => (value: string) => onDraft({ ...draft, [key]: value })
  const text = (key: keyof typeof w.labels & string, hint?: string) => (
    <Field
      key={key}
      label={w.labels[key]}
      value={draft[key] ?? ""}
      onValue={set(key)}
      spellcheck={false}
      autocapitalize="none"
      {...(hint !== undefined && { hint })}
    />
  )
  const choice = <T extends string>(key: keyof typeof w.labels & string, options: Record<T, string>) => (
    <Segmented
      label={w.labels[key]}
      value={draft[key] as T}
      options={(Object.keys(options) as T[]).map((value) => ({ value, text: options[value] }))}
      onValue={set(key)}
    />
  )
  const kind = draft.kind
  return (
    <div class="form">
      {choice("kind", texts.kinds)}
      <p class="muted">{texts.kindHints[kind as keyof typeof texts.kindHints]}</p>
      {(kind === "picture" || kind === "json") && text("topics", w.topicHint)}
      {(kind === "json" || kind === "http") && text("image", w.imageHint)}
      {kind === "pair" && (
        <>
          {text("picture_topic", w.topicHint)}
          {text("data_topic")}
          {choice("join", w.joins)}
          {draft.join === "key" && (
            <div class="form-two">
              {text("key_picture", w.keyHint)}
              {text("key_data")}
            </div>
          )}
          {choice("newest", w.newest)}
          {text("wait_s")}
        </>
      )}
      {kind === "folder" && (
        <>
          {text("folder", w.folderHint)}
          {choice("sidecar", w.sidecars)}
          {draft.sidecar !== "none" && text("sidecar_wait_s")}
          {choice("after", w.afters)}
        </>
      )}
      <h3>{w.fieldsTitle}</h3>
      <p class="muted">{w.fieldsHint}</p>
      <div class="form-two">
        {text("part")}
        {text("product")}
        {text("recipe")}
        {text("job")}
        {text("id", w.idHint)}
        {text("time")}
      </div>
      {draft.time !== "" && choice("time_form", w.timeForms)}
      {text("verdict", w.verdictHint)}
      {draft.verdict !== "" && (
        <>
          {text("ok", w.wordsHint)}
          {text("ng")}
          {text("undecidable")}
        </>
      )}
      {text("score")}
      {draft.score !== "" && (
        <>
          <div class="form-two">
            {text("score_min")}
            {text("score_max")}
          </div>
          {choice("score_high", w.scoreHighs)}
        </>
      )}
      <details>
        <summary>{w.more}</summary>
        <div class="form">
          <div class="form-two">
            {text("only", w.onlyHint)}
            {text("only_is")}
            {text("repeat_s", w.repeatHint)}
            {text("max_mb")}
          </div>
          {kind !== "folder" && kind !== "http" && text("foreign", w.foreignHint)}
        </div>
      </details>
      {children}
    </div>
  )
}
