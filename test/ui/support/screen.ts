import type { Page } from "playwright-core"

export type Screen = {
  name: string
  /** Where it is; without one it opens over the screen before it. */
  path?: string
  /** It finds its address itself, and stands over nothing. */
  goes?: true
  open: (page: Page) => Promise<void>
  /** The file of what it is to look like, where that is kept. */
  picture?: string
}
