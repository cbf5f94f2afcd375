import { useWords } from "../../context.ts"
import { Icon } from "../../parts/icon.tsx"

/** A report as files, for the quality folder: CSV for programs, PDF in the language of the screen to sign. */
export function Downloads({ path, query = "" }: { path: string; query?: string }) {
  const words = useWords()
  const link = (kind: "csv" | "pdf", more = "") => {
    const asked = [query, more].filter(Boolean).join("&")
    return `${path}.${kind}${asked && `?${asked}`}`
  }
  return (
    <div class="page-actions">
      <a class="button button-plain" href={link("csv")} download data-testid="msa-csv">
        <Icon name="download" />
        <span>{words.msa.csv}</span>
      </a>
      <a
        class="button button-plain"
        href={link("pdf", `language=${words.code}`)}
        download
        data-testid="msa-pdf"
      >
        <Icon name="download" />
        <span>{words.station.msa.pdf}</span>
      </a>
    </div>
  )
}
