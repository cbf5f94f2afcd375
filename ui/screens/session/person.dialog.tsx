import { useSignal } from "@preact/signals"
import { LabelStats } from "#contract/labelling"
import { User } from "#contract/users"
import { asTrouble, type Trouble } from "../../api.ts"
import { useApp, useWords } from "../../context.ts"
import { languageNames } from "../../i18n/format.ts"
import { Button } from "../../parts/button.tsx"
import { Dialog } from "../../parts/dialog.tsx"
import { Segmented } from "../../parts/field.tsx"
import { Figure } from "../../parts/page.tsx"
import { TroubleNote } from "../../parts/states.tsx"
import { useResource } from "../../resource.ts"
import { leave } from "./leave.ts"

/** Who is at the tablet: their day, their language, handing over, and the end of the shift. */
export function PersonDialog({ onClose }: { onClose: () => void }) {
  const app = useApp()
  const words = useWords()
  const stats = useResource("person", (s) => app.api.get("/api/labelling/stats", LabelStats, s), ["label"])
  const trouble = useSignal<Trouble | undefined>(undefined)
  const busy = useSignal(false)
  const user = app.session.value?.user
  const shared = app.session.value?.tablet
  const unsent = app.outbox.value?.unsent.value ?? 0
  const refused = app.outbox.value?.refused.value ?? 0

  async function end() {
    busy.value = true
    try {
      await leave(app)
    } catch (error) {
      trouble.value = asTrouble(error)
      busy.value = false
    }
  }

  return (
    <Dialog
      title={user?.name ?? ""}
      onClose={onClose}
      actions={
        <>
          {shared && (
            <Button
              icon="people"
              onClick={() => {
                onClose()
                app.tablet.setLocked(true)
              }}
              testid="person-switch"
            >
              {words.tablet.switchPerson}
            </Button>
          )}
          <Button
            look="primary"
            icon="exit"
            busy={busy.value}
            onClick={() => void end()}
            testid="person-leave"
          >
            {words.tablet.endShift}
          </Button>
        </>
      }
    >
      {trouble.value && <TroubleNote trouble={trouble.value} />}
      <p class="muted">
        {user && words.role[user.role]}
        {shared && ` · ${shared.name}`}
      </p>
      <div class="person-day" data-testid="person-day">
        <Figure name={words.tablet.judgedToday} value={stats.data.value?.mine_today ?? "–"} />
        <Figure
          name={words.tablet.unsentNow}
          value={unsent}
          {...(unsent > 0 && { tone: "unsure" as const })}
        />
      </div>
      {app.tablet.outdated.value && (
        <Button onClick={app.tablet.renew} testid="tablet-renew">
          {words.tablet.renew}
        </Button>
      )}
      {unsent > 0 && <p>{words.tablet.unsentStays}</p>}
      {refused > 0 && <p>{words.label.refusedBody}</p>}
      <Segmented
        label={words.settings.language}
        value={app.prefs.language.value}
        options={[
          { value: "ko", text: languageNames.ko },
          { value: "en", text: languageNames.en },
        ]}
        onValue={(language) => {
          app.prefs.language.value = language
          app.api.patch("/api/session", { language }, User).catch((error: unknown) => {
            const failed = asTrouble(error)
            if (failed.code !== "answer") trouble.value = failed
          })
        }}
      />
    </Dialog>
  )
}
