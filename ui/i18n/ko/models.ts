import { josa } from "es-hangul"
import type { Params } from "../params.ts"
import { n, num, pct, share, text } from "./say.ts"

export const models = {
  title: "모델",
  empty: "아직 모델이 없습니다",
  emptyBody: "부품을 판정하고 학습을 시작하면 여기에 나타납니다.",
  champion: "사용 중",
  state: { proving: "검증 중", candidate: "승인 대기", refused: "불합격", released: "배포됨" },
  line: "라인",
  made: "만든 때",
  release: (r: number) => `릴리스 ${r}`,
  candidate: "후보 모델",
  gate: "검증 결과",
  pass: "합격",
  fail: "불합격",
  warn: "주의",
  skip: "해당 없음",
  required: "필수",
  gateNone: "검증이 아직 끝나지 않았습니다",
  gateNoneBody: "기준 부품으로 시험하고 있습니다. 끝나면 저절로 나타납니다.",
  compare: "지금 모델과 비교",
  challenger: "이 모델",
  championCol: "지금 모델",
  escape: "미검률",
  overkill: "과검률",
  undecidable: "판단 불가율",
  auroc: "분리도(AUROC)",
  upper: (value: number) => `95% 상한 ${pct(value)}`,
  escapesOf: (count: number, of: number) => `불량 ${n(of)}장 중 ${n(count)}장`,
  overkillsOf: (count: number, of: number) => `양품 ${n(of)}장 중 ${n(count)}장`,
  perKind: "불량 종류별로 찾은 수",
  perKindRow: (found: number, of: number) => `${n(of)}장 중 ${n(found)}장 찾음`,
  failing: "틀리거나 판단하지 못한 기준 부품",
  failingNone: "틀린 기준 부품이 없습니다",
  truth: "정답",
  modelSaid: "모델",
  golden: (ok: number, ng: number) => `기준 부품: 양품 ${n(ok)}장, 불량 ${n(ng)}장`,
  looks: (count: number) => `지금까지 ${n(count)}번 시험`,
  latency: "판정 시간",
  approve: "승인하고 배포",
  approveTitle: "이 모델을 배포할까요?",
  approveBody: (stations: number) =>
    `먼저 한 대에서 시험하고, 괜찮으면 나머지로 넓힙니다. 모두 ${n(stations)}대입니다. 언제든 되돌릴 수 있습니다.`,
  approveConfirm: "배포 시작",
  approvedBy: (name: string) => `${josa(name, "이/가")} 승인`,
  needsEngineer: "배포는 엔지니어가 승인합니다.",
  size: "크기",
  recipe: "학습 방법",
  thresholds: "판정 경계",
  limits: {
    all: "모든 제품",
    other: "그 밖의 제품",
    scaled: "점수도 이 제품에 맞춤",
    ok: (value: string) => `양품 ${value} 미만`,
    ng: (value: string) => `불량 ${value} 이상`,
    note: "점수는 0(양품)에서 1(불량)까지입니다. 사이에 드는 부품은 판단 불가로 사람에게 갑니다.",
  },
  digest: "지문",
  classes: "알아보는 불량",
  job: "학습 보기",
  worse: "나빠짐",
  better: "좋아짐",
}

