import { useWords } from "../../context.ts"
import { Page } from "../../parts/page.tsx"

export function StationsScreen() {
  const words = useWords()
  return <Page title={words.nav.stations}>{null}</Page>
}
