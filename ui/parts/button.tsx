import type { ButtonHTMLAttributes, ComponentChildren } from "preact"
import type { TestId } from "../testids.ts"
import { Icon, type IconName } from "./icon.tsx"

type Look = "primary" | "plain" | "quiet" | "danger"
type Props = {
  look?: Look
  icon?: IconName
  busy?: boolean
  testid?: TestId
  children: ComponentChildren
} & Omit<ButtonHTMLAttributes, "icon">

/** A button with words. `busy` keeps its width and refuses presses. */
export function Button({ look = "plain", icon, busy = false, testid, children, ...rest }: Props) {
  return (
    <button
      type="button"
      {...rest}
      class={`button button-${look}`}
      disabled={rest.disabled === true || busy}
      aria-busy={busy}
      data-testid={testid}
    >
      {busy ? <span class="spinner" aria-hidden="true" /> : icon && <Icon name={icon} />}
      <span>{children}</span>
    </button>
  )
}

/** A link that looks like a button: for going somewhere, not for doing something. */
export function LinkButton({
  href,
  look = "plain",
  icon,
  testid,
  children,
}: {
  href: string
  look?: Look
  icon?: IconName
  testid?: TestId
  children: ComponentChildren
}) {
  return (
    <a class={`button button-${look}`} href={href} data-testid={testid}>
      {icon && <Icon name={icon} />}
      <span>{children}</span>
    </a>
  )
}

type IconButtonProps = {
  icon: IconName
  name: string
  testid?: TestId
  pressed?: boolean
  /** Shown under the icon; without it `name` is only spoken. */
  caption?: string
} & Omit<ButtonHTMLAttributes, "icon" | "name">

export function IconButton({ icon, name, testid, pressed, caption, ...rest }: IconButtonProps) {
  return (
    <button
      type="button"
      {...rest}
      class={`icon-button ${caption === undefined ? "" : "icon-button-captioned"}`}
      aria-label={name}
      title={name}
      aria-pressed={pressed}
      data-testid={testid}
    >
      <Icon name={icon} />
      {caption !== undefined && <span class="icon-button-caption">{caption}</span>}
    </button>
  )
}
