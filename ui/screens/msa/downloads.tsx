import { useWords } from "../../context.ts"
import { Button } from "../../parts/button.tsx"
import { Icon } from "../../parts/icon.tsx"

/** A report as files, for the quality folder: CSV from the hub, PDF by the browser's own printing. */
export function Downloads({ path, query = "" }: { path: string; query?: string }) {
  const words = useWords()
  return (
    <div class="page-actions">
      <a class="button button-plain" href={`${path}.csv${query && `?${query}`}`} download>
        <Icon name="rollouts" />
        <span>{words.msa.csv}</span>
      </a>
      <Button icon="image" onClick={() => print()}>
        {words.msa.pdf}
      </Button>
    </div>
  )
}
