import { useSignal } from "@preact/signals"
import { type Balance, DatasetDiff, type DatasetSample, type DatasetVersion } from "#contract/dataset"
import { thumbUrl } from "../../api.ts"
import { useApp, useFormat, useKindName, useMay, useWords } from "../../context.ts"
import { DefectIcon } from "../../parts/icon.tsx"
import { Loaded } from "../../parts/loaded.tsx"
import { Panel } from "../../parts/page.tsx"
import { Empty } from "../../parts/states.tsx"
import { Tag } from "../../parts/tag.tsx"
import { type Resource, useResource } from "../../resource.ts"
import { useProductName } from "../catalogue/product-name.ts"

/** Frozen sets beside what the chosen one holds. */
export function Versions({ versions }: { versions: Resource<DatasetVersion[]> }) {
  const words = useWords()
  const format = useFormat()
  const chosen = useSignal<string | undefined>(undefined)
  return (
    <Loaded resource={versions}>
      {(list) => {
        const first = list[0]
        if (!first)
          return <Empty icon="datasets" title={words.datasets.empty} body={words.datasets.emptyBody} />
        const shown = list.find(({ digest }) => digest === chosen.value) ?? first
        return (
          <div class="versions">
            <Panel title={words.datasets.versions}>
              <ul class="version-list">
                {list.map((version) => (
                  <li key={version.digest}>
                    <button
                      type="button"
                      class="version"
                      aria-pressed={version.digest === shown.digest}
                      onClick={() => {
                        chosen.value = version.digest
                      }}
                      data-testid="dataset-item"
                    >
                      <span class="row-title num">{format.dateTime(version.created_at)}</span>
                      <Tag tone={version.role === "golden" ? "strong" : "neutral"}>
                        {words.datasets.role[version.role]}
                      </Tag>
                      <span class="muted num version-count">
                        {words.verdict.ok} {format.number(version.summary.total.ok)} · {words.verdict.ng}{" "}
                        {format.number(version.summary.total.ng)}
                      </span>
                    </button>
                  </li>
                ))}
              </ul>
            </Panel>
            <Version key={shown.digest} version={shown} />
          </div>
        )
      }}
    </Loaded>
  )
}

function Version({ version }: { version: DatasetVersion }) {
  const words = useWords()
  const format = useFormat()
  const engineer = useMay("engineer")
  const productName = useProductName()
  const { summary, leaks, parent, digest } = version
  return (
    <Panel
      title={words.datasets.role[version.role]}
      aside={<code class="digest">{digest.slice(0, 12)}</code>}
    >
      <div class="version-detail" data-testid="dataset-detail">
        {leaks.length > 0 && (
          <div class="note note-trouble" role="alert">
            <p>{words.datasets.leaks(leaks.length)}</p>
            <Pictures samples={leaks.slice(0, 8)} />
          </div>
        )}
        <h3>{words.datasets.balance}</h3>
        {Object.entries(summary.by_split).map(([split, balance]) => (
          <Bars key={split} name={words.datasets.split[split] ?? split} balance={balance} />
        ))}
        {Object.keys(summary.by_product).length > 0 && (
          <p class="muted">
            {words.datasets.products}:{" "}
            {Object.entries(summary.by_product)
              .map(([product, count]) => `${productName(product)} ${format.number(count)}`)
              .join(" · ")}
          </p>
        )}
        {engineer && parent !== null && <Changes digest={digest} parent={parent} />}
      </div>
    </Panel>
  )
}

/** Lengths show what is rare; the numbers beside them say it. */
function Bars({ name, balance }: { name: string; balance: Balance }) {
  const words = useWords()
  const format = useFormat()
  const kindName = useKindName()
  const rows: [key: string, text: string, count: number][] = [
    ["", words.verdict.ok, balance.ok],
    ...Object.entries(balance.by_kind)
      .sort(([, a], [, b]) => b - a)
      .map(([kind, count]): [string, string, number] => [kind, kindName(kind), count]),
  ]
  const most = Math.max(1, ...rows.map(([, , count]) => count))
  return (
    <div class="bars">
      <h4>
        {name} <span class="muted num">{format.number(balance.ok + balance.ng)}</span>
      </h4>
      <ul>
        {rows.map(([kind, text, count]) => (
          <li key={kind}>
            <span class="bar-name">
              {kind !== "" && <DefectIcon kind={kind} size={20} />}
              {text}
            </span>
            <span class="bar" aria-hidden="true">
              <span class={kind === "" ? "bar-ok" : "bar-ng"} style={{ width: `${(count / most) * 100}%` }} />
            </span>
            <span class="num">{format.number(count)}</span>
          </li>
        ))}
      </ul>
    </div>
  )
}

function Changes({ digest, parent }: { digest: string; parent: string }) {
  const { api } = useApp()
  const words = useWords()
  const diff = useResource(`diff-${digest}`, (s) =>
    api.get(`/api/datasets/${digest}/diff/${parent}`, DatasetDiff, s),
  )
  return (
    <section class="changes">
      <h3>{words.datasets.changes}</h3>
      <Loaded resource={diff}>
        {({ added, removed, relabelled, moved, examples }) =>
          added + removed + relabelled + moved === 0 ? (
            <p class="muted">{words.datasets.unchanged}</p>
          ) : (
            <>
              {added > 0 && <Change text={words.datasets.added(added)} samples={examples.added} />}
              {removed > 0 && <Change text={words.datasets.removed(removed)} samples={examples.removed} />}
              {relabelled > 0 && (
                <Change
                  text={words.datasets.relabelled(relabelled)}
                  samples={examples.relabelled.map(({ now }) => now)}
                />
              )}
              {moved > 0 && <Change text={words.datasets.moved(moved)} samples={[]} />}
            </>
          )
        }
      </Loaded>
    </section>
  )
}

function Change({ text, samples }: { text: string; samples: readonly DatasetSample[] }) {
  return (
    <div class="change">
      <p class="num">{text}</p>
      {samples.length > 0 && <Pictures samples={samples.slice(0, 10)} />}
    </div>
  )
}

const Pictures = ({ samples }: { samples: readonly { image: string }[] }) => (
  <div class="change-pictures">
    {samples.map(({ image }) => (
      <img key={image} src={thumbUrl(image, 160)} alt="" width={72} height={72} loading="lazy" />
    ))}
  </div>
)