export const gate = {
  check: {
    integrity: "파일 무결성",
    parity: "계산 일치",
    escape: "미검",
    overkill: "과검",
    undecidable: "판단 불가",
    champion: "지금 모델과 비교",
    must_not_fail: "다시는 틀리면 안 되는 부품",
    per_kind: "불량 종류별",
    latency: "판정 시간",
  },
  byStatus: {
    pass: (check: string) => `${check} 기준을 지켰습니다.`,
    fail: (check: string) => `${check} 기준을 지키지 못했습니다.`,
    warn: (check: string) => `${check}: 확인이 필요합니다.`,
    skip: (check: string) => `${check}: 아직 잴 수 없습니다.`,
  },
  reason: {
    integrity: (p) => `기준 부품 ${num(p, "n")}장을 모두 판정했습니다.`,
    integrity_broken: (p) => `모델 파일을 쓸 수 없습니다 (${text(p, "why")}).`,
    golden_empty: () => "기준 부품이 없습니다. 먼저 기준 부품을 등록하세요.",
    golden_without_ok: () => "기준 부품에 양품이 없습니다. 양품을 등록하세요.",
    no_answer: (p) => `기준 부품 ${num(p, "n")}장에 답하지 못했습니다 (${text(p, "why")}).`,
    constant_score: () => "모든 부품에 같은 점수를 냅니다. 부품을 보고 있지 않습니다.",
    passes_blank: (p) => `부품이 없는 사진 ${num(p, "n")}장을 양품이라고 했습니다.`,
    parity: (p, status) =>
      status === "pass"
        ? "두 번 판정해도 결과가 같습니다."
        : `두 번 판정한 결과가 ${num(p, "flips")}장에서 다릅니다.`,
    escape: (p, status) =>
      `불량 ${num(p, "n")}장 중 ${num(p, "events")}장을 놓쳤습니다. 상한 ${share(p, "upper")}, 기준 ${share(p, "limit")}${status === "pass" ? " 안입니다." : "를 넘습니다."}`,
    escape_few: (p) =>
      `불량 ${num(p, "n")}장 중 ${num(p, "events")}장을 놓쳤습니다. 기준 부품이 ${num(p, "wanted")}장보다 적습니다.`,
    escape_unprovable: (p) =>
      `불량 ${num(p, "n")}장 중 ${num(p, "events")}장을 놓쳤습니다. 장수가 적어 미검률 ${share(p, "upper")} 이하까지만 증명됩니다.`,
    escape_first: (p) =>
      `불량 ${num(p, "n")}장 중 ${num(p, "events")}장을 놓쳤습니다. 양품만으로 배운 첫 모델이므로 더 넓은 기준 ${share(p, "limit")}를 적용했습니다.`,
    escape_improving: (p) =>
      `불량 ${num(p, "n")}장 중 ${num(p, "events")}장을 놓쳐 기준 ${share(p, "limit")}를 넘지만, 지금 쓰는 모델은 ${num(p, "champion_events")}장을 놓치고 새로 놓친 것은 없습니다.`,
    escape_unjudged: () => "기준 부품에 불량이 없어 미검을 잴 수 없습니다.",
    overkill: (p, status) =>
      `양품 ${num(p, "n")}장 중 ${num(p, "events")}장을 불량이라고 했습니다. 상한 ${share(p, "upper")}, 기준 ${share(p, "limit")}${status === "pass" ? " 안입니다." : "를 넘습니다."}`,
    overkill_few: (p) =>
      `양품 ${num(p, "n")}장 중 ${num(p, "events")}장을 불량이라고 했습니다. 기준 부품이 ${num(p, "wanted")}장보다 적습니다.`,
    overkill_unprovable: (p) =>
      `양품 ${num(p, "n")}장 중 ${num(p, "events")}장을 불량이라고 했습니다. 장수가 적어 과검률 ${share(p, "upper")} 이하까지만 증명됩니다.`,
    overkill_improving: (p) =>
      `양품 ${num(p, "n")}장 중 ${num(p, "events")}장을 불량이라 하여 기준 ${share(p, "limit")}를 넘지만, 지금 쓰는 모델은 ${num(p, "champion_events")}장이고 새로 틀린 것은 없습니다.`,
    overkill_unjudged: () => "기준 부품에 양품이 없어 과검을 잴 수 없습니다.",
    undecidable: (p, status) =>
      `${share(p, "share")}를 판단하지 못했습니다. 기준 ${share(p, "limit")}${status === "pass" ? " 안입니다." : "를 넘습니다."}`,
    champion_none: () => "비교할 모델이 아직 없습니다.",
    champion_new_miss_critical: (p) => `치명 불량을 새로 놓칩니다 (새 미검 ${num(p, "new_escapes")}장).`,
    champion_more_escapes: (p) =>
      `지금 모델보다 더 많이 놓칩니다 (새 미검 ${num(p, "new_escapes")}장, 해결 ${num(p, "fixed_escapes")}장).`,
    champion_more_overkills: (p) =>
      `지금 모델보다 양품을 더 버립니다 (새 과검 ${num(p, "new_overkills")}장, 해결 ${num(p, "fixed_overkills")}장).`,
    champion_only_new_escapes: (p) => `놓치는 부품만 ${num(p, "new_escapes")}장 늘었습니다.`,
    champion_no_gain: () => "나빠진 곳은 있고 좋아진 곳이 없습니다.",
    champion_better: (p) =>
      `지금 모델보다 낫습니다. 미검 ${num(p, "fixed_escapes")}장 해결, 새 미검 ${num(p, "new_escapes")}장, 새로 아는 불량 ${num(p, "new_kinds")}종.`,
    champion_equal: () => "지금 모델과 같은 결과입니다.",
    must_not_fail: (p, status) =>
      status === "pass"
        ? `전에 놓친 ${num(p, "n")}장을 모두 찾았습니다.`
        : `전에 놓친 ${num(p, "n")}장 중 ${num(p, "newly")}장을 다시 놓칩니다.`,
    must_not_fail_none: () => "확인된 미검이 아직 없습니다.",
    must_not_fail_still: (p) =>
      `전에 놓친 ${num(p, "n")}장 중 ${num(p, "missed")}장은 지금 모델처럼 아직 놓칩니다.`,
    per_kind: (p, status) =>
      status === "pass"
        ? `불량 ${num(p, "kinds")}종 모두 나빠지지 않았습니다.`
        : `‘${text(p, "kind")}’ ${num(p, "n")}장 중 ${num(p, "escapes")}장을 놓칩니다.`,
    per_kind_none: () => "기준 부품에 불량 종류가 없습니다.",
    latency: (p, status) =>
      `느린 1%가 ${num(p, "p99_ms")} ms입니다. 기준 ${num(p, "limit_ms")} ms${status === "pass" ? " 안입니다." : "를 넘습니다."}`,
  } as Record<string, (p: Params, status: string) => string>,
}
