import { useWords } from "../../context.ts"
import { Page } from "../../parts/page.tsx"

export function RolloutsScreen() {
  const words = useWords()
  return <Page title={words.nav.rollouts}>{null}</Page>
}
