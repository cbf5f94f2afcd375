import * as v from "valibot"
import { Instant, Uuid } from "./ids.ts"

/** Each role may do all that the ones before it may. */
export const roles = ["worker", "reviewer", "engineer", "admin"] as const
export const Role = v.picklist(roles)
export type Role = v.InferOutput<typeof Role>

export const Language = v.picklist(["ko", "en"])
export type Language = v.InferOutput<typeof Language>

export const Login = v.pipe(v.string(), v.regex(/^[a-z0-9][a-z0-9._-]{1,31}$/, "2 to 32 of a-z 0-9 . _ -"))
/** OWASP ASVS 5.0 §6.2: length counts, no composition rules; the upper bound limits hashing cost. */
export const Password = v.pipe(v.string(), v.minLength(12), v.maxLength(128))
export const PersonName = v.pipe(v.string(), v.trim(), v.minLength(1), v.maxLength(64))

export const User = v.object({
  id: Uuid,
  login: Login,
  name: PersonName,
  role: Role,
  language: Language,
  disabled: v.boolean(),
  created_at: Instant,
})
export type User = v.InferOutput<typeof User>

/** GET /api/setup */
export const SetupState = v.object({ needed: v.boolean() })
/** POST /api/setup: the code is printed by the hub at first start; it makes the first admin and signs in. */
export const SetupRequest = v.object({
  code: v.pipe(v.string(), v.maxLength(64)),
  login: Login,
  name: PersonName,
  password: Password,
  language: Language,
})
/** Taken on enrolled tablets alone, where the tablet itself is the other half of the proof. */
export const Pin = v.pipe(v.string(), v.regex(/^\d{4,6}$/, "4 to 6 digits"))
/** What a badge reader types; case and anything but letters and digits do not count. */
export const BadgeText = v.pipe(v.string(), v.minLength(8), v.maxLength(128))
/**
 * POST /api/session: by password, by a one-time sign-in token (printed by `crux demo`), or at an enrolled tablet by name
 * or badge with a PIN. Sets the session cookie.
 */
export const SignInRequest = v.union([
  v.object({ user: Uuid, pin: Pin }),
  v.object({ badge: BadgeText, pin: Pin }),
  v.object({ login: v.pipe(v.string(), v.maxLength(64)), password: v.pipe(v.string(), v.maxLength(128)) }),
  v.object({ token: v.pipe(v.string(), v.maxLength(128)) }),
])
/** GET /api/session, and the answer of sign-in and setup. */
export const Session = v.object({
  user: User,
  expires_at: Instant,
  /** The enrolled tablet it was opened on. */
  tablet: v.optional(v.object({ id: Uuid, name: v.string() })),
})
export type Session = v.InferOutput<typeof Session>
/** POST /api/session/one-time: a link that signs the caller in once on another screen, within 15 minutes. */
export const OneTimeSignIn = v.object({ token: v.string() })
/** POST /api/users (admin) */
export const NewUser = v.object({
  login: Login,
  name: PersonName,
  role: Role,
  language: Language,
  password: Password,
})
export type NewUser = v.InferOutput<typeof NewUser>
/** PATCH /api/users/:id (admin) */
export const UserPatch = v.partial(
  v.object({ name: PersonName, role: Role, language: Language, disabled: v.boolean(), password: Password }),
)
/** PATCH /api/session: what a person may change of their own account. */
export const OwnPatch = v.object({ language: Language })
