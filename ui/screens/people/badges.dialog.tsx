import { useSignal } from "@preact/signals"
import { Badge } from "#contract/tablets"
import type { User } from "#contract/users"
import { asTrouble, type Trouble } from "../../api.ts"
import { useApp, useWords } from "../../context.ts"
import { Button } from "../../parts/button.tsx"
import { Dialog } from "../../parts/dialog.tsx"
import { Empty, TroubleNote } from "../../parts/states.tsx"
import { BadgeCard, printSheet } from "./badge-card.tsx"

/** Badges for everybody who has none, as one sheet. They are shown once: the hub keeps only hashes. */
export function BadgesDialog({ people, onClose }: { people: readonly User[]; onClose: () => void }) {
  const { api } = useApp()
  const words = useWords().tablet
  const chosen = useSignal(new Set(people.filter(({ role }) => role === "worker").map(({ id }) => id)))
  const made = useSignal<Badge[]>([])
  const busy = useSignal(false)
  const trouble = useSignal<Trouble | undefined>(undefined)

  async function make() {
    busy.value = true
    trouble.value = undefined
    try {
      // One after the other: those made before a failure can still be printed.
      for (const id of chosen.value) {
        const badge = await api.put(`/api/users/${id}/badge`, {}, Badge)
        made.value = [...made.value, badge]
      }
    } catch (error) {
      trouble.value = asTrouble(error)
    } finally {
      busy.value = false
    }
  }

  return (
    <Dialog title={words.badges} onClose={onClose} wide>
      {trouble.value && <TroubleNote trouble={trouble.value} />}
      {made.value.length > 0 ? (
        <>
          <p>{words.badgeOnce}</p>
          <div class="badges" data-testid="badges">
            {made.value.map((badge) => (
              <BadgeCard key={badge.user} badge={badge} />
            ))}
          </div>
          <Button look="primary" onClick={printSheet}>
            {words.print}
          </Button>
        </>
      ) : people.length === 0 ? (
        <Empty icon="check" title={words.badgesAll} body={words.badgesAllBody} />
      ) : (
        <>
          <p>{words.badgesFor}</p>
          <ul class="checks">
            {people.map((user) => (
              <li key={user.id}>
                <label class="check">
                  <input
                    type="checkbox"
                    checked={chosen.value.has(user.id)}
                    onChange={(event) => {
                      const next = new Set(chosen.value)
                      if (event.currentTarget.checked) next.add(user.id)
                      else next.delete(user.id)
                      chosen.value = next
                    }}
                  />
                  <span>{user.name}</span>
                </label>
              </li>
            ))}
          </ul>
          <Button
            look="primary"
            busy={busy.value}
            disabled={chosen.value.size === 0}
            onClick={() => void make()}
            testid="badges-make"
          >
            {words.badgesMake(chosen.value.size)}
          </Button>
        </>
      )}
    </Dialog>
  )
}
