import { useWords } from "../../context.ts"
import { Page } from "../../parts/page.tsx"

export function PeopleScreen() {
  const words = useWords()
  return <Page title={words.nav.people}>{null}</Page>
}
