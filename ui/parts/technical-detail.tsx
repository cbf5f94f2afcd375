import { useWords } from "../context.ts"

/** What a program said, in its own English, below the sentence for people: for whoever has to find out why. */
export function TechnicalDetail({ text }: { text: string | undefined }) {
  const words = useWords()
  return text ? (
    <p class="small muted" lang="en">
      {words.devices.technical(text)}
    </p>
  ) : null
}
