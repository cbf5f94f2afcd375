import { useRoute } from "preact-iso"
import { MsaReport } from "#contract/msa"
import { useApp, useWords } from "../../context.ts"
import { LinkButton } from "../../parts/button.tsx"
import { Loaded } from "../../parts/loaded.tsx"
import { Page } from "../../parts/page.tsx"
import { useResource } from "../../resource.ts"
import { Downloads } from "./downloads.tsx"
import { Report } from "./report.tsx"

/** The report of one study, growing while its people judge. */
export function StudyScreen() {
  const { api } = useApp()
  const words = useWords()
  const id = useRoute().params.id ?? ""
  const path = `/api/msa/studies/${id}/report`
  const report = useResource(`study ${id}`, (s) => api.get(path, MsaReport, s), ["label"])
  return (
    <Page
      title={report.data.value?.title || words.msa.title}
      back={
        <LinkButton href="/msa" look="quiet" icon="back">
          {words.msa.title}
        </LinkButton>
      }
      actions={<Downloads path={path} />}
    >
      <Loaded resource={report}>{(found) => <Report report={found} />}</Loaded>
    </Page>
  )
}
