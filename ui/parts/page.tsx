import type { ComponentChildren } from "preact"
import { useEffect } from "preact/hooks"

/** Frame of a desk screen: title, actions beside it, content below. */
export function Page({
  title,
  lead,
  actions,
  back,
  children,
}: {
  title: string
  lead?: ComponentChildren
  actions?: ComponentChildren
  back?: ComponentChildren
  children: ComponentChildren
}) {
  useEffect(() => {
    document.title = `${title} · CRUX`
  }, [title])
  return (
    <main class="page" id="main">
      <header class="page-head">
        {back}
        <div class="page-title">
          <h1>{title}</h1>
          {lead && <div class="muted">{lead}</div>}
        </div>
        {actions && <div class="page-actions">{actions}</div>}
      </header>
      {children}
    </main>
  )
}

export function Panel({
  title,
  aside,
  children,
  class: className = "",
}: {
  title?: ComponentChildren
  aside?: ComponentChildren
  children: ComponentChildren
  class?: string
}) {
  return (
    <section class={`panel ${className}`}>
      {(title !== undefined || aside !== undefined) && (
        <header class="panel-head">
          {title !== undefined && <h2>{title}</h2>}
          {aside}
        </header>
      )}
      {children}
    </section>
  )
}

/** A figure people read from a distance, with its name. */
export function Figure({
  name,
  value,
  unit,
  note,
  tone,
}: {
  name: string
  value: ComponentChildren
  unit?: string
  note?: ComponentChildren
  tone?: "ng" | "unsure" | "ok"
}) {
  return (
    <div class={`figure ${tone ? `figure-${tone}` : ""}`}>
      <span class="figure-name">{name}</span>
      <span class="figure-value num">
        {value}
        {unit && <span class="figure-unit">{unit}</span>}
      </span>
      {note && <span class="figure-note">{note}</span>}
    </div>
  )
}
