import type { StoredImage } from "./labelling.ts"

/** Above this a slow tablet decodes for longer than a person waits: a smaller copy stands in until the other is there. */
const mostPixels = 6e6

/** The picture a part is first shown by. The hub names it in the page, so that it comes while the script does. */
export const firstPicture = ({ sha256, w, h }: Pick<StoredImage, "sha256" | "w" | "h">): string =>
  w * h > mostPixels ? `/api/images/${sha256}/thumb?max=1280` : `/api/images/${sha256}`
