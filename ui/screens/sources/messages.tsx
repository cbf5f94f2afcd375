import { SourceMessage } from "#contract/source"
import { thumbUrl } from "../../api.ts"
import { useApp, useFormat } from "../../context.ts"
import { useDeskWords } from "../../desk-words.ts"
import { Icon } from "../../parts/icon.tsx"
import { Loaded } from "../../parts/loaded.tsx"
import { Tag, type Tone, VerdictTag } from "../../parts/tag.tsx"
import { TechnicalDetail } from "../../parts/technical-detail.tsx"
import { useResource } from "../../resource.ts"
import { useSourceWords } from "./words.ts"

const tones: Record<SourceMessage["st"], Tone> = {
  stored: "ok",
  repeated: "neutral",
  held: "neutral",
  replaced: "neutral",
  ignored: "neutral",
  quarantined: "ng",
  later: "unsure",
  refused: "ng",
}

/** The last messages, as they come: what each was, and how it was understood or why not. */
export function Messages({ id }: { id: string }) {
  const { api } = useApp()
  const texts = useDeskWords().sources
  const messages = useResource(
    `messages ${id}`,
    (s) => api.list(`/api/sources/${id}/messages`, SourceMessage, s),
    ["source"],
  )
  return (
    <Loaded resource={messages}>
      {(list) =>
        list.length === 0 ? (
          <p class="muted source-waiting">
            <span class="spinner" aria-hidden="true" /> {texts.noMessages}
          </p>
        ) : (
          <ul
            class="source-messages"
            data-testid="source-messages"
            // biome-ignore lint/a11y/noNoninteractiveTabindex: moved with the keyboard as well, nothing in it takes the focus
            tabIndex={0}
            aria-label={texts.last}
          >
            {list.map((message) => (
              <Message key={message.n} message={message} />
            ))}
          </ul>
        )
      }
    </Loaded>
  )
}

function Message({ message }: { message: SourceMessage }) {
  const texts = useDeskWords().sources
  const format = useFormat()
  const say = useSourceWords()
  const { facts } = message
  return (
    <li class="source-message" data-testid="source-message" data-outcome={message.st}>
      <div class="source-thumb">
        {message.sha256 ? (
          <img src={thumbUrl(message.sha256, 160)} alt="" loading="lazy" />
        ) : (
          <Icon
            name={message.st === "quarantined" || message.st === "refused" ? "warning" : "more"}
            size={28}
          />
        )}
      </div>
      <div class="source-message-text">
        <div class="source-message-head">
          <Tag tone={tones[message.st]}>{texts.outcome[message.st]}</Tag>
          <span class="muted num">
            {format.clock(message.at)} · {format.bytes(message.size)}
          </span>
        </div>
        <span class="source-topic num">{message.topic}</span>
        {facts && (
          <div class="source-facts">
            <VerdictTag verdict={facts.verdict.eval} />
            {[facts.part_id, facts.product_id, facts.recipe_id, facts.job_id].map(
              (text) => text !== undefined && <span key={text}>{text}</span>,
            )}
            {facts.verdict.score !== undefined && (
              <span class="num">{format.percent(facts.verdict.score)}</span>
            )}
          </div>
        )}
        {message.code !== undefined && (
          <p class={message.st === "quarantined" || message.st === "refused" ? "source-trouble" : "muted"}>
            {say.reason(message.code)}
          </p>
        )}
        {message.st !== "stored" && <TechnicalDetail text={message.detail} />}
        {message.notes.map((note) => (
          <p key={note.code} class="source-note">
            {say.note(note.code)}
            {note.value !== undefined && <code>{note.value}</code>}
          </p>
        ))}
        {message.st !== "stored" && message.head !== "" && <code class="source-head">{message.head}</code>}
      </div>
    </li>
  )
}
