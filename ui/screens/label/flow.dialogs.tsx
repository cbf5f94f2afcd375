import { useSignal } from "@preact/signals"
import { uuidv7 } from "uuidv7"
import { type Colleague, Comment, type Mention, type SkipReason, skipReasons } from "#contract/flow"
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
import { readColleagues } from "./colleagues.ts"

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
  const app = useApp()
  return useResource("colleagues", (s) => readColleagues(app, s))
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

/** What was said about a part, and a word of one's own, which lies on this tablet until the hub has it. */
export function CommentsDialog({ inspection, onClose }: { inspection: string; onClose: () => void }) {
  const { api, now, outbox, live, session } = useApp()
  const words = useWords()
  const format = useFormat()
  const people = useColleagues()
  const path = `/api/inspections/${inspection}/comments`
  const comments = useResource(path, (s) => api.list(path, Comment, s), ["comment"])
  const text = useSignal("")
  const mentions = useSignal<string[]>([])
  const trouble = useSignal<Trouble | undefined>(undefined)
  const own = (outbox.value?.saying.value ?? []).filter((said) => said.inspection_id === inspection)
  const arrived = new Set(comments.data.value?.map(({ id }) => id))

  async function send() {
    const said = text.value.trim()
    text.value = ""
    trouble.value = undefined
    try {
      await outbox.value?.addDeed({
        do: "comment",
        id: uuidv7(),
        inspection_id: inspection,
        text: said,
        mentions: mentions.value,
        made_at: Date.now(),
      })
      mentions.value = []
    } catch (error) {
      // The tablet's disk took nothing: the words stay in the field.
      text.value = said
      trouble.value = asTrouble(error)
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
          disabled={text.value.trim() === "" || outbox.value === null}
          onClick={() => void send()}
          testid="flow-comment-send"
        >
          {words.flow.comment.send}
        </Button>
      }
    >
      {trouble.value && <TroubleNote trouble={trouble.value} />}
      {comments.data.value === undefined && !live.connected.value ? (
        <p class="muted" data-testid="flow-comment-away">
          {words.station.comment.away}
        </p>
      ) : (
        <Loaded resource={comments}>
          {(list) =>
            list.length === 0 && own.length === 0 ? (
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
      )}
      {own.some(({ id }) => !arrived.has(id)) && (
        <ul class="comments">
          {own
            .filter(({ id }) => !arrived.has(id))
            .map((said) => (
              <li key={said.id} data-testid="flow-comment-unsent">
                <p class="small muted">
                  {session.value?.user.name} · {words.station.comment.unsent}
                </p>
                <p>{said.text}</p>
              </li>
            ))}
        </ul>
      )}
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
