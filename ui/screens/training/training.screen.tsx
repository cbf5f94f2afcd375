import { useWords } from "../../context.ts"
import { Page } from "../../parts/page.tsx"

export function TrainingScreen() {
  const words = useWords()
  return <Page title={words.nav.training}>{null}</Page>
}
