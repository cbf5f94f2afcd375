import * as v from "valibot"
import { Instant, Uuid } from "./ids.ts"
import { BadgeText, Language, PersonName, Pin, Role } from "./users.ts"

export const TabletName = v.pipe(v.string(), v.trim(), v.minLength(1), v.maxLength(32))

/** GET /api/tablets: the tablets people share. */
export const Tablet = v.object({
  id: Uuid,
  name: TabletName,
  enrolled_at: Instant,
  enrolled_by: v.string(),
  seen_at: Instant,
  revoked: v.boolean(),
})
export type Tablet = v.InferOutput<typeof Tablet>

/** POST /api/tablets/codes: shown once to the tablet that is to be enrolled; works once, for 15 minutes. */
export const NewTabletCode = v.object({ name: TabletName })
export const TabletCode = v.object({ code: v.string(), name: TabletName, expires_at: Instant })
export type TabletCode = v.InferOutput<typeof TabletCode>
/** POST /api/tablet: the tablet shows the code and gets a credential of its own as a cookie. */
export const TabletEnrolment = v.object({ code: v.pipe(v.string(), v.maxLength(64)) })
/** PATCH /api/tablets/:id */
export const TabletPatch = v.object({ name: TabletName })

export const TabletPerson = v.object({ id: Uuid, name: PersonName, role: Role, language: Language })
export type TabletPerson = v.InferOutput<typeof TabletPerson>
/** GET /api/tablet: what the sign-in screen of an enrolled tablet shows; null and empty anywhere else. */
export const ThisTablet = v.object({
  tablet: v.nullable(v.object({ id: Uuid, name: TabletName })),
  /** Who may sign in here with a PIN. */
  people: v.array(TabletPerson),
  /** 0: never locks. */
  idle_lock_minutes: v.number(),
})
export type ThisTablet = v.InferOutput<typeof ThisTablet>
/** POST /api/tablet/badge: whose badge it is. The PIN is still asked for. */
export const BadgeRequest = v.object({ badge: BadgeText })

/** GET and PUT /api/tablets/settings */
export const TabletSettings = v.object({
  idle_lock_minutes: v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(480)),
  /** The highest role that may sign in with a PIN; an admin never may. */
  pin_up_to: v.picklist(["worker", "reviewer", "engineer"]),
})
export type TabletSettings = v.InferOutput<typeof TabletSettings>

/** GET /api/tablets/people: how each person can sign in on tablets. */
export const PersonAccess = v.object({
  user_id: Uuid,
  pin: v.boolean(),
  /** After too many wrong tries; a new PIN or a sign-in by password opens it. */
  locked: v.boolean(),
  badge: v.boolean(),
})
export type PersonAccess = v.InferOutput<typeof PersonAccess>
/** PUT /api/users/:id/pin */
export const NewPin = v.object({ pin: Pin })
/** PUT /api/session/pin: `current` is the PIN so far or, without one, the password. */
export const OwnPin = v.object({ pin: Pin, current: v.pipe(v.string(), v.maxLength(128)) })
/** PUT /api/users/:id/badge: the text of a badge the person has, or none to make one. */
export const NewBadge = v.object({ code: v.optional(BadgeText) })
/** The hub keeps only a hash: a made code can be printed now or never. */
export const Badge = v.object({ user: Uuid, name: PersonName, code: v.string() })
export type Badge = v.InferOutput<typeof Badge>

/** POST /api/session/unlock: the same person is back at a locked tablet. */
export const Unlock = v.union([
  v.object({ pin: Pin }),
  v.object({ password: v.pipe(v.string(), v.maxLength(128)) }),
])
/** POST /api/session/label-pass: brings in what its owner leaves unsent on this tablet, and nothing else. */
export const LabelPass = v.object({ token: v.string(), expires_at: Instant })
export type LabelPass = v.InferOutput<typeof LabelPass>
