import { useSignal } from "@preact/signals"
import * as v from "valibot"
import { SourceProfile, SourceTestResult } from "#contract/source"
import { asTrouble, type Trouble } from "../../api.ts"
import { useApp, useFormat } from "../../context.ts"
import { useDeskWords } from "../../desk-words.ts"
import { Field } from "../../parts/field.tsx"
import { TroubleNote } from "../../parts/states.tsx"
import { Tag, VerdictTag } from "../../parts/tag.tsx"
import { TechnicalDetail } from "../../parts/technical-detail.tsx"
import { type Draft, profileOf } from "./draft.rules.ts"
import { useSourceWords } from "./words.ts"

/** Tries what stands in the form on a file, before anything is saved. */
export function Sample({ id, draft }: { id: string; draft: Draft }) {
  const { api } = useApp()
  const texts = useDeskWords().sources
  const format = useFormat()
  const say = useSourceWords()
  const topic = useSignal(`crux/v1/in/${id}/image`)
  const result = useSignal<SourceTestResult | null>(null)
  const trouble = useSignal<Trouble | undefined>(undefined)
  const overMqtt = ["picture", "json", "pair"].includes(draft.kind ?? "")

  async function test(files: readonly File[]) {
    trouble.value = undefined
    result.value = null
    // Of two files the smaller one that is no picture is the data beside it.
    const isData = (file: File) => /\.(txt|csv|json)$/i.test(file.name)
    const main = files.find((file) => !isData(file)) ?? files[0]
    const data = files.find((file) => file !== main)
    const profile = v.safeParse(SourceProfile, profileOf(draft))
    if (!main) return
    try {
      result.value = await api.post(
        "/api/source-tests",
        {
          profile: profile.success ? profile.output : profileOf(draft),
          topic: overMqtt ? topic.value : main.name,
          type: main.type,
          sample: await base64(main),
          ...(data && { sidecar: await base64(data) }),
        },
        SourceTestResult,
      )
    } catch (error) {
      trouble.value = asTrouble(error)
    }
  }

  const seen = result.value
  return (
    <div class="form">
      {overMqtt && (
        <Field
          label={texts.topic}
          value={topic.value}
          onValue={(value) => {
            topic.value = value
          }}
          spellcheck={false}
        />
      )}
      <label class="button button-plain source-file">
        <span>{texts.chooseSample}</span>
        <input
          type="file"
          class="visually-hidden"
          multiple
          data-testid="source-sample"
          onChange={(event) => {
            const files = [...(event.currentTarget.files ?? [])]
            event.currentTarget.value = ""
            void test(files)
          }}
        />
      </label>
      {trouble.value && <TroubleNote trouble={trouble.value} />}
      {seen && (
        <div class="source-result" data-testid="source-result" role="status">
          <Tag tone={seen.understood === "refused" ? "ng" : seen.understood === "ignored" ? "neutral" : "ok"}>
            {texts.understood[seen.understood]}
          </Tag>
          {seen.facts && <VerdictTag verdict={seen.facts.verdict.eval} />}
          {seen.image && (
            <span class="num">
              {seen.image.w} × {seen.image.h} · {format.bytes(seen.image.size)}
            </span>
          )}
          {seen.facts &&
            [seen.facts.part_id, seen.facts.product_id].map(
              (text) => text !== undefined && <span key={text}>{text}</span>,
            )}
          {seen.code !== undefined && (
            <p class={seen.understood === "refused" ? "source-trouble" : "muted"}>{say.reason(seen.code)}</p>
          )}
          <TechnicalDetail text={seen.detail} />
          {seen.notes.map((note) => (
            <p key={note.code} class="source-note">
              {say.note(note.code)} {note.value !== undefined && <code>{note.value}</code>}
            </p>
          ))}
        </div>
      )}
    </div>
  )
}

async function base64(file: File): Promise<string> {
  const bytes = new Uint8Array(await file.arrayBuffer())
  let text = ""
  // In pieces: a call takes only so many arguments.
  for (let at = 0; at < bytes.length; at += 32_768)
    text += String.fromCharCode(...bytes.subarray(at, at + 32_768))
  return btoa(text)
}
