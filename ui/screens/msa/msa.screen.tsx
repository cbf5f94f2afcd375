import { useSignal } from "@preact/signals"
import { MsaReport, Study } from "#contract/msa"
import { PersonAgreement } from "#contract/review"
import { asTrouble, type Trouble } from "../../api.ts"
import { useApp, useFormat, useMay, useWords } from "../../context.ts"
import { Button, LinkButton } from "../../parts/button.tsx"
import { Segmented } from "../../parts/field.tsx"
import { Loaded } from "../../parts/loaded.tsx"
import { Page, Panel } from "../../parts/page.tsx"
import { TroubleNote } from "../../parts/states.tsx"
import { Tag } from "../../parts/tag.tsx"
import { type Resource, useResource } from "../../resource.ts"
import { BeginDialog } from "./begin.dialog.tsx"
import { Downloads } from "./downloads.tsx"
import { Report } from "./report.tsx"

const ranges = ["30", "90", "365"] as const

/** How far judgements can be trusted: the ongoing analysis, studies, and what reviewers made of people's labels. */
export function MsaScreen() {
  const { api } = useApp()
  const words = useWords()
  const engineer = useMay("engineer")
  const days = useSignal<(typeof ranges)[number]>("90")
  const beginning = useSignal(false)
  const report = useResource(
    `msa ${days.value}`,
    (s) => api.get(`/api/msa/ongoing?days=${days.value}`, MsaReport, s),
    ["label", "review"],
  )
  const studies = useResource("studies", (s) => api.list("/api/msa/studies", Study, s), ["label"])
  const people = useResource(
    `people ${days.value}`,
    (s) => api.list(`/api/msa/people?days=${days.value}`, PersonAgreement, s),
    ["review"],
  )
  return (
    <Page
      title={words.msa.title}
      lead={words.msa.lead}
      back={
        <LinkButton href="/review" look="quiet" icon="back">
          {words.together.nav}
        </LinkButton>
      }
      actions={
        engineer && (
          <Button
            look="primary"
            icon="plus"
            onClick={() => {
              beginning.value = true
            }}
            testid="msa-begin"
          >
            {words.msa.begin}
          </Button>
        )
      }
    >
      <Panel title={words.msa.studies}>
        <Studies studies={studies} />
      </Panel>
      <div class="msa-head">
        <div>
          <h2>{words.msa.ongoing}</h2>
          <p class="muted">{words.msa.ongoingLead}</p>
        </div>
        <Segmented
          label={words.msa.daysName}
          value={days.value}
          options={ranges.map((value) => ({ value, text: words.msa.days(Number(value)) }))}
          onValue={(value) => {
            days.value = value
          }}
        />
        <Downloads path="/api/msa/ongoing" query={`days=${days.value}`} />
      </div>
      <Loaded resource={report}>{(found) => <Report report={found} />}</Loaded>
      <Loaded resource={people}>{(list) => <People list={list} />}</Loaded>
      {beginning.value && (
        <BeginDialog
          onClose={() => {
            beginning.value = false
            studies.reload()
          }}
        />
      )}
    </Page>
  )
}

function Studies({ studies }: { studies: Resource<Study[]> }) {
  const { api, now } = useApp()
  const words = useWords()
  const format = useFormat()
  const engineer = useMay("engineer")
  const busy = useSignal("")
  const trouble = useSignal<Trouble | undefined>(undefined)
  async function ask(id: string, verb: "model" | "close") {
    busy.value = id
    trouble.value = undefined
    try {
      await api.post(`/api/msa/studies/${id}/${verb}`, undefined, Study)
      studies.reload()
    } catch (error) {
      trouble.value = asTrouble(error)
    } finally {
      busy.value = ""
    }
  }
  return (
    <Loaded resource={studies}>
      {(list) =>
        list.length === 0 ? (
          <p class="muted">
            {words.msa.studiesEmpty}. {words.msa.studiesEmptyBody}
          </p>
        ) : (
          <>
            {trouble.value && <TroubleNote trouble={trouble.value} />}
            <ul class="rows">
              {list.map((study) => (
                <li key={study.id} class="row" data-testid="msa-study">
                  <div class="row-main">
                    <span class="row-title">{study.name}</span>
                    <span class="muted small">
                      {words.msa.partsCount(study.parts)} · {words.msa.trialsCount(study.trials)} ·{" "}
                      {format.ago(study.at, now.value)}
                    </span>
                  </div>
                  <span class="msa-people">
                    {study.people.map(({ id, name, left }) => (
                      <Tag key={id} tone={left === 0 ? "ok" : "neutral"}>
                        {name} · {left === 0 ? words.msa.doneAll : words.msa.left(left)}
                      </Tag>
                    ))}
                    {study.closed_at !== null && <Tag>{words.msa.closed}</Tag>}
                  </span>
                  {engineer && study.model === null && (
                    <Button busy={busy.value === study.id} onClick={() => void ask(study.id, "model")}>
                      {words.msa.askModel}
                    </Button>
                  )}
                  {engineer && study.closed_at === null && study.people.some(({ left }) => left > 0) && (
                    <Button look="quiet" onClick={() => void ask(study.id, "close")}>
                      {words.msa.close}
                    </Button>
                  )}
                  <LinkButton href={`/msa/${study.id}`}>{words.msa.open}</LinkButton>
                </li>
              ))}
            </ul>
          </>
        )
      }
    </Loaded>
  )
}

function People({ list }: { list: PersonAgreement[] }) {
  const words = useWords()
  if (list.length === 0) return null
  const rate = ({ n, of, share }: PersonAgreement["review"]) =>
    share === null ? "–" : `${words.common.percent(share)} (${n}/${of})`
  return (
    <Panel title={words.msa.people}>
      <div class="msa-scroll">
        <table class="msa-table">
          <thead>
            <tr>
              <th>{words.msa.who}</th>
              <th>{words.msa.reviewed}</th>
              <th>{words.together.state.fixed}</th>
              <th>{words.together.state.sent_back}</th>
              <th>{words.msa.second}</th>
              <th>{words.msa.knownRight}</th>
              <th>{words.msa.repeatSame}</th>
            </tr>
          </thead>
          <tbody>
            {list.map((person) => (
              <tr key={person.id}>
                <td class="msa-who">{person.name}</td>
                <td>{rate(person.review)}</td>
                <td>{person.fixed}</td>
                <td>{person.sent_back}</td>
                <td>{rate(person.second)}</td>
                <td>{rate(person.known)}</td>
                <td>{rate(person.repeat)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </Panel>
  )
}
