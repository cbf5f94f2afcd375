import { useSignal } from "@preact/signals"
import { useApp, useWords } from "../../context.ts"
import { whyText } from "../../i18n/why.ts"
import { IconButton } from "../../parts/button.tsx"
import { Icon } from "../../parts/icon.tsx"
import { split } from "../../parts/split.tsx"
import { VerdictTag } from "../../parts/tag.tsx"
import type { Commands } from "./commands.ts"
import type { Labelling } from "./labelling.ts"
import type { Outbox } from "./outbox.ts"

const PersonDialog = split(() => import("../session/person.dialog.tsx").then((m) => m.PersonDialog))

/** Why this part, what the model thinks, and whether my work has arrived. */
export function TopBar({
  work,
  outbox,
  unread,
  commands,
}: {
  work: Labelling
  outbox: Outbox
  /** Comments for this person that were not read yet. */
  unread: number
  commands: Commands
}) {
  const { session } = useApp()
  const words = useWords()
  const person = useSignal(false)
  const task = work.held.value?.task
  const unsent = outbox.unsent.value
  const refused = outbox.refused.value
  return (
    <header class="top">
      <a
        class="icon-button"
        href="/"
        aria-label={words.common.home}
        title={words.common.home}
        data-testid="label-exit"
      >
        <Icon name="back" />
      </a>
      <div class="top-why">
        {task && (
          <>
            <VerdictTag verdict={task.inspection.verdict.eval} />
            <span class="top-reason" data-testid="label-reason" title={whyText(words, task)}>
              {task.asked_by === undefined
                ? words.label.reason[task.reason]
                : words.flow.ask.askedBy(task.asked_by)}
            </span>
            <span class="top-part muted num" data-testid="label-part">
              {task.inspection.part_id ?? task.inspection.id.slice(-8)} · {task.inspection.device_id}
            </span>
          </>
        )}
      </div>
      <div class="top-do">
        {refused > 0 && (
          <span class="top-note top-note-bad" title={words.label.refusedBody}>
            <Icon name="warning" />
            {words.label.refused(refused)}
          </span>
        )}
        <span
          class={`top-note ${unsent > 0 ? "top-note-wait" : ""}`}
          role="status"
          data-testid="label-unsent"
          data-unsent={unsent}
        >
          <Icon name={unsent > 0 ? "cloudOff" : "sent"} />
          <span class="top-note-text">{unsent > 0 ? words.label.unsent(unsent) : words.label.allSent}</span>
        </span>
        <span class="top-count num" data-testid="label-waiting">
          {words.label.waiting(work.waiting.value)}
        </span>
        <IconButton icon="grid" name={words.flow.name.batch} onClick={commands.batch} testid="batch-open" />
        <span class="top-bell">
          <IconButton
            icon="bell"
            name={words.flow.name.mentions}
            onClick={commands.mentions}
            testid="flow-mentions"
          />
          {unread > 0 && <span class="flow-badge num">{unread}</span>}
        </span>
        <button
          type="button"
          class="top-person"
          aria-label={words.tablet.personOf(session.value?.user.name ?? "")}
          onClick={() => {
            person.value = true
          }}
          data-testid="label-person"
        >
          <Icon name="people" />
          <span class="top-person-name">{session.value?.user.name}</span>
        </button>
        <IconButton
          icon="history"
          name={words.label.history}
          onClick={commands.history}
          testid="label-history"
        />
        <IconButton icon="help" name={words.label.help} onClick={commands.help} testid="label-help" />
      </div>
      {person.value && (
        <PersonDialog
          onClose={() => {
            person.value = false
          }}
        />
      )}
    </header>
  )
}
