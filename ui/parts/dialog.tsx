import type { ComponentChildren } from "preact"
import { useId, useLayoutEffect, useRef } from "preact/hooks"
import { useWords } from "../context.ts"
import { IconButton } from "./button.tsx"

/** A modal on the platform's <dialog>: focus is kept inside, Escape closes, focus returns to where it was. */
export function Dialog({
  title,
  onClose,
  children,
  actions,
  wide = false,
}: {
  title: string
  onClose: () => void
  children: ComponentChildren
  actions?: ComponentChildren
  wide?: boolean
}) {
  const words = useWords()
  const ref = useRef<HTMLDialogElement>(null)
  const heading = useId()
  // Closed while it is still on the page: only then the browser gives the focus back.
  useLayoutEffect(() => {
    const dialog = ref.current
    dialog?.showModal()
    return () => dialog?.close()
  }, [])
  return (
    <dialog
      ref={ref}
      class={`dialog ${wide ? "dialog-wide" : ""}`}
      aria-labelledby={heading}
      onCancel={(event) => {
        event.preventDefault()
        onClose()
      }}
      onPointerDown={(event) => {
        if (event.target === ref.current) onClose()
      }}
    >
      <div class="dialog-body">
        <header class="dialog-head">
          <h2 id={heading}>{title}</h2>
          <IconButton icon="close" name={words.common.close} onClick={onClose} testid="dialog-close" />
        </header>
        <div class="dialog-content">{children}</div>
        {actions && <footer class="dialog-actions">{actions}</footer>}
      </div>
    </dialog>
  )
}

/** Whether something lies over the screen, a lock too: keys are for that then, a badge reader's above all. */
export const isCovered = (): boolean => document.querySelector("dialog:modal") !== null
