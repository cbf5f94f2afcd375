import { useSignal } from "@preact/signals"
import { useEffect, useRef } from "preact/hooks"
import { useLocation } from "preact-iso"
import { LabelStats } from "#contract/labelling"
import { useApp, useMay, useWords } from "./context.ts"
import { Icon, type IconName, Wordmark } from "./parts/icon.tsx"
import { split } from "./parts/split.tsx"
import { useResource } from "./resource.ts"
import type { TestId } from "./testids.ts"

const PersonDialog = split(() => import("./screens/session/person.dialog.tsx").then((m) => m.PersonDialog))

type Item = { href: string; icon: IconName; name: string; testid: TestId; badge?: string | undefined }

/** The main menu: a rail on tablets and desks, a bar on phones. */
export function Rail({ onIntent }: { onIntent: (href: string) => void }) {
  const app = useApp()
  const words = useWords()
  const { path } = useLocation()
  const person = useSignal(false)
  const engineer = useMay("engineer")
  const reviewer = useMay("reviewer")
  const stats = useResource("rail", (s) => app.api.get("/api/labelling/stats", LabelStats, s), [
    "label",
    "inspection",
  ])
  const waiting = stats.data.value?.waiting ?? 0
  const items: Item[] = [
    { href: "/", icon: "home", name: words.nav.home, testid: "nav-home" },
    {
      href: "/label",
      icon: "label",
      name: words.nav.label,
      testid: "nav-label",
      badge: waiting === 0 ? undefined : waiting > 99 ? "99+" : String(waiting),
    },
    // What is opened many times a shift first, what is set up once last.
    ...(reviewer
      ? [
          { href: "/review", icon: "check", name: words.together.nav, testid: "nav-review" } satisfies Item,
          { href: "/parts", icon: "grid", name: words.parts.nav, testid: "nav-parts" } satisfies Item,
        ]
      : []),
    { href: "/live", icon: "live", name: words.nav.live, testid: "nav-live" },
    ...(reviewer
      ? [
          {
            href: "/catalogue",
            icon: "catalogue",
            name: words.flow.catalogue.nav,
            testid: "nav-catalogue",
          } satisfies Item,
        ]
      : []),
    { href: "/datasets", icon: "datasets", name: words.datasets.title, testid: "nav-datasets" },
    { href: "/training", icon: "training", name: words.nav.training, testid: "nav-training" },
    { href: "/models", icon: "models", name: words.nav.models, testid: "nav-models" },
    { href: "/rollouts", icon: "rollouts", name: words.nav.rollouts, testid: "nav-rollouts" },
    { href: "/stations", icon: "stations", name: words.nav.stations, testid: "nav-stations" },
    ...(engineer
      ? [{ href: "/sources", icon: "sources", name: words.nav.sources, testid: "nav-sources" } satisfies Item]
      : []),
    ...(engineer
      ? [{ href: "/people", icon: "people", name: words.nav.people, testid: "nav-people" } satisfies Item]
      : []),
  ]
  const isHere = (href: string) => (href === "/" ? path === "/" : path.startsWith(href))
  // On a phone the row is longer than the screen: where one is must be seen.
  const rail = useRef<HTMLElement>(null)
  useEffect(() => {
    rail.current?.querySelector('[aria-current="page"]')?.scrollIntoView({ block: "nearest" })
  }, [path, reviewer, engineer])
  return (
    <nav class="rail" aria-label={words.nav.main} ref={rail}>
      <a class="button button-primary skip" href="#main">
        {words.nav.skip}
      </a>
      <Wordmark />
      <div class="rail-items">
        {items.map((item) => (
          <a
            key={item.href}
            class="rail-item"
            href={item.href}
            aria-current={isHere(item.href) ? "page" : undefined}
            data-testid={item.testid}
            onPointerEnter={() => onIntent(item.href)}
          >
            <Icon name={item.icon} size={26} />
            <span>{item.name}</span>
            {item.badge !== undefined && <span class="rail-badge num">{item.badge}</span>}
          </a>
        ))}
      </div>
      <div class="rail-items rail-foot">
        <button
          type="button"
          class="rail-item"
          aria-label={words.tablet.personOf(app.session.value?.user.name ?? "")}
          onClick={() => {
            person.value = true
          }}
          data-testid="nav-person"
        >
          <Icon name="people" size={26} />
          <span class="rail-person">{app.session.value?.user.name}</span>
        </button>
        <a
          class="rail-item"
          href="/settings"
          aria-current={isHere("/settings") ? "page" : undefined}
          data-testid="nav-settings"
        >
          <Icon name="settings" size={26} />
          <span>{words.nav.settings}</span>
        </a>
      </div>
      {person.value && (
        <PersonDialog
          onClose={() => {
            person.value = false
          }}
        />
      )}
    </nav>
  )
}
