import { arrivals } from "./ko/arrivals.ts"
import { assist } from "./ko/assist.ts"
import { common, kind, nav, presence, problem, role, time, verdict } from "./ko/common.ts"
import { datasets } from "./ko/datasets.ts"
import { editor } from "./ko/editor.ts"
import { home, live } from "./ko/home.ts"
import { flow, label } from "./ko/label.ts"
import { gate, models } from "./ko/models.ts"
import { parts } from "./ko/parts.ts"
import { people, settings } from "./ko/people.ts"
import { rollouts, shadows } from "./ko/rollouts.ts"
import { n } from "./ko/say.ts"
import { session, setup, tablet } from "./ko/session.ts"
import { devices, station, stations, surroundings } from "./ko/stations.ts"
import { msa, together } from "./ko/together.ts"
import { learning, trainers, training } from "./ko/training.ts"

/**
 * Korean is the source of the word list: its shape is the type every other language must satisfy,
 * so a missing word is a compile error. Plant words: 양품/불량/보류, 미검 (escape), 과검 (overkill).
 */
export const ko = {
  code: "ko" as "ko" | "en",
  locale: "ko-KR",
  productLine: "사람이 가르치고, 라인이 배우는 검사",
  common,
  nav,
  verdict,
  kind,
  role,
  session,
  setup,
  home,
  live,
  presence,
  label,
  models,
  gate,
  training,
  rollouts,
  surroundings,
  shadows,
  stations,
  arrivals,
  people,
  settings,
  problem,
  time,
  devices,
  assist,
  tablet,
  editor,
  datasets,
  flow,
  together,
  msa,
  station,
  learning,
  trainers,
  parts,
  freeze: {
    together: "함께 두는 단위",
    groups: { part: "부품", lot: "로트", burst: "연속 촬영" },
    working: (done: string, total: string) => `데이터셋을 만드는 중 ${done} / ${total}`,
    reading: "라벨을 읽는 중",
    nearTitle: (count: number) => `기준 세트와 학습용에 거의 같은 사진이 ${n(count)}쌍 있습니다`,
    nearBody: "같은 사진으로 배우면 검증이 되지 않습니다. 그래서 아직 만들지 않았습니다.",
    leaveOut: "학습 사진을 빼고 만들기",
    allow: "서로 다른 부품임",
    golden: "기준 세트",
    training: "학습",
  },
  exports: {
    open: "다른 형식",
    title: "이 부품들 내보내기",
    lead: "필터에 걸린 부품 전부입니다. 라벨이 없는 부품도 들어갑니다.",
    underWay: "만드는 중",
    reading: "라벨을 읽는 중",
    pictures: (count: string, of: string) => `사진 ${of}장 중 ${count}장`,
    looking: (done: string, total: string) => `새 사진을 비교하는 중 ${done} / ${total}`,
    cancel: "그만두기",
  },
}

/** The shape every language fills. */
export type Words = typeof ko
