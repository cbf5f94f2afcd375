import { useWords } from "../../context.ts"
import { Page } from "../../parts/page.tsx"

export function ModelsScreen() {
  const words = useWords()
  return <Page title={words.nav.models}>{null}</Page>
}
