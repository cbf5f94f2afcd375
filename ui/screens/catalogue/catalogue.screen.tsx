import { useSignal } from "@preact/signals"
import { type DefectClass, Guide, Product } from "#contract/catalogue"
import { thumbUrl } from "../../api.ts"
import { useApp, useKindName, useMay, useWords } from "../../context.ts"
import { Button, LinkButton } from "../../parts/button.tsx"
import { KindSign } from "../../parts/kind-sign.tsx"
import { Loaded } from "../../parts/loaded.tsx"
import { Page, Panel } from "../../parts/page.tsx"
import { PartImage } from "../../parts/part-image.tsx"
import { Tag, VerdictTag } from "../../parts/tag.tsx"
import { useResource } from "../../resource.ts"
import { ClassDialog } from "./class.dialog.tsx"
import { CriteriaPanel } from "./criteria.tsx"
import { ProductDialog } from "./product.dialog.tsx"
import { SampleDialog } from "./sample.dialog.tsx"

type Open =
  | { what: "class"; entry: DefectClass | null }
  | { what: "product"; entry: Product | null }
  | { what: "sample" }

/** The plant's own words: what it makes, what can be wrong with it, and where OK ends. */
export function CatalogueScreen() {
  const { api, kinds, prefs } = useApp()
  const words = useWords()
  const kindName = useKindName()
  const reviewer = useMay("reviewer")
  const engineer = useMay("engineer")
  const language = prefs.language.value
  const open = useSignal<Open | null>(null)
  const products = useResource("products", (s) => api.list("/api/products", Product, s), ["catalogue"])
  const guide = useResource("guide", (s) => api.get("/api/guide", Guide, s), ["catalogue"])
  const close = () => {
    open.value = null
  }
  const text = words.flow.catalogue

  return (
    <Page
      title={text.title}
      lead={text.lead}
      actions={
        <LinkButton href="/order" icon="label" testid="catalogue-order">
          {words.flow.order.title}
        </LinkButton>
      }
    >
      <div class="catalogue">
        <Panel
          title={text.classes}
          aside={
            reviewer && (
              <Button
                icon="plus"
                onClick={() => {
                  open.value = { what: "class", entry: null }
                }}
                testid="catalogue-class-add"
              >
                {text.addClass}
              </Button>
            )
          }
        >
          {kinds.value.length === 0 && <p class="muted">{text.none}</p>}
          <ul class="entries">
            {kinds.value.map((kind) => (
              <li key={kind.key}>
                <button
                  type="button"
                  class="entry"
                  disabled={!reviewer}
                  onClick={() => {
                    open.value = { what: "class", entry: kind }
                  }}
                  data-testid="catalogue-class"
                  data-kind={kind.key}
                >
                  <KindSign kind={kind.key} size={30} />
                  <span class="entry-name">
                    <strong>{kind.names[language]}</strong>
                    <span class="muted small">
                      {kind.names[language === "ko" ? "en" : "ko"]} · {kind.key}
                    </span>
                  </span>
                  {kind.severity === "critical" && <Tag tone="ng">{text.severities.critical}</Tag>}
                  {kind.severity === "minor" && <Tag>{text.severities.minor}</Tag>}
                  {!kind.active && <Tag tone="unsure">{text.retired}</Tag>}
                </button>
              </li>
            ))}
          </ul>
        </Panel>
        <Panel
          title={text.products}
          aside={
            engineer && (
              <Button
                icon="plus"
                onClick={() => {
                  open.value = { what: "product", entry: null }
                }}
                testid="catalogue-product-add"
              >
                {text.addProduct}
              </Button>
            )
          }
        >
          <Loaded resource={products}>
            {(list) =>
              list.length === 0 ? (
                <p class="muted">{text.none}</p>
              ) : (
                <ul class="entries">
                  {list.map((product) => (
                    <li key={product.key}>
                      <button
                        type="button"
                        class="entry"
                        disabled={!engineer}
                        onClick={() => {
                          open.value = { what: "product", entry: product }
                        }}
                        data-testid="catalogue-product"
                      >
                        <span class="entry-name">
                          <strong>{product.names[language]}</strong>
                          <span class="muted small">
                            {product.names[language === "ko" ? "en" : "ko"]} · {product.key}
                          </span>
                        </span>
                        {!product.active && <Tag tone="unsure">{text.retired}</Tag>}
                      </button>
                    </li>
                  ))}
                </ul>
              )
            }
          </Loaded>
        </Panel>
        <Loaded resource={guide}>
          {(now) => (
            <>
              <CriteriaPanel guide={now} products={products.data.value ?? []} onPublished={guide.reload} />
              <Panel
                title={text.samples}
                class="catalogue-wide"
                aside={
                  reviewer && (
                    <Button
                      icon="plus"
                      onClick={() => {
                        open.value = { what: "sample" }
                      }}
                      testid="catalogue-sample-add"
                    >
                      {text.addSample}
                    </Button>
                  )
                }
              >
                {now.samples.length === 0 && <p class="muted">{text.none}</p>}
                <ul class="samples">
                  {now.samples.map((sample) => (
                    <li key={sample.id} class="sample" data-testid="catalogue-sample">
                      <PartImage
                        src={thumbUrl(sample.image.sha256, 320)}
                        w={sample.image.w}
                        h={sample.image.h}
                        alt={sample.verdict === "ok" ? text.okSample : text.ngSample}
                        boxes={
                          sample.box
                            ? [
                                {
                                  name: sample.kind === null ? text.everyKind : kindName(sample.kind),
                                  box: sample.box,
                                },
                              ]
                            : []
                        }
                      />
                      <span class="sample-facts">
                        <VerdictTag verdict={sample.verdict} />
                        <strong>{sample.kind === null ? text.everyKind : kindName(sample.kind)}</strong>
                      </span>
                      {sample.notes[language] !== "" && <span>{sample.notes[language]}</span>}
                      {reviewer && (
                        <Button
                          look="quiet"
                          icon="close"
                          onClick={() =>
                            void api
                              .run("DELETE", `/api/limit-samples/${sample.id}`)
                              .then(guide.reload, guide.reload)
                          }
                        >
                          {text.retireSample}
                        </Button>
                      )}
                    </li>
                  ))}
                </ul>
              </Panel>
            </>
          )}
        </Loaded>
      </div>
      {open.value?.what === "class" && <ClassDialog entry={open.value.entry} onClose={close} />}
      {open.value?.what === "product" && (
        <ProductDialog
          entry={open.value.entry}
          onClose={() => {
            close()
            products.reload()
          }}
        />
      )}
      {open.value?.what === "sample" && (
        <SampleDialog
          onClose={() => {
            close()
            guide.reload()
          }}
        />
      )}
    </Page>
  )
}
