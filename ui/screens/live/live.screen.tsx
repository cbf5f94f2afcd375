import { useWords } from "../../context.ts"
import { Page } from "../../parts/page.tsx"

export function LiveScreen() {
  const words = useWords()
  return <Page title={words.nav.live}>{null}</Page>
}
