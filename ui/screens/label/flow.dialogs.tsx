import { useSignal } from "@preact/signals"
import { uuidv7 } from "uuidv7"
import { Colleague, Comment, type Mention, type SkipReason, skipReasons } from "#contract/flow"
import { asTrouble, type Trouble, thumbUrl } from "../../api.ts"
import { useApp, useFormat, useWords } from "../../context.ts"
import { Button } from "../../parts/button.tsx"
import { Dialog } from "../../parts/dialog.tsx"
import { TextField } from "../../parts/field.tsx"
import { Loaded } from "../../parts/loaded.tsx"
import { Empty, TroubleNote } from "../../parts/states.tsx"
import { Tag } from "../../parts/tag.tsx"
import { type Resource, useResource } from "../../resource.ts"
import type { TestId } from "../../testids.ts"

/** One press says why, and the part goes to somebody else. */
export function SkipDialog({
  onSkip,
  onClose,
}: {
  onSkip: (reason: SkipReason) => void
  onClose: () => void
}) {
  const words = useWords()
  return (
    <Dialog title={words.flow.skip.title} onClose={onClose}>
      <p class="muted">{words.flow.skip.lead}</p>
      <div class="choices">
        {skipReasons.map((reason) => (
          <button
            key={reason}
            type="button"
            class="choice"
            onClick={() => onSkip(reason)}
            data-testid="flow-skip-reason"
            data-reason={reason}
          >
            {words.flow.skip.reason[reason]}
          </button>
        ))}
      </div>
    </Dialog>
  )
}

function useColleagues(): Resource<Colleague[]> {
  const { api, session } = useApp()
  const own = session.value?.user.id
  return useResource("colleagues", async (s) =>
    (await api.list("/api/colleagues", Colleague, s)).filter(({ id }) => id !== own),
  )
}

/** Names to press; several where `many`. */
function People({
  people,
  chosen,
  onToggle,
  label,
  testid,
}: {
  people: readonly Colleague[]
  chosen: readonly string[]
  onToggle: (id: string) => void
  label: string
  testid: TestId
}) {
  const words = useWords()
  return (
    <fieldset class="field">
      <legend>{label}</legend>
      <div class="people-choice">
        {people.map((person) => (
          <button
            key={person.id}
            type="button"
            class="choice choice-small"
            aria-pressed={chosen.includes(person.id)}
            onClick={() => onToggle(person.id)}
            data-testid={testid}
            data-person={person.id}
          >
            {person.name}
            {person.role !== "worker" && <span class="small"> {words.role[person.role]}</span>}
          </button>
        ))}
      </div>
    </fieldset>
  )
}

/** Somebody else is to judge it. */
export function AskDialog({
  onAsk,
  onClose,
}: {
  onAsk: (to: string | null, note: string) => void
  onClose: () => void
}) {
  const words = useWords()
  const people = useColleagues()
  const to = useSignal<string | null>(null)
  const note = useSignal("")
  return (
    <Dialog
      title={words.flow.ask.title}
      onClose={onClose}
      wide
      actions={
        <Button look="primary" icon="ask" onClick={() => onAsk(to.value, note.value)} testid="flow-ask-send">
          {words.flow.ask.send}
        </Button>
      }
    >
      <p class="muted">{words.flow.ask.lead}</p>
      <button
        type="button"
        class="choice"
        aria-pressed={to.value === null}
        onClick={() => {
          to.value = null
        }}
      >
        {words.flow.ask.anyone}
      </button>
      <Loaded resource={people}>
        {(list) => (
          <People
            people={list}
            chosen={to.value === null ? [] : [to.value]}
            label={words.flow.comment.to}
            testid="flow-ask-person"
            onToggle={(id) => {
              to.value = to.value === id ? null : id
            }}
          />
        )}
      </Loaded>
      <TextField
        label={`${words.flow.ask.note} (${words.common.optional})`}
        value={note.value}
        maxLength={1000}
        onValue={(text) => {
          note.value = text
        }}
      />
    </Dialog>
  )
}

