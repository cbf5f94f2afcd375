import type { Badge } from "#contract/tablets"
import { QrCode } from "../../parts/qr.tsx"

/** One badge as it is cut out of the sheet. */
export function BadgeCard({ badge }: { badge: Badge }) {
  return (
    <figure class="badge-card">
      <QrCode text={badge.code} name={badge.name} />
      <figcaption>
        <span class="badge-name">{badge.name}</span>
        <span class="small muted">CRUX</span>
      </figcaption>
    </figure>
  )
}

/** The style sheet leaves nothing but badges on paper. */
export const printSheet = (): void => window.print()
