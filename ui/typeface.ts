import { whenIdle } from "./parts/when-idle.ts"

const key = "crux.typeface"
/** By then the first screen is there; a piece more is drawn anew at most once in the life of a tablet. */
const firstTimeMs = 2_000

/**
 * Shows the typeface that comes with the screens. The first time its pieces (some 300 KB) come after the first screen,
 * which until then is written in the tablet's own; from then on they are in its cache and used at once.
 */
export function showTypeface({ link, storage }: { link: HTMLLinkElement; storage: Storage }): void {
  const show = () => {
    link.media = "all"
    storage.setItem(key, "yes")
  }
  if (storage.getItem(key) === "yes") show()
  else setTimeout(() => whenIdle([show]), firstTimeMs)
}
