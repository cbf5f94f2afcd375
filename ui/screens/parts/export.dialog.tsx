import { useWords } from "../../context.ts"
import { Dialog } from "../../parts/dialog.tsx"
import { ExportForm } from "../datasets/export-form.tsx"

/** The parts that a filter finds, in any format another program reads. */
export function ExportDialog({ filter, onClose }: { filter: string; onClose: () => void }) {
  const words = useWords()
  return (
    <Dialog title={words.exports.title} onClose={onClose}>
      <div class="form">
        <p class="muted">{words.exports.lead}</p>
        <ExportForm of={`&filter=${encodeURIComponent(filter)}`} />
      </div>
    </Dialog>
  )
}
