import { useSignal } from "@preact/signals"
import { useLocation } from "preact-iso"
import type { PartChoice, PartDeed, PartLook } from "#contract/parts"
import { useFormat, useMay, useWords } from "../../context.ts"
import { Button } from "../../parts/button.tsx"
import { Segmented } from "../../parts/field.tsx"
import { Icon, type IconName } from "../../parts/icon.tsx"
import { Page } from "../../parts/page.tsx"
import { Empty, TroubleNote, Wait } from "../../parts/states.tsx"
import { ActionDialog } from "./action.dialog.tsx"
import { DoneDialog } from "./done.dialog.tsx"
import { ExportDialog } from "./export.dialog.tsx"
import { FilterBar, faultOf } from "./filter-bar.tsx"
import { usePartList } from "./list.ts"
import { PartGrid, PartTable } from "./rows.tsx"
import { ViewsDialog } from "./views.dialog.tsx"

const deeds: { kind: PartDeed["kind"]; icon: IconName; role: "reviewer" | "engineer" }[] = [
  { kind: "queue", icon: "label", role: "reviewer" },
  { kind: "label", icon: "check", role: "reviewer" },
  { kind: "hold", icon: "lock", role: "engineer" },
  { kind: "dataset", icon: "datasets", role: "engineer" },
]

/** Every part that was ever inspected: found, looked at, and changed by the many. The address holds what is shown. */
export function PartsScreen() {
  const words = useWords()
  const format = useFormat()
  const engineer = useMay("engineer")
  const { query, route } = useLocation()
  const filter = query.filter ?? ""
  const look: PartLook = query.look === "table" ? "table" : "grid"
  const list = usePartList(filter)
  const ticked = useSignal<ReadonlySet<string>>(new Set())
  const doing = useSignal<PartDeed["kind"] | undefined>(undefined)
  const open = useSignal<"views" | "done" | "export" | undefined>(undefined)
  const { items, count, trouble, busy, isMore, searchedTo } = list

  function show(next: { filter?: string; look?: PartLook }) {
    const asked = new URLSearchParams()
    if ((next.filter ?? filter) !== "") asked.set("filter", next.filter ?? filter)
    if ((next.look ?? look) === "table") asked.set("look", "table")
    if (next.filter !== undefined && next.filter !== filter) ticked.value = new Set()
    route(`/parts${asked.size > 0 ? `?${asked}` : ""}`)
  }
  function tick(id: string) {
    const next = new Set(ticked.value)
    if (!next.delete(id)) next.add(id)
    ticked.value = next
  }
  const choice: PartChoice =
    ticked.value.size > 0 ? { of: "ids", ids: [...ticked.value] } : { of: "filter", filter }
  const fault = faultOf(trouble.value)
  return (
    <Page
      title={words.parts.nav}
      lead={words.parts.lead}
      actions={
        <>
          <Button
            icon="star"
            onClick={() => {
              open.value = "views"
            }}
            testid="parts-views"
          >
            {words.parts.views}
          </Button>
          <Button
            icon="history"
            onClick={() => {
              open.value = "done"
            }}
            testid="parts-history"
          >
            {words.parts.history}
          </Button>
        </>
      }
    >
      <FilterBar filter={filter} fault={fault} onFilter={(next) => show({ filter: next })} />
      {trouble.value && !fault && <TroubleNote trouble={trouble.value} retry={list.reload} />}
      <div class="parts-bar">
        <p class="parts-count num" role="status" data-testid="parts-count">
          {ticked.value.size > 0
            ? words.parts.chosen(ticked.value.size)
            : count.value && words.parts.count(count.value.count, count.value.more)}
        </p>
        {deeds
          .filter(({ role }) => role === "reviewer" || engineer)
          .map(({ kind, icon }) => (
            <Button
              key={kind}
              icon={icon}
              disabled={items.value.length === 0}
              onClick={() => {
                doing.value = kind
              }}
              testid="parts-act"
              data-kind={kind}
            >
              {words.parts.deed[kind]}
            </Button>
          ))}
        <a
          class="button button-plain"
          href={`/api/parts/table?filter=${encodeURIComponent(filter)}`}
          download
          aria-disabled={fault !== undefined}
        >
          <Icon name="download" />
          <span>{words.parts.csv}</span>
        </a>
        {engineer && (
          <Button
            icon="download"
            disabled={items.value.length === 0}
            onClick={() => {
              open.value = "export"
            }}
            testid="parts-export"
          >
            {words.exports.open}
          </Button>
        )}
        {ticked.value.size > 0 && (
          <Button
            look="quiet"
            icon="close"
            onClick={() => {
              ticked.value = new Set()
            }}
          >
            {words.parts.unchoose}
          </Button>
        )}
        <Segmented
          label={words.parts.look}
          value={look}
          options={[
            { value: "grid", text: words.parts.looks.grid },
            { value: "table", text: words.parts.looks.table },
          ]}
          onValue={(value) => show({ look: value })}
          testid="parts-look"
        />
      </div>
      {look === "grid" ? (
        <PartGrid rows={items.value} ticked={ticked.value} onTick={tick} />
      ) : (
        items.value.length > 0 && <PartTable rows={items.value} ticked={ticked.value} onTick={tick} />
      )}
      {busy.value && searchedTo.value !== null && (
        <p class="muted" role="status">
          {words.parts.searching(format.dateTime(searchedTo.value))}
        </p>
      )}
      {busy.value && items.value.length === 0 && <Wait />}
      {!busy.value && !trouble.value && items.value.length === 0 && (
        <Empty icon="grid" title={words.parts.emptyTitle} body={words.parts.emptyBody} />
      )}
      {isMore.value && !busy.value && (
        <Button onClick={list.more} testid="parts-more">
          {words.parts.more}
        </Button>
      )}
      {doing.value && (
        <ActionDialog
          kind={doing.value}
          choice={choice}
          onClose={(changed) => {
            doing.value = undefined
            if (!changed) return
            ticked.value = new Set()
            list.reload()
          }}
        />
      )}
      {open.value === "export" && (
        <ExportDialog
          filter={filter}
          onClose={() => {
            open.value = undefined
          }}
        />
      )}
      {open.value === "done" && (
        <DoneDialog
          onClose={() => {
            open.value = undefined
            list.reload()
          }}
        />
      )}
      {open.value === "views" && (
        <ViewsDialog
          filter={filter}
          look={look}
          onOpen={(view) => {
            open.value = undefined
            show({ filter: view.filter, look: view.look })
          }}
          onClose={() => {
            open.value = undefined
          }}
        />
      )}
    </Page>
  )
}
