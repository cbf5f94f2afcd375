import { Icon } from "../../parts/icon.tsx"

/** What is to be looked at, one line each. */
export function Doubts({ title, texts }: { title?: string; texts: readonly string[] }) {
  return (
    <div class="note">
      <Icon name="warning" />
      <div class="note-text" data-testid="wizard-doubts">
        {title !== undefined && <p class="check-name">{title}</p>}
        {texts.map((text) => (
          <p key={text}>{text}</p>
        ))}
      </div>
    </div>
  )
}
