import { uuidv7 } from "uuidv7"
import * as v from "valibot"
import { type Colleague, Mention } from "#contract/flow"
import type { InspectionView } from "#contract/labelling"
import { Tablet } from "#contract/tablets"
import { Session, User } from "#contract/users"
import { hour, minute } from "./names.ts"

export function makeUsers(now: number): User[] {
  return [
    ["admin", "김민지", "admin"],
    ["worker1", "이영수", "worker"],
    ["qe1", "박서연", "reviewer"],
  ].map(([login, name, role]) =>
    v.parse(User, { id: uuidv7(), login, name, role, language: "ko", disabled: false, created_at: now }),
  )
}

export const makeTablets = (now: number, id: string): Tablet[] =>
  [
    { id, name: "3라인 검사대", seen_at: now - 20_000, revoked: false },
    { id: uuidv7(), name: "1라인 검사대", seen_at: now - 9 * 24 * hour, revoked: true },
  ].map((tablet) => v.parse(Tablet, { ...tablet, enrolled_at: now - 30 * 24 * hour, enrolled_by: "김민지" }))

export const makeSession = (user: User, now: number): Session =>
  v.parse(Session, { user, expires_at: now + 12 * hour })

export const makeColleagues = (users: readonly User[]): Colleague[] =>
  users.map(({ id, name, role }) => ({ id, name, role }))

export function makeMentions(
  users: readonly User[],
  inspections: readonly InspectionView[],
  now: number,
): Mention[] {
  const [first, second] = users
  return inspections.slice(0, 1).map((inspection) =>
    v.parse(Mention, {
      comment: {
        id: "019ab2f0-0000-7000-8000-00000000000c",
        inspection_id: inspection.id,
        by: { id: second!.id, name: second!.name },
        text: "이 자국, 긁힘으로 볼까요?",
        mentions: [{ id: first!.id, name: first!.name }],
        at: now - 5 * minute,
      },
      inspection,
      seen: false,
    }),
  )
}
