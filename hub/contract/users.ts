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
/** POST /api/session: by password, or by a one-time sign-in token (printed by `crux demo`). Sets the session cookie. */
export const SignInRequest = v.union([
  v.object({ login: v.pipe(v.string(), v.maxLength(64)), password: v.pipe(v.string(), v.maxLength(128)) }),
  v.object({ token: v.pipe(v.string(), v.maxLength(128)) }),
])
/** GET /api/session, and the answer of sign-in and setup. */
export const Session = v.object({ user: User, expires_at: Instant })
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
