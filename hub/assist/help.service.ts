import type { HelpReport } from "#contract/assist"
import type { HelpTool, HelpUse, InspectionView, NewLabel } from "#contract/labelling"
import type { Clock } from "#platform/clock"
import { isBlind, medianOf, rateOf, ratioOf, suggestionOf, takenOf } from "./help.rules.ts"
import type { HelpStore } from "./help.store.ts"

const dayMs = 86_400_000
/** A label given faster than this was no look. */
const shortestMs = 100

/** Follows what help people have and what they do with it, so that nobody has to believe in it. */
export function createHelp({
  store,
  clock,
  blindShare,
}: {
  store: HelpStore
  clock: Clock
  blindShare: number
}) {
  return {
    isBlind: (id: string): boolean => isBlind(id, blindShare),

    /** For labelling, inside its transaction. */
    record(label: NewLabel, part: InspectionView, revision: number, storedAt: number): void {
      if (label.verdict === "withdrawn") return
      const blind = revision === 1 && isBlind(part.id, blindShare)
      const suggestion = suggestionOf(part)
      // The model's own suggestion is followed here: whoever calls the API need not say it.
      const own = (label.help ?? []).filter(({ tool }) => tool !== "champion")
      const uses: HelpUse[] = blind
        ? []
        : [...(suggestion ? [{ tool: "champion" as const, taken: takenOf(label, suggestion) }] : []), ...own]
      const row = {
        label_id: label.id,
        revision,
        stored_at: storedAt,
        blind,
        suggested: suggestion !== null,
        agrees: suggestion === label.verdict,
        active_ms: label.active_ms,
      }
      store.insert(row, uses)
    },

    report(days: number): HelpReport {
      const since = clock.now() - days * dayMs
      const looks = store.looks(since)
      const [helped, blind] = [looks.filter((look) => !look.blind), looks.filter((look) => look.blind)]
      const times = (of: typeof looks) =>
        of.map(({ active_ms }) => active_ms).filter((ms) => ms >= shortestMs)
      const [withHelp, without] = [times(helped), times(blind)]
      const agreed = (of: typeof looks) => rateOf(of.filter(({ agrees }) => agrees).length, of.length)
      const tools = new Map<HelpTool, { shown: number; as_is: number; changed: number }>()
      for (const { tool, taken, n } of store.tools(since)) {
        const count = tools.get(tool) ?? { shown: 0, as_is: 0, changed: 0 }
        count.shown += n
        if (taken !== "no") count[taken] += n
        tools.set(tool, count)
      }
      return {
        since: Math.max(0, since),
        blind_share: blindShare,
        time: {
          helped: { n: withHelp.length, median_ms: medianOf(withHelp) },
          blind: { n: without.length, median_ms: medianOf(without) },
          ratio: ratioOf(withHelp, without),
        },
        agreement: { helped: agreed(helped), blind: agreed(blind) },
        tools: [...tools].map(([tool, count]) => ({
          tool,
          ...count,
          taken: rateOf(count.as_is + count.changed, count.shown),
        })),
        days: store.days(since),
      }
    },
  }
}
export type Help = ReturnType<typeof createHelp>
