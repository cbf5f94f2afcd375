import { useWords } from "../../context.ts"
import { Page } from "../../parts/page.tsx"

export function LabelScreen() {
  const words = useWords()
  return <Page title={words.nav.label}>{null}</Page>
}
