import type { Appraiser, Grade, Kappa, MsaLimits, MsaReport } from "#contract/msa"
import type { Proportion } from "#contract/review"
import { useKindName, useWords } from "../../context.ts"
import { Figure, Panel } from "../../parts/page.tsx"
import { Empty } from "../../parts/states.tsx"
import { Tag, type Tone } from "../../parts/tag.tsx"
import { IntervalBar } from "./interval.tsx"

const tones: Record<Grade, Tone> = {
  acceptable: "ok",
  marginal: "unsure",
  unacceptable: "ng",
  too_few: "neutral",
}

function GradeTag({ grade }: { grade: Grade }) {
  const words = useWords()
  const icon = { acceptable: "check", marginal: "minus", unacceptable: "close", too_few: "unknown" } as const
  return (
    <span title={words.msa.gradeHint[grade]}>
      <Tag tone={tones[grade]} icon={icon[grade]}>
        {words.msa.grade[grade]}
      </Tag>
    </span>
  )
}

/** A report as a page: how far each appraiser can be trusted, in words first and figures behind. */
export function Report({ report }: { report: MsaReport }) {
  const words = useWords()
  const nameOf = useAppraiserName(report)
  if (report.parts === 0)
    return <Empty icon="training" title={words.msa.noData} body={words.msa.noDataBody} />
  return (
    <>
      <Panel title={words.msa.appraisers} aside={<span class="muted small">{words.msa.interval}</span>}>
        <div class="msa-scroll">
          <table class="msa-table">
            <thead>
              <tr>
                <th>{words.msa.who}</th>
                <th>{words.msa.overall}</th>
                <th>{words.msa.effectiveness}</th>
                <th>{words.msa.miss}</th>
                <th>{words.msa.falseAlarm}</th>
                <th>{words.msa.kappa}</th>
                <th>{words.msa.within}</th>
              </tr>
            </thead>
            <tbody>
              {report.appraisers.map((appraiser) => (
                <Row
                  key={appraiser.id}
                  appraiser={appraiser}
                  name={nameOf(appraiser.id)}
                  limits={report.limits}
                />
              ))}
            </tbody>
          </table>
        </div>
        <p class="msa-foot small">
          <span>{words.msa.known(report.known.ok, report.known.ng)}</span>
          <span>{words.msa.partsCount(report.parts)}</span>
        </p>
      </Panel>
      <Panel title={words.msa.between} aside={<GradeTag grade={report.between_grade} />}>
        <div class="figures">
          <Figure
            name={words.msa.between}
            value={rate(words, report.between.share)}
            note={words.msa.of(report.between.n, report.between.of)}
          />
          <Figure
            name={words.msa.betweenKappa}
            value={number(report.between_kappa.kappa)}
            note={range(report.between_kappa)}
          />
          <Figure
            name={words.msa.allRight}
            value={rate(words, report.all_right.share)}
            note={words.msa.of(report.all_right.n, report.all_right.of)}
          />
        </div>
      </Panel>
      {report.pairs.length > 0 && (
        <Panel title={words.msa.pairs}>
          <div class="msa-scroll">
            <table class="msa-table">
              <tbody>
                {report.pairs.map(({ a, b, kappa, grade }) => (
                  <tr key={`${a} ${b}`}>
                    <td class="msa-who">
                      {nameOf(a)} – {nameOf(b)}
                    </td>
                    <td>
                      <KappaCell kappa={kappa} limits={report.limits} />
                    </td>
                    <td>
                      <GradeTag grade={grade} />
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        </Panel>
      )}
      {report.kinds.length > 0 && <Kinds report={report} />}
    </>
  )
}

function Row({ appraiser, name, limits }: { appraiser: Appraiser; name: string; limits: MsaLimits }) {
  const { grades } = appraiser
  return (
    <tr data-testid="msa-appraiser">
      <td class="msa-who">{name}</td>
      <td>
        <GradeTag grade={grades.overall} />
      </td>
      <td>
        <ShareCell of={appraiser.effectiveness} limits={limits.effectiveness} from={0.5} />
      </td>
      <td>
        <ShareCell of={appraiser.miss} limits={limits.miss} to={0.5} />
      </td>
      <td>
        <ShareCell of={appraiser.false_alarm} limits={limits.false_alarm} to={0.5} />
      </td>
      <td>
        <KappaCell kappa={appraiser.kappa} limits={limits} />
      </td>
      <td>
        <ShareCell of={appraiser.within} from={0.5} />
      </td>
    </tr>
  )
}

function ShareCell({
  of,
  limits = [],
  from = 0,
  to = 1,
}: {
  of: Proportion
  limits?: readonly number[]
  from?: number
  to?: number
}) {
  const words = useWords()
  return (
    <div class="msa-cell">
      <span class="msa-value">{rate(words, of.share)}</span>
      <IntervalBar value={of.share} low={of.low} high={of.high} limits={limits} from={from} to={to} />
      <span class="muted small">{words.msa.of(of.n, of.of)}</span>
      {of.exact && (
        <span class="muted small">
          {words.station.msa.exact(words.common.percent(of.exact.low), words.common.percent(of.exact.high))}
        </span>
      )}
    </div>
  )
}

function KappaCell({ kappa, limits }: { kappa: Kappa; limits: MsaLimits }) {
  return (
    <div class="msa-cell">
      <span class="msa-value">{number(kappa.kappa)}</span>
      <IntervalBar
        value={kappa.kappa}
        low={kappa.low}
        high={kappa.high}
        limits={limits.kappa}
        from={0}
        to={1}
      />
      <span class="muted small">{range(kappa)}</span>
    </div>
  )
}

function Kinds({ report }: { report: MsaReport }) {
  const words = useWords()
  const kindName = useKindName()
  return (
    <Panel title={words.msa.kinds}>
      <div class="msa-scroll">
        <table class="msa-table">
          <thead>
            <tr>
              <th>{words.msa.kind}</th>
              <th>{words.msa.parts}</th>
              <th>{words.msa.named}</th>
              <th>{words.msa.wrongly}</th>
              <th>{words.msa.betweenKappa}</th>
              <th>{words.msa.kappa}</th>
            </tr>
          </thead>
          <tbody>
            {report.kinds.map(({ kind, parts, named, wrongly, between, reference }) => (
              <tr key={kind}>
                <td class="msa-who">{kindName(kind)}</td>
                <td>{parts}</td>
                <td>
                  <ShareCell of={named} from={0.5} />
                </td>
                <td>
                  <ShareCell of={wrongly} to={0.5} />
                </td>
                <td>
                  <KappaCell kappa={between} limits={report.limits} />
                </td>
                <td>
                  <KappaCell kappa={reference} limits={report.limits} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </Panel>
  )
}

function useAppraiserName(report: MsaReport): (id: string) => string {
  const words = useWords()
  return (id) => {
    const found = report.appraisers.find((appraiser) => appraiser.id === id)
    if (found?.kind === "model") return found.name ? `${words.msa.model} ${found.name}` : words.msa.model
    return found?.name ?? id.slice(-8)
  }
}

const rate = (words: ReturnType<typeof useWords>, share: number | null) =>
  share === null ? "–" : words.common.percent(share)
const number = (value: number | null) => (value === null ? "–" : value.toFixed(2))
const range = ({ low, high }: Kappa) =>
  low === null || high === null ? "–" : `${low.toFixed(2)} – ${high.toFixed(2)}`
