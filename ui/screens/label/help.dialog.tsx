import { useWords } from "../../context.ts"
import { Dialog } from "../../parts/dialog.tsx"

export function HelpDialog({ onClose }: { onClose: () => void }) {
  const words = useWords()
  const { keys } = words.label
  const rows: [string, string][] = [
    ["Space", keys.accept],
    ["O", keys.ok],
    ["X", keys.ng],
    ["U", keys.unsure],
    ["1 – 9", keys.kind],
    ["B", keys.box],
    ["Delete", keys.remove],
    ["Z", keys.undo],
    ["← ↑ → ↓", keys.move],
    ["+  −  0", keys.zoom],
    ["?", keys.help],
  ]
  return (
    <Dialog title={words.label.helpTitle} onClose={onClose} wide>
      <div class="help">
        <section>
          <h3>{words.label.helpTouch}</h3>
          <ol class="help-touch">
            {words.label.touchHints.map((hint) => (
              <li key={hint}>{hint}</li>
            ))}
          </ol>
        </section>
        <section>
          <h3>{words.label.helpKeys}</h3>
          <dl class="help-keys">
            {rows.map(([key, what]) => (
              <div key={key}>
                <dt>
                  <kbd class="key">{key}</kbd>
                </dt>
                <dd>{what}</dd>
              </div>
            ))}
          </dl>
        </section>
      </div>
    </Dialog>
  )
}