/** What was said about a part, and a word of one's own. */
export function CommentsDialog({
  inspection,
  onSaid,
  onClose,
}: {
  inspection: string
  onSaid?: () => void
  onClose: () => void
}) {
  const { api, now } = useApp()
  const words = useWords()
  const format = useFormat()
  const people = useColleagues()
  const path = `/api/inspections/${inspection}/comments`
  const comments = useResource(path, (s) => api.list(path, Comment, s), ["comment"])
  const text = useSignal("")
  const mentions = useSignal<string[]>([])
  const id = useSignal(uuidv7())
  const busy = useSignal(false)
  const trouble = useSignal<Trouble | undefined>(undefined)

  async function send() {
    busy.value = true
    trouble.value = undefined
    try {
      await api.post(path, { id: id.value, text: text.value.trim(), mentions: mentions.value }, Comment)
      id.value = uuidv7()
      text.value = ""
      mentions.value = []
      comments.reload()
      onSaid?.()
    } catch (error) {
      trouble.value = asTrouble(error)
    } finally {
      busy.value = false
    }
  }

  return (
    <Dialog
      title={words.flow.comment.title}
      onClose={onClose}
      wide
      actions={
        <Button
          look="primary"
          icon="comment"
          busy={busy.value}
          disabled={text.value.trim() === ""}
          onClick={() => void send()}
          testid="flow-comment-send"
        >
          {words.flow.comment.send}
        </Button>
      }
    >
      {trouble.value && <TroubleNote trouble={trouble.value} />}
      <Loaded resource={comments}>
        {(list) =>
          list.length === 0 ? (
            <p class="muted">{words.flow.comment.empty}</p>
          ) : (
            <ul class="comments">
              {list.map((comment) => (
                <li key={comment.id}>
                  <p class="small muted">
                    {comment.by.name} · {format.ago(comment.at, now.value)}
                    {comment.mentions.length > 0 &&
                      ` → ${words.common.and(comment.mentions.map(({ name }) => `@${name}`))}`}
                  </p>
                  <p>{comment.text}</p>
                </li>
              ))}
            </ul>
          )
        }
      </Loaded>
      <TextField
        label={words.flow.comment.write}
        value={text.value}
        maxLength={1000}
        testid="flow-comment-text"
        onValue={(value) => {
          text.value = value
        }}
      />
      <Loaded resource={people}>
        {(list) => (
          <People
            people={list}
            chosen={mentions.value}
            label={`${words.flow.comment.to} (${words.common.optional})`}
            testid="flow-comment-person"
            onToggle={(person) => {
              mentions.value = mentions.value.includes(person)
                ? mentions.value.filter((other) => other !== person)
                : [...mentions.value, person]
            }}
          />
        )}
      </Loaded>
    </Dialog>
  )
}

/** Comments that mention the person at this tablet. */
export function MentionsDialog({
  mentions,
  onOpen,
  onClose,
}: {
  mentions: Resource<Mention[]>
  onOpen: (inspection: string) => void
  onClose: () => void
}) {
  const { now } = useApp()
  const words = useWords()
  const format = useFormat()
  return (
    <Dialog title={words.flow.mentions.title} onClose={onClose} wide>
      <Loaded resource={mentions}>
        {(list) =>
          list.length === 0 ? (
            <Empty icon="comment" title={words.flow.mentions.empty} body="" />
          ) : (
            <ul class="past">
              {list.map(({ comment, inspection, seen }) => (
                <li key={comment.id} class="past-item" data-testid="flow-mention">
                  <div class="thumb past-thumb">
                    {inspection.image && <img src={thumbUrl(inspection.image.sha256, 256)} alt="" />}
                  </div>
                  <span class="past-part">
                    <span>{comment.text}</span>
                    <span class="muted small">
                      {comment.by.name} · {inspection.part_id ?? inspection.device_id} ·{" "}
                      {format.ago(comment.at, now.value)}
                    </span>
                  </span>
                  {!seen && <Tag tone="strong">{words.flow.mentions.new}</Tag>}
                  <Button icon="comment" onClick={() => onOpen(inspection.id)}>
                    {words.flow.mentions.open}
                  </Button>
                </li>
              ))}
            </ul>
          )
        }
      </Loaded>
    </Dialog>
  )
}
