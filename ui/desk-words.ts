import { useWords } from "./context.ts"
import { deskEn } from "./i18n/desk.en.ts"
import { type DeskWords, deskKo } from "./i18n/desk.ko.ts"

/** Words of screens for desks alone: they come with those screens, so that a tablet on the line does not wait for them. */
const deskWords: Record<"ko" | "en", DeskWords> = { ko: deskKo, en: deskEn }

export const useDeskWords = (): DeskWords => deskWords[useWords().code]
